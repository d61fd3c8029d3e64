// cat, stack and their kin; repeat, flip, roll, triangles, diagonals, one_hot, bincount.
#include <doctest/doctest.h>

#include "autograd/ops/compare.h"
#include "autograd/ops/join.h"
#include "autograd/ops/rearrange.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using fg::test::check_op;

namespace {

Tensor range(IntArrayRef sizes, ScalarType dtype = kFloat) {
  int64_t count = 1;
  for (int64_t size : sizes) count *= size;
  return arange(count, dtype).reshape(sizes);
}
Tensor random(IntArrayRef sizes) { return randn(sizes, kDouble).requires_grad_(); }

void check_equal(const Tensor& actual, const Tensor& expected) {
  INFO("actual ", str(actual), " expected ", str(expected));
  CHECK(actual.dtype() == expected.dtype());
  CHECK(equal(actual, expected));
}

}  // namespace

TEST_CASE("cat: values, any layout") {
  const Tensor a = range({2, 3}), b = range({1, 3}).add(10);
  check_equal(cat({a, b}), tensor({{0.f, 1.f, 2.f}, {3.f, 4.f, 5.f}, {10.f, 11.f, 12.f}}));
  check_equal(cat({a, a.add(6)}, -1),
              tensor({{0.f, 1.f, 2.f, 6.f, 7.f, 8.f}, {3.f, 4.f, 5.f, 9.f, 10.f, 11.f}}));
  const Tensor square = range({3, 3});
  check_equal(cat({square.t(), square.slice(0, 0, 1).expand({3, 3})}, 1),
              cat({square.t().contiguous(), square.slice(0, 0, 1).expand({3, 3}).contiguous()}, 1));
  check_equal(cat({a}), a);
  CHECK(!cat({a}).is_alias_of(a));
  CHECK(cat({range({0, 3}), range({0, 3})}).sizes() == IntArrayRef{0, 3});
  CHECK(concat({a, a}).size(0) == 4);
}

TEST_CASE("cat: dtypes promote, empty 1-d tensors are skipped") {
  check_equal(cat({tensor({1, 2}), tensor({0.5f})}), tensor({1.f, 2.f, 0.5f}));
  CHECK(cat({tensor({true}), tensor({1}, kByte)}).dtype() == kByte);
  CHECK(cat({zeros({1}, kHalf), zeros({1}, kBFloat16)}).dtype() == kFloat);
  check_equal(cat({empty({0}), range({2, 2}), empty({0})}, 1), range({2, 2}));
  CHECK(cat({empty({0}), empty({0})}).sizes() == IntArrayRef{0});
}

TEST_CASE("cat: gradients go to every input in its own dtype") {
  const Tensor a = random({2, 3}).requires_grad_(), b = randn({4, 3}).requires_grad_();
  const Tensor empty_one = empty({0}, kDouble).requires_grad_();
  const Tensor weights = random({6, 3});
  cat({a, empty_one, b}).mul(weights).sum().backward();
  check_equal(a.grad(), weights.slice(0, 0, 2));
  check_equal(b.grad(), weights.slice(0, 2, 6).to(kFloat));
  CHECK(empty_one.grad().sizes() == IntArrayRef{0});
  check_op("cat",
           [](auto& in) {
             return cat({in[0], in[1]}, 1);
           },
           {random({2, 3}), random({2, 1})});
  check_op("cat of itself",
           [](auto& in) {
             return cat({in[0], in[0].square()});
           },
           {random({2, 2})});
}

