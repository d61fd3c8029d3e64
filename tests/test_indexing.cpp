// x.index, index_put_, gather, scatter, the index_* family.
#include <doctest/doctest.h>

#include "autograd/grad_mode.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/indexing.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using fg::test::check_op;
using indexing::Ellipsis;
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

TEST_CASE("index: basic indices are views that share memory") {
  const Tensor x = range({2, 3, 4});
  check_equal(x.index({1}), x.select(0, 1));
  check_equal(x.index({-1, 0}), x.select(0, 1).select(0, 0));
  check_equal(x.index({Slice(), Slice(1, None), Slice(None, None, 2)}),
              x.slice(1, 1, 3).slice(2, 0, 4, 2));
  check_equal(x.index({Ellipsis, -1}), x.select(2, 3));
  check_equal(x.index({0, "...", 1}), x.select(0, 0).select(1, 1));
  CHECK(x.index({None, 1, None, Ellipsis, None}).sizes() == IntArrayRef{1, 1, 3, 4, 1});
  CHECK(x.index({Slice(5, 9)}).sizes() == IntArrayRef{0, 3, 4});
  CHECK(x.index({Slice(-1, None)}).sizes() == IntArrayRef{1, 3, 4});
  CHECK(x.index({Ellipsis}).is_alias_of(x));
  CHECK(!x.index({Ellipsis}).is_same(x));
  CHECK(x.index({1, Slice(0, 2)}).is_alias_of(x));
  check_equal(x.index({tensor(1)}), x[1]);
  CHECK(x.index({tensor(1)}).is_alias_of(x));
  check_equal(x[tensor(0)], x[0]);
}

TEST_CASE("index: index tensors") {
  const Tensor x = range({3, 4});
  check_equal(x.index({tensor({2, 0, 2})}), tensor({{8, 9, 10, 11}, {0, 1, 2, 3}, {8, 9, 10, 11}}));
  check_equal(x.index({Slice(), tensor({-1, 0})}), tensor({{3, 0}, {7, 4}, {11, 8}}));
  check_equal(x.index({tensor({2, 0}), tensor({1, -1})}), tensor({9, 3}));
  check_equal(x.index({tensor({{2}, {0}}), tensor({1, 3, 0})}), tensor({{9, 11, 8}, {1, 3, 0}}));
  check_equal(x.index({tensor({1, 2}, kInt)}), x.slice(0, 1, 3));
  check_equal(x.t().index({tensor({3, 0})}), x.t().contiguous().index({tensor({3, 0})}));
  check_equal(x.select(0, 1).expand({2, 4}).index({tensor({1}), tensor({2})}), tensor({6}));
  CHECK(x.index({empty({0}, kLong)}).sizes() == IntArrayRef{0, 4});
  CHECK(x.index({tensor({{0, 1}, {2, 2}})}).sizes() == IntArrayRef{2, 2, 4});
  CHECK(empty({0, 3}).index({empty({0}, kLong)}).sizes() == IntArrayRef{0, 3});
  CHECK(empty({2, 0}).index({tensor({5})}).sizes() == IntArrayRef{1, 0});  // addresses nothing
}

TEST_CASE("index: dims of the index tensors stay in place if neighbours, else come first") {
  const Tensor x = range({2, 3, 4, 5});
  const Tensor i = tensor({1, 0, 1}), j = tensor({2, 0, 1});
  CHECK(x.index({Slice(), j, i}).sizes() == IntArrayRef{2, 3, 5});
  CHECK(x.index({Slice(), j, Slice(), i}).sizes() == IntArrayRef{3, 2, 4});
  CHECK(x.index({i, Slice(), j}).sizes() == IntArrayRef{3, 3, 5});
  CHECK(x.index({0, j, Slice(), i}).sizes() == IntArrayRef{3, 4});
  CHECK(x.index({Ellipsis, i}).sizes() == IntArrayRef{2, 3, 4, 3});
  CHECK(x.index({i, None, j}).sizes() == IntArrayRef{3, 1, 4, 5});
  for (int64_t k = 0; k < 3; ++k)
    check_equal(x.index({Slice(), j, Slice(), i})[k],
                x.select(3, i[k].item<int64_t>()).select(1, j[k].item<int64_t>()));
}

