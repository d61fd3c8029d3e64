// cumsum, cumprod, logcumsumexp, cummax, cummin, diff; comparisons of whole tensors.
#include <cmath>

#include <doctest/doctest.h>

#include "autograd/engine.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/scan.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using fg::autograd::grad;
using fg::test::check_op;

namespace {

constexpr float kInf = INFINITY, kNan = NAN;

Tensor random(IntArrayRef sizes) { return randn(sizes, kDouble).requires_grad_(); }

void check_equal(const Tensor& actual, const Tensor& expected) {
  INFO("actual ", str(actual), " expected ", str(expected));
  CHECK(actual.dtype() == expected.dtype());
  CHECK(actual.sizes() == expected.sizes());
  CHECK(allclose(actual, expected, 0, 0, /*equal_nan=*/true));
}

}  // namespace

TEST_CASE("cumsum") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  check_equal(x.cumsum(1), tensor({{1, 3, 6}, {4, 9, 15}}));
  check_equal(x.cumsum(0), tensor({{1, 2, 3}, {5, 7, 9}}));
  check_equal(x.t().cumsum(-1), tensor({{1, 5}, {2, 7}, {3, 9}}));
  check_equal(tensor({100, 100}, kChar).cumsum(0), tensor({100, 200}));
  check_equal(tensor({true, true, false}).cumsum(0), tensor({1, 2, 2}));
  check_equal(tensor({1, 2}).cumsum(0, kDouble), tensor({1., 3.}, kDouble));
  check_equal(tensor(4.f).cumsum(0), tensor(4.f));
  CHECK(empty({0, 3}).cumsum(0).sizes() == IntArrayRef{0, 3});
  CHECK(tensor({1.f}).to(kHalf).cumsum(0).dtype() == kHalf);
  // In float the sum would stop at 2^24.
  CHECK(ones({20000000}).cumsum(0)[-1].item<float>() == 20000000.f);
  const Tensor wide = randn({3, 7, 200}, kDouble);
  check_equal(wide.cumsum(1), wide.transpose(1, 2).contiguous().cumsum(2).transpose(1, 2));
  check_op("cumsum", [](auto& in) { return in[0].cumsum(0).square(); }, {random({3, 4})});
  CHECK_THROWS_WITH_AS(x.cumsum(2), "cumsum: dim must be in [-2, 1], got 2", IndexError);
}

TEST_CASE("cumprod") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  check_equal(x.cumprod(1), tensor({{1, 2, 6}, {4, 20, 120}}));
  check_equal(x.cumprod(0), tensor({{1, 2, 3}, {4, 10, 18}}));
  check_equal(tensor({2, 3}, kByte).cumprod(0), tensor({2, 6}));
  check_equal(tensor(4.f).cumprod(0), tensor(4.f));
  CHECK(empty({2, 0}).cumprod(1).sizes() == IntArrayRef{2, 0});
  check_op("cumprod", [](auto& in) { return in[0].cumprod(1); }, {random({2, 4})});
  check_op("cumprod of dim 0", [](auto& in) { return in[0].cumprod(0); }, {random({3, 2})});
}

TEST_CASE("cumprod: gradients where elements are zero, to third order") {
  const Tensor zeros_in =
      tensor({{2., 0., 3., 0., 2.}, {1., 2., 0., 3., 4.}}, kDouble).requires_grad_();
  check_op("cumprod with zeros", [](auto& in) { return in[0].cumprod(1); }, {zeros_in});
  const Tensor x = tensor({2., 0., 3.}, kDouble).requires_grad_();
  // y = x0 + x0 x1 + x0 x1 x2
  const Tensor first = grad({x.cumprod(0).sum()}, {x}, {}, nullopt, true)[0];
  check_equal(first.detach(), tensor({1., 2. + 6., 0.}, kDouble));
  const Tensor second = grad({first[1]}, {x}, {}, nullopt, true)[0];  // d/dx1 = x0 + x0 x2
  check_equal(second.detach(), tensor({4., 0., 2.}, kDouble));
  const Tensor third = grad({second[0]}, {x})[0];  // d2/dx1 dx0 = 1 + x2
  check_equal(third, tensor({0., 0., 1.}, kDouble));
}

