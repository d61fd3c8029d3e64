#include "autograd/ops/linalg.h"
#include "autograd/ops/products.h"
#include "tests/fixture_ops.h"

namespace fg::test {

void add_linear_algebra(OpTable& table) {
  table["matmul"] = [](auto& t, auto&) { return Tensors{matmul(t[0], t[1])}; };
  table["mm"] = [](auto& t, auto&) { return Tensors{mm(t[0], t[1])}; };
  table["bmm"] = [](auto& t, auto&) { return Tensors{bmm(t[0], t[1])}; };
  table["mv"] = [](auto& t, auto&) { return Tensors{mv(t[0], t[1])}; };
  table["dot"] = [](auto& t, auto&) { return Tensors{dot(t[0], t[1])}; };
  table["outer"] = [](auto& t, auto&) { return Tensors{outer(t[0], t[1])}; };
  table["addmm"] = [](auto& t, auto& a) {
    return Tensors{addmm(t[0], t[1], t[2], a.number("beta", 1), a.number("alpha", 1))};
  };
  table["addmv"] = [](auto& t, auto& a) {
    return Tensors{addmv(t[0], t[1], t[2], a.number("beta", 1), a.number("alpha", 1))};
  };
  table["baddbmm"] = [](auto& t, auto& a) {
    return Tensors{baddbmm(t[0], t[1], t[2], a.number("beta", 1), a.number("alpha", 1))};
  };
  table["einsum"] = [](auto& t, auto& a) { return Tensors{einsum(a.text("equation"), t)}; };
  table["bilinear"] = [](auto& t, auto&) { return Tensors{bilinear(t[0], t[1], t[2], t[3])}; };
  table["addr"] = [](auto& t, auto& a) {
    return Tensors{addr(t[0], t[1], t[2], a.number("beta", 1), a.number("alpha", 1))};
  };
  table["chain_matmul"] = [](auto& t, auto&) { return Tensors{chain_matmul(t)}; };
  table["tensordot"] = [](auto& t, auto& a) {
    const nlohmann::json& dims = a.json("dims");
    if (dims.is_number()) return Tensors{tensordot(t[0], t[1], dims.template get<int64_t>())};
    const auto lists = dims.template get<std::vector<std::vector<int64_t>>>();
    return Tensors{tensordot(t[0], t[1], lists[0], lists[1])};
  };
  table["addbmm"] = [](auto& t, auto& a) {
    return Tensors{addbmm(t[0], t[1], t[2], a.number("beta", 1), a.number("alpha", 1))};
  };
  table["inner"] = [](auto& t, auto&) { return Tensors{inner(t[0], t[1])}; };
  table["vdot"] = [](auto& t, auto&) { return Tensors{vdot(t[0], t[1])}; };
  table["ger"] = [](auto& t, auto&) { return Tensors{ger(t[0], t[1])}; };
  table["matrix_power"] = [](auto& t, auto& a) {
    return Tensors{matrix_power(t[0], a.integer("n"))};
  };
  table["kron"] = [](auto& t, auto&) { return Tensors{kron(t[0], t[1])}; };
  table["trace"] = [](auto& t, auto&) { return Tensors{trace(t[0])}; };
  table["cross"] = [](auto& t, auto& a) {
    return Tensors{cross(t[0], t[1], a.optional_integer("dim"))};
  };
  table["linear"] = [](auto& t, auto&) {
    return Tensors{linear(t[0], t[1], t.size() > 2 ? t[2] : Tensor())};
  };
}

}  // namespace fg::test