TEST_CASE("index: masks and flags") {
  const Tensor x = range({2, 3});
  const Tensor mask = tensor({{true, false, true}, {false, true, false}});
  check_equal(x.index({mask}), tensor({0, 2, 4}));
  check_equal(x.index({tensor({false, true})}), tensor({{3, 4, 5}}));
  check_equal(x.index({Slice(), tensor({true, false, true})}), tensor({{0, 2}, {3, 5}}));
  check_equal(x.index({tensor({1, 0}, kByte)}), tensor({{0, 1, 2}}));
  check_equal(x.index({true}), x.unsqueeze(0));
  CHECK(x.index({false}).sizes() == IntArrayRef{0, 2, 3});
  check_equal(x.index({tensor(true)}), x.unsqueeze(0));
  // What follows a mask applies to the dims behind those that it covers.
  const Tensor cube = range({2, 3, 4});
  check_equal(cube.index({mask, Slice(1, 3)}), cube.index({mask}).slice(1, 1, 3));
  check_equal(cube.index({mask, 0}), cube.select(2, 0).index({mask}));
}

TEST_CASE("index: errors") {
  const Tensor x = range({3, 4});
  CHECK_THROWS_WITH_AS(x.index({5}), "index: index 5 is out of bounds for dimension 0 with size 3",
                       IndexError);
  CHECK_THROWS_WITH_AS(x.index({0, -5}),
                       "index: index -5 is out of bounds for dimension 0 with size 4", IndexError);
  CHECK_THROWS_WITH_AS(x.index({Slice(), tensor({0, 4})}),
                       "index: index 4 is out of bounds for dimension 1 with size 4", IndexError);
  CHECK_THROWS_WITH_AS(x.index({tensor({-4})}),
                       "index: index -4 is out of bounds for dimension 0 with size 3", IndexError);
  CHECK_THROWS_WITH_AS(x.index({0, 1, 2}),
                       "index: too many indices for tensor of dimension 2 (got 3)", IndexError);
  CHECK_THROWS_WITH_AS(x.index({Ellipsis, Ellipsis}),
                       "index: only one Ellipsis may appear, got two", IndexError);
  CHECK_THROWS_WITH_AS(x.index({tensor({0, 1}), tensor({0, 1, 2})}),
                       "index: index tensors must be broadcastable together, got shapes [[2], [3]]",
                       IndexError);
  CHECK_THROWS_WITH_AS(
      x.index({tensor({true, false})}),
      "index: the shape of the mask [2] at index 0 does not match the shape of the "
      "indexed tensor [3, 4] at index 0",
      IndexError);
  CHECK_THROWS_WITH_AS(x.index({tensor({0.5f})}),
                       "index: index tensors must be Long, Int, Bool or Byte, got Float",
                       IndexError);
  CHECK_THROWS_WITH_AS(empty({0, 2}).index({tensor({0})}),
                       "index: index 0 is out of bounds for dimension 0 with size 0", IndexError);
}

TEST_CASE("index: gradients") {
  const Tensor i = tensor({1, 0, 1}), j = tensor({2, 0, -1});
  check_op("index", [&](auto& in) { return in[0].index({i}); }, {random({2, 3})});
  check_op("index two",
           [&](auto& in) {
             return in[0].index({i, Slice(), j});
           },
           {random({2, 2, 3})});
  check_op("index mask",
           [&](auto& in) {
             return in[0].index({tensor({true, false, true})});
           },
           {random({3, 2})});
  check_op("index basic",
           [&](auto& in) {
             return in[0].index({Slice(1, 3), None, 0}).square();
           },
           {random({3, 2})});
}

TEST_CASE("index_put_: writes through views") {
  Tensor x = zeros({3, 4});
  x.index_put_({1}, tensor({1.f, 2.f, 3.f, 4.f}));
  check_equal(x[1], tensor({1.f, 2.f, 3.f, 4.f}));
  x.index_put_({Slice(), Slice(None, None, 2)}, Scalar(7));
  check_equal(x.select(1, 2), tensor({7.f, 7.f, 7.f}));
  x.index_put_({Slice(), tensor({3, 1})}, tensor({{5.f, 6.f}}));
  check_equal(x, tensor({{7.f, 6.f, 7.f, 5.f}, {7.f, 6.f, 7.f, 5.f}, {7.f, 6.f, 7.f, 5.f}}));
  x.index_put_({x.gt(6)}, Scalar(0));
  check_equal(x[0], tensor({0.f, 6.f, 0.f, 5.f}));
  x.index_put_({Slice(1, 3), tensor({0})}, ones({1, 1, 2, 1}));  // leading ones of a value drop
  check_equal(x.select(1, 0), tensor({0.f, 1.f, 1.f}));
  x.t().index_put_({tensor({0})}, Scalar(2));
  check_equal(x.select(1, 0), tensor({2.f, 2.f, 2.f}));
  x.index_put_({Ellipsis}, zeros({3, 4}));
  check_equal(x, zeros({3, 4}));
}