TEST_CASE("stack and its kin") {
  const Tensor a = range({2, 3}), b = a.add(6);
  check_equal(stack({a, b}), range({2, 2, 3}));
  CHECK(stack({a, b}, 1).sizes() == IntArrayRef{2, 2, 3});
  check_equal(stack({a, b}, -1).select(2, 1), b);
  check_equal(stack({tensor(1.f), tensor(2.f)}), tensor({1.f, 2.f}));
  check_equal(hstack({tensor({1, 2}), tensor({3})}), tensor({1, 2, 3}));
  check_equal(hstack({a, b}), cat({a, b}, 1));
  check_equal(vstack({tensor({1, 2}), tensor({3, 4})}), tensor({{1, 2}, {3, 4}}));
  check_equal(dstack({tensor({1, 2}), tensor({3, 4})}), tensor({{{1, 3}, {2, 4}}}));
  check_equal(column_stack({tensor({1, 2}), tensor({{3, 4}, {5, 6}})}),
              tensor({{1, 3, 4}, {2, 5, 6}}));
  check_op("stack",
           [](auto& in) {
             return stack({in[0], in[1]}, 1);
           },
           {random({2, 3}), random({2, 3})});
}

TEST_CASE("join: errors") {
  CHECK_THROWS_WITH_AS(cat({}), "cat: tensors must hold at least one tensor, got an empty list",
                       Error);
  CHECK_THROWS_WITH_AS(cat({ones({2}), ones({})}),
                       "cat: tensors must have at least 1 dim, got a 0-d tensor at position 1",
                       Error);
  CHECK_THROWS_WITH_AS(cat({ones({2, 3}), ones({2, 2})}),
                       "cat: sizes of tensors must match except in dim 0, expected size 3 but got "
                       "size 2 in dim 1 of "
                       "tensor 1",
                       Error);
  CHECK_THROWS_WITH_AS(cat({ones({2, 3}), ones({2})}),
                       "cat: tensors must have the same number of dims, got 2 and 1 (tensor 1)",
                       Error);
  CHECK_THROWS_AS(cat({ones({2, 3})}, 2), IndexError);
  CHECK_THROWS_WITH_AS(
      stack({ones({2}), ones({3})}),
      "stack: tensors must have equal shapes, got [2] at entry 0 and [3] at entry 1", Error);
  CHECK_THROWS_WITH_AS(stack({}), "stack: tensors must hold at least one tensor, got an empty list",
                       Error);
  CHECK_THROWS_WITH_AS(meshgrid({ones({2, 2})}),
                       "meshgrid: tensors must be 0-d or 1-d, got shape [2, 2]", Error);
  CHECK_THROWS_WITH_AS(meshgrid({ones({2})}, "yx"),
                       "meshgrid: indexing must be \"ij\" or \"xy\", got \"yx\"", Error);
}

TEST_CASE("meshgrid") {
  const auto ij = meshgrid({tensor({1, 2}), tensor({3, 4, 5})});
  check_equal(ij[0], tensor({{1, 1, 1}, {2, 2, 2}}));
  check_equal(ij[1], tensor({{3, 4, 5}, {3, 4, 5}}));
  const auto xy = meshgrid({tensor({1, 2}), tensor({3, 4, 5})}, "xy");
  check_equal(xy[0], tensor({{1, 2}, {1, 2}, {1, 2}}));
  check_equal(xy[1], tensor({{3, 3}, {4, 4}, {5, 5}}));
  CHECK(meshgrid({tensor(1), tensor({3, 4})})[0].sizes() == IntArrayRef{1, 2});
}

