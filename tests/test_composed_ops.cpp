// Ops that are compositions of others: gradients to the second order, and the error texts. Values are
// compared with PyTorch's by the fixtures.

#include <doctest/doctest.h>

#include "autograd/ops/aliases.h"
#include "autograd/ops/assemble.h"
#include "autograd/ops/distance.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/products.h"
#include "autograd/ops/scatter_reduce.h"
#include "autograd/ops/search.h"
#include "autograd/ops/special.h"
#include "autograd/ops/split.h"
#include "autograd/ops/statistics.h"
#include "autograd/ops/windows.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using namespace fg::test;

namespace {

using Variables = std::vector<Tensor>;
using Op = std::function<Tensor(const Variables&)>;

Tensor longs(std::vector<int64_t> values) { return tensor(values, kLong); }

}  // namespace

TEST_CASE("composed ops: gradients") {
  const Tensor index = longs({0, 2, 2, 1, 0});
  const auto scatter = [&](const char* how, bool include_self) -> Op {
    return [=](const Variables& t) {
      return scatter_reduce(t[0], 0, index.to(t[0].device()), t[1], how, include_self);
    };
  };
  check_op("sinc", Op([](auto& t) { return sinc(t[0]); }), {input({7}, 0.1, 3)});
  check_op("logaddexp2", Op([](auto& t) { return logaddexp2(t[0], t[1]); }),
           {input({2, 3}), input({3})});
  check_op("deg2rad", Op([](auto& t) { return rad2deg(deg2rad(t[0]) * t[0]); }), {input({4})});
  check_op("rsub", Op([](auto& t) { return rsub(t[0], t[1], 2); }), {input({4}), input({2, 4})});
  check_op("dist", Op([](auto& t) { return dist(t[0], t[1], 3); }), {input({4}), input({4}, 2, 3)});
  check_op("cdist", Op([](auto& t) { return cdist(t[0], t[1]); }), {input({3, 2}), input({4, 2})});
  check_op("pdist", Op([](auto& t) { return pdist(t[0], 3); }), {input({4, 2})});
  check_op("bilinear", Op([](auto& t) { return bilinear(t[0], t[1], t[2], t[3]); }),
           {input({3, 2}), input({3, 4}), input({5, 2, 4}), input({5})});
  check_op("addr", Op([](auto& t) { return addr(t[0], t[1], t[2], 0.5, 2); }),
           {input({2, 3}), input({2}), input({3})});
  check_op("chain_matmul", Op([](auto& t) { return chain_matmul(t); }),
           {input({2, 3}), input({3, 4}), input({4, 2})});
  check_op("tensordot", Op([](auto& t) {
             return tensordot(t[0], t[1], {1, 2}, {1, 0});
           }),
           {input({2, 3, 4}), input({4, 3, 2})});
  check_op("kron", Op([](auto& t) { return kron(t[0], t[1]); }), {input({2, 3}), input({2})});
  check_op("trace", Op([](auto& t) { return trace(t[0] * t[0]); }), {input({3, 4})});
  check_op("cross", Op([](auto& t) { return cross(t[0], t[1]); }), {input({2, 3}), input({1, 3})});
  check_op("nansum", Op([](auto& t) { return nansum(t[0] * t[0], IntArrayRef{1}); }),
           {input({2, 3})});
  check_op("tensor_split", Op([](auto& t) { return tensor_split(t[0] * t[0], 3)[1]; }),
           {input({7})});
  check_op("addbmm", Op([](auto& t) { return addbmm(t[0], t[1], t[2], 2, 0.5); }),
           {input({3, 2}), input({2, 3, 4}), input({2, 4, 2})});
  check_op("matrix_power", Op([](auto& t) { return matrix_power(t[0], 6); }), {input({3, 3})});
  check_op("cov", Op([](auto& t) { return cov(t[0]); }), {input({2, 4})});
  check_op("corrcoef", Op([](auto& t) { return corrcoef(t[0]); }), {input({2, 4})});
  check_op("trapezoid", Op([](auto& t) { return trapezoid(t[0], t[1]); }),
           {input({2, 4}), input({4})});
  check_op("renorm", Op([](auto& t) { return renorm(t[0], 2, 0, 1.1); }), {input({3, 4})});
  check_op("block_diag", Op([](auto& t) { return block_diag(t); }), {input({2, 3}), input({2})});
  check_op("combinations", Op([](auto& t) { return combinations(t[0] * t[0]); }), {input({4})});
  check_op("vander", Op([](auto& t) { return vander(t[0]); }), {input({3}, 0.5, 1)});
  check_op("select_scatter", Op([](auto& t) { return select_scatter(t[0], t[1] * t[1], 0, 1); }),
           {input({2, 3}), input({3})});
  for (const char* how : {"sum", "mean", "amax", "amin"}) {
    check_op(how, scatter(how, true), {input({4}), input({5})});
    check_op(how, scatter(how, false), {input({4}), input({5})});
  }
}

