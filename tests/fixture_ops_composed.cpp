// The ops of tests/fixtures/op_tables_composed.py.
#include "autograd/ops/assemble.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/matrix_norm.h"
#include "autograd/ops/quantile.h"
#include "autograd/ops/rearrange.h"
#include "autograd/ops/scan.h"
#include "autograd/ops/scatter_reduce.h"
#include "autograd/ops/search.h"
#include "autograd/ops/special.h"
#include "autograd/ops/statistics.h"
#include "tests/fixture_ops.h"

namespace fg::test {
namespace {

OpFunction quantile_case(bool skip_nan) {
  return [=](auto& t, auto& a) {
    const auto dim = a.optional_integer("dim");
    const bool keepdim = a.flag("keepdim");
    const std::string how = a.text("interpolation", "linear");
    if (t.size() > 1)
      return Tensors{skip_nan ? nanquantile(t[0], t[1], dim, keepdim, how)
                              : t[0].quantile(t[1], dim, keepdim, how)};
    const double q = a.number("q");
    return Tensors{skip_nan ? t[0].nanquantile(q, dim, keepdim, how)
                            : quantile(t[0], q, dim, keepdim, how)};
  };
}

void add_order(OpTable& table) {
  table["quantile"] = quantile_case(false);
  table["nanquantile"] = quantile_case(true);
  table["nanmedian"] = [](auto& t, auto& a) {
    if (!a.has("dim")) return Tensors{nanmedian(t[0])};
    return both(t[0].nanmedian(a.integer("dim"), a.flag("keepdim")));
  };
  table["mode"] = [](auto& t, auto& a) {
    return both(mode(t[0], a.integer("dim", -1), a.flag("keepdim")));
  };
  table["histogram"] = [](auto& t, auto& a) {
    if (a.flag("edges")) return both(histogram(t[0], t[1]));
    if (t.size() < 2) return both(t[0].histogram(a.integer("bins")));
    const auto range = a.json("range").template get<std::vector<double>>();
    return both(
        histogram(t[0], a.integer("bins"), ArrayRef<double>(range), t[1], a.flag("density")));
  };
  table["diff"] = [](auto& t, auto& a) {
    const int64_t dim = a.integer("dim");
    return Tensors{t.size() > 1 ? t[0].diff(a.integer("n"), dim, t[1], t[2]) : diff(t[0], 1, dim)};
  };
  table["cov"] = [](auto& t, auto& a) {
    const bool counted = a.flag("fweights");
    const size_t next = counted ? 2 : 1;
    return Tensors{cov(t[0], a.integer("correction", 1), counted ? t[1] : Tensor(),
                       t.size() > next ? t[next] : Tensor())};
  };
  table["cumulative_trapezoid"] = [](auto& t, auto& a) {
    const int64_t dim = a.integer("dim", -1);
    return Tensors{t.size() > 1 ? cumulative_trapezoid(t[0], t[1], dim)
                                : cumulative_trapezoid(t[0], a.scalar("dx"), dim)};
  };
}

void add_writes(OpTable& table) {
  table["index_reduce"] = [](auto& t, auto& a) {
    return Tensors{
        t[0].index_reduce(a.integer("dim"), t[1], t[2], a.text("reduce"), a.flag("include_self"))};
  };
  table["put"] = [](auto& t, auto& a) {
    return Tensors{put(t[0], t[1], t[2], a.flag("accumulate"))};
  };
  table["as_strided_scatter"] = [](auto& t, auto& a) {
    return Tensors{as_strided_scatter(t[0], t[1], a.integers("size"), a.integers("stride"),
                                      a.integer("storage_offset"))};
  };
}

void add_numbers(OpTable& table) {
  table["ldexp"] = [](auto& t, auto&) { return Tensors{ldexp(t[0], t[1])}; };
  table["mvlgamma"] = [](auto& t, auto& a) { return Tensors{mvlgamma(t[0], a.integer("p"))}; };
  table["entr"] = [](auto& t, auto&) { return Tensors{entr(t[0])}; };
  table["ndtr"] = [](auto& t, auto&) { return Tensors{ndtr(t[0])}; };
  table["xlog1py"] = [](auto& t, auto&) { return Tensors{xlog1py(t[0], t[1])}; };
  table["heaviside"] = [](auto& t, auto&) { return Tensors{t[0].heaviside(t[1])}; };
  table["gcd"] = [](auto& t, auto&) { return Tensors{gcd(t[0], t[1])}; };
  table["lcm"] = [](auto& t, auto&) { return Tensors{t[0].lcm(t[1])}; };
}

std::vector<int64_t> dims_or(const Arguments& a, std::vector<int64_t> otherwise) {
  return a.has("dim") ? a.integers("dim") : otherwise;
}
OptionalIntArrayRef optional_dims(const std::vector<int64_t>& dims) {
  return dims.empty() ? OptionalIntArrayRef() : OptionalIntArrayRef(dims);
}

void add_norms(OpTable& table) {
  table["matrix_norm"] = [](auto& t, auto& a) {
    const std::vector<int64_t> dims = dims_or(a, {-2, -1});
    if (a.json("ord") == "fro") return Tensors{linalg::matrix_norm(t[0], "fro", dims)};
    return Tensors{linalg::matrix_norm(t[0], a.scalar("ord"), dims, a.flag("keepdim"))};
  };
  table["vector_norm"] = [](auto& t, auto& a) {
    const std::vector<int64_t> dims = dims_or(a, {});
    return Tensors{
        linalg::vector_norm(t[0], a.scalar("ord"), optional_dims(dims), a.flag("keepdim"))};
  };
  table["linalg_norm"] = [](auto& t, auto& a) {
    const std::vector<int64_t> dims = dims_or(a, {});
    if (a.has("ord") && a.json("ord") == "fro")
      return Tensors{linalg::norm(t[0], "fro", optional_dims(dims))};
    return Tensors{linalg::norm(t[0], a.optional_scalar("ord"), optional_dims(dims))};
  };
  table["vecdot"] = [](auto& t, auto&) { return Tensors{linalg::vecdot(t[0], t[1])}; };
}

}  // namespace

void add_rare_ops(OpTable& table) {
  add_order(table);
  add_writes(table);
  add_numbers(table);
  add_norms(table);
}

}  // namespace fg::test
