// masked_fill, masked_select, masked_scatter, nonzero.
#include <doctest/doctest.h>

#include "autograd/ops/compare.h"
#include "autograd/ops/indexing.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using fg::test::check_op;
using indexing::None;
using indexing::Slice;

namespace {

Tensor range(IntArrayRef sizes) {
  int64_t count = 1;
  for (int64_t size : sizes) count *= size;
  return arange(count).reshape(sizes);
}
Tensor random(IntArrayRef sizes) { return randn(sizes, kDouble).requires_grad_(); }

void check_equal(const Tensor& actual, const Tensor& expected) {
  INFO("actual ", str(actual), " expected ", str(expected));
  CHECK(actual.dtype() == expected.dtype());
  CHECK(equal(actual, expected));
}

}  // namespace

TEST_CASE("masked_fill, masked_select, masked_scatter") {
  const Tensor x = tensor({{1.f, 2.f}, {3.f, 4.f}}), row = tensor({true, false});
  check_equal(x.masked_fill(row, -1), tensor({{-1.f, 2.f}, {-1.f, 4.f}}));
  check_equal(x.masked_fill(x.gt(2), tensor(0.5f)), tensor({{1.f, 2.f}, {0.5f, 0.5f}}));
  check_equal(tensor({1.f, 2.f}).masked_fill(tensor({{true}, {false}}), 0),
              tensor({{0.f, 0.f}, {1.f, 2.f}}));
  check_equal(tensor({1, 2}).masked_fill(tensor({true, false}), 2.9), tensor({2, 2}));
  Tensor y = x.clone();
  y.t().masked_fill_(row, 9);
  check_equal(y, tensor({{9.f, 9.f}, {3.f, 4.f}}));
  check_equal(x.masked_select(x.ge(2)), tensor({2.f, 3.f, 4.f}));
  check_equal(x.masked_select(row), tensor({1.f, 3.f}));
  check_equal(tensor(2.f).masked_select(tensor(true)), tensor({2.f}));
  CHECK(x.masked_select(tensor(false)).sizes() == IntArrayRef{0});
  check_equal(masked_scatter(x, row, tensor({8.f, 9.f, 10.f})), tensor({{8.f, 2.f}, {9.f, 4.f}}));
  check_op("masked_fill",
           [&](auto& in) { return in[0].masked_fill(row.to(in[0].device()), in[1]).square(); },
           {random({3, 2}), random({})});
  check_op("masked_select",
           [&](auto& in) { return in[0].masked_select(row.to(in[0].device())).square(); },
           {random({3, 2})});
  check_op("masked_scatter",
           [&](auto& in) { return masked_scatter(in[0], row.to(in[0].device()), in[1]).square(); },
           {random({3, 2}), random({4})});
  CHECK_THROWS_WITH_AS(x.masked_fill(tensor({1, 0}), 0),
                       "masked_fill: mask must have dtype Bool, got Long", Error);
  CHECK_THROWS_WITH_AS(
      y.masked_fill_(tensor({true, false, true}), 0),
      "masked_fill_: mask of shape [3] must be broadcastable to the tensor's shape "
      "[2, 2]",
      Error);
  CHECK_THROWS_WITH_AS(x.masked_fill(row, tensor({1.f})),
                       "masked_fill_: value must be a 0-d tensor, got shape [1]", Error);
  CHECK_THROWS_WITH_AS(
      masked_scatter(x, row, tensor({8.f})),
      "masked_scatter: source must have at least 2 elements (the mask's true ones), "
      "got 1",
      Error);
}

TEST_CASE("nonzero") {
  check_equal(tensor({{0.f, 2.f, -0.f}, {3.f, 0.f, 0.f}}).nonzero(), tensor({{0, 1}, {1, 0}}));
  check_equal(tensor({false, true, true}).nonzero(), tensor({{1}, {2}}));
  CHECK(tensor(1.f).nonzero().sizes() == IntArrayRef{1, 0});
  CHECK(tensor(0.f).nonzero().sizes() == IntArrayRef{0, 0});
  CHECK(empty({0, 3}).nonzero().sizes() == IntArrayRef{0, 2});
  check_equal(nonzero_numpy(tensor(2))[0], tensor({0}));
  check_equal(nonzero(range({2, 2}).t()), tensor({{0, 1}, {1, 0}, {1, 1}}));
  // Longer than one of the chunks that threads count.
  const Tensor sparse = zeros({200000}).index_put_({Slice(7, None, 1000)}, Scalar(1));
  check_equal(sparse.nonzero().squeeze(1), arange(7, 200000, 1000));
}