TEST_CASE("composed ops: what PyTorch does at the edges") {
  const Tensor at_zero = tensor({0., 1.}, kDouble).requires_grad_();
  sinc(at_zero).sum().backward();
  CHECK(at_zero.grad()[0].item<double>() == 0);
  const Tensor x = randn({2, 3});
  CHECK(positive(x).is_same(x));
  CHECK(cross(x, x).abs().max().item<float>() < 1e-6);
  CHECK(chain_matmul({x}).is_same(x));
  CHECK(searchsorted(ones({0}), x).equal(zeros({2, 3}, kLong)));
  CHECK(searchsorted(arange(4), Scalar(2), true, true).equal(full({}, 3, kInt)));
  CHECK(bucketize(2.5, linspace(0, 4, 5)).item<int64_t>() == 3);
  CHECK(pdist(ones({1, 3})).sizes() == IntArrayRef({0}));
  CHECK(isposinf(arange(3)).any().item<bool>() == false);
  CHECK(tensor_split(arange(2), 4)[3].numel() == 0);
  CHECK(histc(ones({0}), 3).equal(zeros({3})));
}

TEST_CASE("aliases: the op under its other name") {
  const Tensor x = rand({2, 3}) * 0.5, y = rand({2, 3}) + 1;
  CHECK(arcsin(x).equal(asin(x)));
  CHECK(fix(y).equal(trunc(y)));
  CHECK(multiply(x, y).equal(x * y));
  CHECK(true_divide(x, 2).equal(x / 2));
  CHECK(greater_equal(x, 0.2).equal(x.ge(0.2)));
  CHECK(clip(x, 0.1, 0.2).equal(x.clamp(0.1, 0.2)));
  CHECK(moveaxis(x, 0, 1).equal(x.t()));
  CHECK(swapdims(x, 0, 1).equal(adjoint(x)));
  CHECK(broadcast_to(x, {4, 2, 3}).sizes() == IntArrayRef({4, 2, 3}));
  CHECK(row_stack({x, y}).equal(cat({x, y})));
  const Tensor z = x.clone();
  clip_(z, 0.3);
  CHECK(z.equal(x.clamp_min(0.3)));
  arctan_(z);
  CHECK(z.equal(x.clamp_min(0.3).atan()));
}

#define CHECK_ERROR(expression, text) CHECK_THROWS_WITH_AS(expression, text, Error)