TEST_CASE("index_put: duplicates") {
  const Tensor x = zeros({3}), i = tensor({1, 1, -2, 0});
  const Tensor values = tensor({1.f, 2.f, 4.f, 8.f});
  check_equal(index_put(x, {i}, values), tensor({8.f, 4.f, 0.f}));
  check_equal(index_put(x, {i}, values, true), tensor({8.f, 7.f, 0.f}));
  check_equal(x, zeros({3}));
  check_equal(index_put(zeros({2, 2}), {Slice(), tensor({1, 1})}, ones({2}), true),
              tensor({{0.f, 2.f}, {0.f, 2.f}}));
  // Each addition of 2^-10 to 1 would be lost in bfloat16.
  const Tensor small = full({1024}, 1.0 / 1024, kBFloat16);
  CHECK(index_put(ones({1}, kBFloat16), {zeros({1024}, kLong)}, small, true).item<float>() == 2.f);
  CHECK(index_put(zeros({2}, kBool), {tensor({1, 1})}, tensor({true, true}), true)[1].item<bool>());
}

TEST_CASE("index_put_: a value that shares the target's memory") {
  Tensor x = range({4});
  x.index_put_({tensor({0, 1, 2, 3})}, x.flip({0}));
  check_equal(x, tensor({3, 2, 1, 0}));
  x.index_put_({tensor({1, 2, 3})}, x.slice(0, 0, 3));
  check_equal(x, tensor({3, 3, 2, 1}));
}

TEST_CASE("index_put_: gradients") {
  const Tensor i = tensor({2, 0});
  check_op("index_put", [&](auto& in) { return index_put(in[0], {i}, in[1]).square(); },
           {random({3, 2}), random({2})});
  check_op("index_put accumulate",
           [&](auto& in) {
             return index_put(in[0], {tensor({2, 2})}, in[1], true).square();
           },
           {random({3, 2}), random({2, 2})});
  check_op("index_put_ on a view",
           [&](auto& in) {
             Tensor y = in[0].square();
             y.index_put_({1, Slice(0, 2)}, in[1]);
             y.select(1, 0).index_put_({i}, in[1]);
             return y.square();
           },
           {random({3, 2}), random({2})});
  const Tensor leaf = random({3}).requires_grad_();
  CHECK_THROWS_AS(leaf.index_put_({tensor({0})}, Scalar(1)), Error);
  CHECK_THROWS_AS(leaf.index_put_({0}, Scalar(1)), Error);
  {
    NoGradGuard no_grad;
    leaf.index_put_({tensor({0})}, Scalar(1));
  }
  CHECK(leaf[0].item<double>() == 1);
}

TEST_CASE("index_put_: errors") {
  Tensor x = zeros({3, 4});
  CHECK_THROWS_WITH_AS(x.index_put_({tensor({0, 1})}, ones({3})),
                       "index_put: values of shape [3] must be broadcastable to the indexing "
                       "result's shape [2, 4]",
                       Error);
  CHECK_THROWS_WITH_AS(x.index_put_({tensor({0})}, ones({4}, kDouble)),
                       "index_put: values must have dtype Float (the tensor's dtype), got Double",
                       Error);
  CHECK_THROWS_AS(x.index_put_({tensor({1, 3})}, Scalar(1)), IndexError);
  check_equal(x, zeros({3, 4}));  // nothing was written before the check
  CHECK_THROWS_AS(x.select(1, 0).unsqueeze(1).expand({3, 2}).index_put_({tensor({0})}, Scalar(1)),
                  Error);
}