TEST_CASE("repeat, tile, repeat_interleave") {
  check_equal(tensor({1, 2}).repeat({2, 2}), tensor({{1, 2, 1, 2}, {1, 2, 1, 2}}));
  CHECK(range({2, 3}).repeat({4, 2, 1}).sizes() == IntArrayRef{4, 4, 3});
  CHECK(range({2}).repeat({0}).sizes() == IntArrayRef{0});
  CHECK(tensor(3).repeat({2}).sizes() == IntArrayRef{2});
  CHECK(!range({2}).repeat({3}).is_view());
  CHECK(!range({2}).repeat_interleave(2, 0).is_view());
  const Tensor once = range({2});
  CHECK(!once.repeat({1}).is_alias_of(once));
  check_equal(tensor({{1, 2}}).tile({2}), tensor({{1, 2, 1, 2}}));
  check_equal(tensor({1, 2}).repeat_interleave(2), tensor({1, 1, 2, 2}));
  check_equal(tensor({{1, 2}, {3, 4}}).repeat_interleave(2, 1),
              tensor({{1, 1, 2, 2}, {3, 3, 4, 4}}));
  check_equal(repeat_interleave(tensor({{1, 2}, {3, 4}}), tensor({0, 3}), 0),
              tensor({{3, 4}, {3, 4}, {3, 4}}));
  check_op("repeat", [](auto& in) { return in[0].repeat({2, 1, 3}); }, {random({2, 2})});
  check_op("repeat_interleave", [](auto& in) { return in[0].repeat_interleave(3, 0); },
           {random({2, 2})});
  CHECK_THROWS_WITH_AS(range({2, 2}).repeat({2}),
                       "repeat: repeats must have at least 2 entries (the tensor's dims), got [2]",
                       Error);
  CHECK_THROWS_WITH_AS(range({2}).repeat({-1}), "repeat: repeats must not be negative, got [-1]",
                       Error);
  CHECK_THROWS_WITH_AS(
      repeat_interleave(range({3}), tensor({1, 2})),
      "repeat_interleave: repeats must have 3 entries (the tensor's size along dim "
      "0), got 2",
      Error);
}

TEST_CASE("flip, roll, rot90") {
  const Tensor x = range({2, 3});
  check_equal(x.flip({0}), tensor({{3.f, 4.f, 5.f}, {0.f, 1.f, 2.f}}));
  check_equal(x.flip({0, -1}), tensor({{5.f, 4.f, 3.f}, {2.f, 1.f, 0.f}}));
  check_equal(x.t().flip({0}), x.t().contiguous().flip({0}));
  check_equal(x.slice(1, 1, 3).flip({1}), tensor({{2.f, 1.f}, {5.f, 4.f}}));
  check_equal(tensor(2).flip({0}), tensor(2));
  CHECK(empty({0, 2}).flip({0, 1}).sizes() == IntArrayRef{0, 2});
  check_equal(fliplr(x), x.flip({1}));
  check_equal(flipud(x), x.flip({0}));
  check_equal(x.roll(1, 1), tensor({{2.f, 0.f, 1.f}, {5.f, 3.f, 4.f}}));
  check_equal(x.roll({1, -4}, {0, 1}), tensor({{4.f, 5.f, 3.f}, {1.f, 2.f, 0.f}}));
  check_equal(x.roll(8), tensor({{4.f, 5.f, 0.f}, {1.f, 2.f, 3.f}}));
  check_equal(x.roll(3, 1), x);
  check_equal(rot90(x), tensor({{2.f, 5.f}, {1.f, 4.f}, {0.f, 3.f}}));
  check_equal(rot90(x, -1), rot90(x, 3));
  check_equal(rot90(rot90(x)), rot90(x, 2));
  check_op("flip", [](auto& in) { return in[0].flip({1}); }, {random({2, 3})});
  check_op("roll", [](auto& in) { return in[0].roll({1, 1}, {0, 1}); }, {random({2, 3})});
  CHECK_THROWS_WITH_AS(x.flip({0, 0}), "flip: each dim may appear once, got [0, 0]", Error);
  CHECK_THROWS_AS(x.flip({2}), IndexError);
  CHECK_THROWS_WITH_AS(x.roll({1, 2}, {0}),
                       "roll: shifts and dims must have the same size, got [1, 2] and [0]", Error);
}