TEST_CASE("logcumsumexp") {
  const Tensor x = random({3, 4});
  CHECK(allclose(logcumsumexp(x, 1), x.exp().cumsum(1).log()));
  check_equal(tensor({1000.f, -1000.f}).logcumsumexp(0), tensor({1000.f, 1000.f}));
  check_equal(tensor({-kInf, 1.f, kInf}).logcumsumexp(0), tensor({-kInf, 1.f, kInf}));
  check_equal(tensor({1.f, kNan, 2.f}).logcumsumexp(0), tensor({1.f, kNan, kNan}));
  check_op("logcumsumexp", [](auto& in) { return in[0].logcumsumexp(1); }, {random({2, 4})});
  const Tensor start = tensor({-kInf, -kInf, 0.f}).requires_grad_();
  start.logcumsumexp(0).sum().backward();
  check_equal(start.grad(), tensor({0.f, 0.f, 1.f}));
  CHECK_THROWS_WITH_AS(tensor({1}).logcumsumexp(0),
                       "logcumsumexp: tensor must have a floating dtype, got Long", Error);
}

TEST_CASE("cummax, cummin, diff") {
  const Tensor x = tensor({1.f, 3.f, 3.f, 2.f, 5.f});
  check_equal(std::get<0>(cummax(x, 0)), tensor({1.f, 3.f, 3.f, 3.f, 5.f}));
  check_equal(std::get<1>(cummax(x, 0)), tensor({0, 1, 2, 2, 4}));
  check_equal(std::get<1>(cummin(x, 0)), tensor({0, 0, 0, 0, 0}));
  check_equal(std::get<0>(cummax(tensor({1.f, kNan, 7.f}), 0)), tensor({1.f, kNan, kNan}));
  check_equal(std::get<1>(cummin(tensor({1.f, kNan, 0.f, kNan, 9.f}), 0)), tensor({0, 1, 1, 3, 3}));
  check_equal(std::get<0>(cummax(tensor({{1, 5}, {4, 2}}), 0)), tensor({{1, 5}, {4, 5}}));
  check_equal(std::get<0>(cummin(tensor({{3, 5}, {4, 2}}), 1)), tensor({{3, 3}, {4, 2}}));
  check_op("cummax", [](auto& in) { return std::get<0>(cummax(in[0], 1)); }, {random({2, 5})});
  check_equal(diff(tensor({1, 4, 9, 16})), tensor({3, 5, 7}));
  check_equal(diff(tensor({1, 4, 9, 16}), 2), tensor({2, 2}));
  check_equal(diff(tensor({true, false, false})), tensor({true, false}));
  check_op("diff", [](auto& in) { return diff(in[0], 2, 0); }, {random({4, 2})});
}

TEST_CASE("equal, isclose, allclose") {
  const Tensor x = tensor({1.f, 2.f});
  CHECK(x.equal(tensor({1.f, 2.f})));
  CHECK(!x.equal(tensor({1.f, 2.5f})));
  CHECK(!x.equal(tensor({{1.f, 2.f}})));
  CHECK(!tensor({kNan}).equal(tensor({kNan})));
  CHECK(empty({0}).equal(empty({0})));
  CHECK(x.t().equal(x));
  check_equal(
      tensor({1.f, kInf, kInf, kNan, 0.f}).isclose(tensor({1.000001f, kInf, -kInf, kNan, 1e-7f})),
      tensor({true, true, false, false, false}));
  CHECK(tensor({kNan}).allclose(tensor({kNan}), 0, 0, true));
  CHECK(!tensor({kNan}).allclose(tensor({kNan})));
  CHECK(tensor({100.f}).allclose(tensor({101.f}), 0.01));
  CHECK(!tensor({101.f}).allclose(tensor({100.f}), 0.0099));
  CHECK(tensor({3}).allclose(tensor({5}), 0, 2));
  CHECK(ones({2, 1}).allclose(ones({3})));
  CHECK_THROWS_WITH_AS(x.equal(tensor({1})),
                       "equal: tensors must have the same dtype, got Float and Long", Error);
  CHECK_THROWS_WITH_AS(x.allclose(tensor({1})),
                       "isclose: tensors must have the same dtype, got Float and Long", Error);
  CHECK_THROWS_WITH_AS(x.allclose(x, -1.0),
                       "isclose: rtol and atol must not be negative, got -1 and 1e-08", Error);
}