TEST_CASE("gather and take_along_dim") {
  const Tensor x = range({3, 4});
  check_equal(x.gather(0, tensor({{2, 0}, {1, 1}})), tensor({{8, 1}, {4, 5}}));
  check_equal(x.gather(-1, tensor({{3, 3, 0, 1, 2}})), tensor({{3, 3, 0, 1, 2}}));
  check_equal(x.t().gather(0, tensor({{1, 2}})), tensor({{1, 6}}));
  check_equal(tensor(5).gather(0, tensor(0)), tensor(5));
  check_equal(tensor(5).gather(0, tensor({0, 0})), tensor({5, 5}));
  CHECK(x.gather(0, empty({0, 4}, kLong)).sizes() == IntArrayRef{0, 4});
  CHECK(x.gather(1, empty({0}, kLong)).sizes() == IntArrayRef{0});
  check_equal(x.gather(1, tensor({{2}}).expand({3, 2})), tensor({{2, 2}, {6, 6}, {10, 10}}));
  check_equal(take_along_dim(x, tensor({{3}, {0}, {1}}), 1), tensor({{3}, {4}, {9}}));
  check_equal(take_along_dim(x, tensor({{2}}), 1), tensor({{2}, {6}, {10}}));
  check_equal(take_along_dim(x, tensor({11, 0})), tensor({11, 0}));
  const Tensor i = tensor({{0, 1, 1}, {2, 2, 0}});
  check_op("gather", [&](auto& in) { return in[0].gather(1, i.to(in[0].device())); },
           {random({2, 3})});
  CHECK_THROWS_WITH_AS(x.gather(0, tensor({{3}})),
                       "gather: index 3 is out of bounds for dimension 0 with size 3", IndexError);
  CHECK_THROWS_WITH_AS(x.gather(0, tensor({{-1}})),
                       "gather: index -1 is out of bounds for dimension 0 with size 3", IndexError);
  CHECK_THROWS_WITH_AS(x.gather(0, tensor({0})),
                       "gather: index must have 2 dims (those of the tensor), got 1", Error);
  CHECK_THROWS_WITH_AS(x.gather(0, tensor({{0}}, kInt)),
                       "gather: index must have dtype Long, got Int", Error);
  CHECK_THROWS_WITH_AS(x.gather(0, zeros({1, 5}, kLong)),
                       "gather: index must be no larger than the tensor [3, 4] except along dim 0, "
                       "got [1, 5]",
                       Error);
}

TEST_CASE("scatter and scatter_add") {
  const Tensor x = zeros({3, 4}), i = tensor({{0, 2, 1, 0}}), ones_row = ones({1, 4});
  check_equal(x.scatter(0, i, ones_row),
              tensor({{1.f, 0.f, 0.f, 1.f}, {0.f, 0.f, 1.f, 0.f}, {0.f, 1.f, 0.f, 0.f}}));
  check_equal(x.scatter(1, tensor({{3}, {0}}), 2),
              tensor({{0.f, 0.f, 0.f, 2.f}, {2.f, 0.f, 0.f, 0.f}, {0.f, 0.f, 0.f, 0.f}}));
  // A source larger than the index is used from its start.
  check_equal(zeros({4}).scatter(0, tensor({3, 1}), tensor({1.f, 2.f, 3.f})),
              tensor({0.f, 2.f, 0.f, 1.f}));
  check_equal(zeros({2}).scatter_add(0, tensor({1, 1, 0}), tensor({1.f, 2.f, 4.f})),
              tensor({4.f, 3.f}));
  check_equal(zeros({3}).scatter(0, tensor({1, 1}), tensor({1.f, 2.f})), tensor({0.f, 2.f, 0.f}));
  check_equal(tensor(1.f).scatter_add(0, tensor(0), tensor(2.f)), tensor(3.f));
  check_equal(x.scatter(0, empty({0, 4}, kLong), ones({0, 4})), x);
  Tensor y = zeros({2, 2});
  y.t().scatter_(0, tensor({{0, 1}}), ones({1, 2}));
  check_equal(y, tensor({{1.f, 0.f}, {0.f, 1.f}}));
  const Tensor along = tensor({{0, 2}, {1, 1}});
  check_op("scatter",
           [&](auto& in) {
             return in[0].scatter(1, tensor({{0, 2}, {1, 0}}).to(in[0].device()), in[1]).square();
           },
           {random({2, 3}), random({2, 3})});
  check_op("scatter_add",
           [&](auto& in) { return in[0].scatter_add(1, along.to(in[0].device()), in[1]).square(); },
           {random({2, 3}), random({2, 2})});
  CHECK_THROWS_WITH_AS(zeros({2}).scatter_(0, tensor({2}), ones({1})),
                       "scatter_: index 2 is out of bounds for dimension 0 with size 2",
                       IndexError);
  CHECK_THROWS_WITH_AS(zeros({2}).scatter_(0, tensor({0, 1}), ones({1})),
                       "scatter_: index must be no larger than source [1], got [2]", Error);
  CHECK_THROWS_WITH_AS(
      zeros({2}).scatter_add_(0, tensor({0}), ones({1}, kDouble)),
      "scatter_add_: source must have dtype Float (the tensor's dtype), got Double", Error);
}