TEST_CASE("tril, triu, diag, diag_embed") {
  const Tensor x = range({3, 4}, kLong).add(1);
  check_equal(x.tril(), tensor({{1, 0, 0, 0}, {5, 6, 0, 0}, {9, 10, 11, 0}}));
  check_equal(x.tril(-1), tensor({{0, 0, 0, 0}, {5, 0, 0, 0}, {9, 10, 0, 0}}));
  check_equal(x.triu(1), tensor({{0, 2, 3, 4}, {0, 0, 7, 8}, {0, 0, 0, 12}}));
  check_equal(x.triu(-9), x);
  check_equal(x.tril(std::numeric_limits<int64_t>::max()), x);
  check_equal(x.triu(std::numeric_limits<int64_t>::max()), zeros_like(x));
  check_equal(x.tril(std::numeric_limits<int64_t>::min()), zeros_like(x));
  check_equal(x.t().tril(), x.t().contiguous().tril());
  const Tensor batch = range({2, 3, 3}).gt(3);
  check_equal(batch.triu().select(0, 1), batch.select(0, 1).triu());
  CHECK(empty({0, 3}).tril().sizes() == IntArrayRef{0, 3});
  check_equal(tril_indices(3, 3, -1), tensor({{1, 2, 2}, {0, 0, 1}}));
  check_equal(triu_indices(2, 3, 1), tensor({{0, 0, 1}, {1, 2, 2}}));
  check_equal(x.diag(1), tensor({2, 7, 12}));
  check_equal(tensor({1, 2}).diag(-1), tensor({{0, 0, 0}, {1, 0, 0}, {0, 2, 0}}));
  check_equal(diag_embed(tensor({{1, 2}, {3, 4}})), tensor({{{1, 0}, {0, 2}}, {{3, 0}, {0, 4}}}));
  check_op("tril", [](auto& in) { return in[0].tril(1); }, {random({2, 3, 3})});
  check_op("triu", [](auto& in) { return in[0].triu(); }, {random({3, 4})});
  check_op("diag", [](auto& in) { return in[0].diag(1); }, {random({3})});
  check_op("diag of a matrix", [](auto& in) { return in[0].diag(-1); }, {random({3, 4})});
  check_op("diag_embed", [](auto& in) { return diag_embed(in[0], 1, 0, 2); }, {random({2, 3})});
  CHECK_THROWS_WITH_AS(tensor({1}).tril(), "tril: tensor must have at least 2 dims, got shape [1]",
                       Error);
  CHECK_THROWS_WITH_AS(ones({1, 1, 1}).diag(),
                       "diag: tensor must have 1 or 2 dims, got shape [1, 1, 1]", Error);
}

TEST_CASE("one_hot, bincount") {
  check_equal(one_hot(tensor({0, 2})), tensor({{1, 0, 0}, {0, 0, 1}}));
  CHECK(one_hot(tensor({{0, 2}}), 5).sizes() == IntArrayRef{1, 2, 5});
  CHECK(one_hot(empty({0}, kLong), 3).sizes() == IntArrayRef{0, 3});
  check_equal(one_hot(tensor(1)), tensor({0, 1}));
  check_equal(bincount(tensor({1, 1, 4}, kInt)), tensor({0, 2, 0, 0, 1}));
  check_equal(bincount(tensor({1, 1}), tensor({0.5f, 2.f}), 3), tensor({0.f, 2.5f, 0.f}));
  CHECK(bincount(tensor({0}), tensor({1})).dtype() == kDouble);
  check_equal(bincount(empty({0}, kLong), nullopt, 2), tensor({0, 0}));
  CHECK_THROWS_WITH_AS(one_hot(tensor({-1})), "one_hot: class values must not be negative, got -1",
                       Error);
  CHECK_THROWS_WITH_AS(one_hot(tensor({3}), 3),
                       "one_hot: class values must be smaller than num_classes 3, got 3", Error);
  CHECK_THROWS_WITH_AS(one_hot(tensor({1.f})), "one_hot: tensor must have dtype Long, got Float",
                       Error);
  CHECK_THROWS_WITH_AS(bincount(tensor({-2})), "bincount: values must not be negative, got -2",
                       Error);
  CHECK_THROWS_WITH_AS(bincount(tensor({1.f})),
                       "bincount: tensor must be 1-d and of an integer dtype, got Float [1]",
                       Error);
}
