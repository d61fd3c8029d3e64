#include "autograd/ops/linalg.h"
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
  table["linear"] = [](auto& t, auto&) {
    return Tensors{linear(t[0], t[1], t.size() > 2 ? t[2] : Tensor())};
  };
}

}  // namespace fg::test