TEST_CASE("composed ops: errors") {
  const Tensor v = ones({3}), m = ones({2, 3});
  CHECK_ERROR(positive(ones({1}, kBool)), "positive: x must not be Bool");
  CHECK_ERROR(cdist(v, m),
              "cdist: x1 and x2 must have at least 2 dims, the last ones equal, got shapes [3] and "
              "[2, 3]");
  CHECK_ERROR(pdist(v), "pdist only supports 2D tensors, got: 1D");
  CHECK_ERROR(pdist(m, -1), "pdist only supports non-negative p values");
  CHECK_ERROR(addr(m, m, v), "addr: a and b must have 1 dim, got shapes [2, 3] and [3]");
  CHECK_ERROR(chain_matmul({m, m}),
              "chain_matmul: matrices[1] must have 2 dims and follow the one before it, got shape "
              "[2, 3]");
  CHECK_ERROR(tensordot(m, m, {0}, {1}),
              "tensordot: paired dims must have equal extents, got [2, 3] over [0] and [2, 3] over "
              "[1]");
  CHECK_ERROR(
      tensordot(m, m, {0}, {1, 0}),
      "tensordot: dims_self and dims_other must list equally many dims, got [0] and [1, 0]");
  CHECK_ERROR(trace(v), "trace: self must have 2 dims, got shape [3]");
  CHECK_ERROR(cross(ones({2}), ones({2})), "cross: no dim of [2] has extent 3");
  CHECK_ERROR(cross(m, m, 0), "cross: dim 0 must have extent 3, got shape [2, 3]");
  CHECK_ERROR(searchsorted(ones({2, 3}), ones({3, 3})),
              "searchsorted: values must agree with sorted_sequence [2, 3] in all extents but the "
              "last, got [3, 3]");
  CHECK_ERROR(bucketize(v, m), "bucketize: boundaries must have 1 dim, got shape [2, 3]");
  CHECK_ERROR(inner(m, ones({2})), "inner: the last extents must agree, got shapes [2, 3] and [2]");
  CHECK_ERROR(matrix_power(m, 2), "matrix_power: self must be square matrices, got shape [2, 3]");
  CHECK_ERROR(addbmm(m, m, m),
              "addbmm: a and b must be batches of matrices that fit, got shapes [2, 3] and [2, 3]");
  CHECK_ERROR(hsplit(v, 2), "hsplit: sections must divide 3 (dim 0), got 2");
  CHECK_ERROR(dsplit(v, 2), "dsplit: self must have at least 3 dims, got shape [3]");
  CHECK_ERROR(cov(ones({1, 2, 3})), "cov: x must have at most 2 dims, got shape [1, 2, 3]");
  CHECK_ERROR(renorm(v, 2, 0, 1), "renorm: x must have at least 2 dims, got shape [3]");
  CHECK_ERROR(block_diag({ones({1, 1, 1})}),
              "block_diag: tensors must have at most 2 dims, got shape [1, 1, 1]");
  CHECK_ERROR(cartesian_prod({m}), "cartesian_prod: tensors must have 1 dim, got shape [2, 3]");
  CHECK_ERROR(combinations(m), "combinations: x must have 1 dim, got shape [2, 3]");
  CHECK_ERROR(vander(m), "vander: x must have 1 dim, got shape [2, 3]");
  CHECK_ERROR(select_scatter(m, m, 0, 1),
              "select_scatter: src must have the slice's shape [3], got [2, 3]");
  CHECK_ERROR(hann_window(-1), "hamming_window: window_length must not be negative, got -1");
  CHECK_ERROR(hann_window(3, true, kLong), "hamming_window: dtype must be floating, got Long");
  CHECK_ERROR(histc(v, 0), "histc: bins must be positive, got 0");
  CHECK_ERROR(histc(v, 2, 2, 1), "histc: max must be larger than min, got [2, 1]");
  CHECK_ERROR(tensor_split(v, 0), "tensor_split: sections must be positive, got 0");
  CHECK_ERROR(scatter_reduce(v, 0, longs({0}), v, "max"),
              "scatter_reduce: reduce must be 'sum', 'mean', 'prod', 'amax' or 'amin', got 'max'");
  CHECK_ERROR(scatter_reduce(v, 0, longs({0, 1, 2, 0}), v, "sum"),
              "scatter_reduce: index must not be larger than src [3], got shape [4]");
}