TEST_CASE("index_select, index_add_, index_copy_, index_fill_, take") {
  const Tensor x = range({3, 4}).to(kFloat);
  check_equal(x.index_select(0, tensor({2, 0, 2})), x.index({tensor({2, 0, 2})}));
  check_equal(x.index_select(-1, tensor({3, 1}, kInt)), x.index({Slice(), tensor({3, 1})}));
  check_equal(x.t().index_select(0, tensor(1)), x.slice(1, 1, 2).t());
  check_equal(tensor(5).index_select(0, tensor({0})), tensor(5));
  CHECK(x.index_select(1, empty({0}, kLong)).sizes() == IntArrayRef{3, 0});
  check_equal(zeros({3, 2}).index_add(0, tensor({2, 0, 2}), ones({3, 2})),
              tensor({{1.f, 1.f}, {0.f, 0.f}, {2.f, 2.f}}));
  check_equal(index_add(zeros({2}), 0, tensor({1}), ones({1}), -2), tensor({0.f, -2.f}));
  check_equal(index_copy(zeros({3}), 0, tensor({2, 0}), tensor({1.f, 2.f})),
              tensor({2.f, 0.f, 1.f}));
  check_equal(index_fill(zeros({2, 3}), 1, tensor({0, -1}), 4),
              tensor({{4.f, 0.f, 4.f}, {4.f, 0.f, 4.f}}));
  check_equal(x.take(tensor({{0, 11}, {-1, 5}})), tensor({{0.f, 11.f}, {11.f, 5.f}}));
  check_equal(x.t().take(tensor({1})), tensor({4.f}));
  const Tensor i = tensor({2, 0, 2});
  check_op("index_select", [&](auto& in) { return in[0].index_select(1, i.to(in[0].device())); },
           {random({2, 3})});
  check_op("index_add",
           [&](auto& in) { return index_add(in[0], 1, i.to(in[0].device()), in[1], 3).square(); },
           {random({2, 3}), random({2, 3})});
  check_op("index_copy",
           [&](auto& in) {
             return index_copy(in[0], 1, tensor({2, 0}).to(in[0].device()), in[1]).square();
           },
           {random({2, 3}), random({2, 2})});
  check_op(
      "index_fill",
      [&](auto& in) { return index_fill(in[0], 0, tensor({1}).to(in[0].device()), 2).square(); },
      {random({2, 3})});
  check_op("take",
           [&](auto& in) {
             return in[0].take(tensor({5, 0, 5}).to(in[0].device())).square();
           },
           {random({2, 3})});
  CHECK_THROWS_WITH_AS(x.index_select(0, tensor({-1})),
                       "index_select: index -1 is out of bounds for dimension 0 with size 3",
                       IndexError);
  CHECK_THROWS_WITH_AS(x.index_select(0, tensor({{0}})),
                       "index_select: index must have at most 1 dim, got shape [1, 1]", Error);
  CHECK_THROWS_WITH_AS(x.index_select(0, tensor({0.f})),
                       "index_select: index must have dtype Long or Int, got Float", Error);
  CHECK_THROWS_WITH_AS(zeros({3, 2}).index_add_(0, tensor({1}), ones({1, 3})),
                       "index_add_: source must have shape [1, 2] (the tensor's, with index's 1 "
                       "entries along dim 0), got [1, 3]",
                       Error);
  CHECK_THROWS_WITH_AS(x.take(tensor({12})),
                       "index: index 12 is out of bounds for dimension 0 with size 12", IndexError);
}

TEST_CASE("indexing: large tensors, where threads share the work") {
  const Tensor x = randn({300, 500}), rows = randint(300, {1000}), columns = randint(500, {1000});
  const Tensor picked = x.index({rows, columns});
  for (int64_t k : {0, 499, 999})
    CHECK(picked[k].item<float>() ==
          x[rows[k].item<int64_t>()][columns[k].item<int64_t>()].item<float>());
  const Tensor sum = zeros({300, 500}, kDouble);
  Tensor expected = zeros({300, 500}, kDouble);
  const Tensor source = randn({1000, 500}, kDouble);
  for (int64_t k = 0; k < 1000; ++k) expected[rows[k].item<int64_t>()].add_(source[k]);
  check_equal(sum.index_add(0, rows, source), expected);
  check_equal(sum.scatter_add(0, rows.unsqueeze(1).expand({1000, 500}), source), expected);
  check_equal(index_put(sum.t(), {Slice(), rows}, source.t(), true).t(), expected);
}

TEST_CASE("indexing: duplicates are written in order, whatever the threads") {
  const Tensor rows = zeros({300000}, kLong), one = ones({300000, 4});
  const Tensor sum = zeros({2, 4}).index_add_(0, rows, one);
  check_equal(sum, tensor({{300000.f, 300000.f, 300000.f, 300000.f}, {0.f, 0.f, 0.f, 0.f}}));
  const Tensor numbered = one.cumsum(0);
  check_equal(zeros({2, 4}).index_copy_(0, rows, numbered), sum);
  check_equal(zeros({2, 4}).scatter_(0, rows.unsqueeze(1).expand({300000, 4}), numbered), sum);
}
