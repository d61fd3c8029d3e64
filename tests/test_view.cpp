#include <cmath>

#include <doctest/doctest.h>

#include "autograd/ops/copy.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using autograd::variable_list;
using test::input;

TEST_CASE("views share storage and carry gradients") {
  const std::vector<std::pair<const char*, Tensor (*)(const Tensor&)>> views = {
      {"view",
       [](const Tensor& x) {
         return reshape(x, {4, 6});
       }},
      {"view -1",
       [](const Tensor& x) {
         return reshape(x, {2, -1});
       }},
      {"transpose", [](const Tensor& x) { return transpose(x, 0, -1); }},
      {"permute",
       [](const Tensor& x) {
         return permute(x, {1, 2, 0});
       }},
      {"movedim", [](const Tensor& x) { return movedim(x, 0, 2); }},
      {"expand",
       [](const Tensor& x) {
         return expand(x.unsqueeze(1), {2, 3, 3, 4});
       }},
      {"select", [](const Tensor& x) { return select(x, 1, -1); }},
      {"slice", [](const Tensor& x) { return slice(x, 2, 1, nullopt, 2); }},
      {"narrow", [](const Tensor& x) { return narrow(x, 1, 1, 2); }},
      {"squeeze", [](const Tensor& x) { return squeeze(x.unsqueeze(0)); }},
      {"unsqueeze", [](const Tensor& x) { return unsqueeze(x, -1); }},
      {"flatten", [](const Tensor& x) { return flatten(x, 1); }},
      {"unflatten",
       [](const Tensor& x) {
         return unflatten(x, -1, {2, -1});
       }},
      {"diagonal", [](const Tensor& x) { return diagonal(x, 1, 1, 2); }},
      {"diagonal below", [](const Tensor& x) { return diagonal(x, -1, 1, 2); }},
      {"unfold", [](const Tensor& x) { return unfold(x, 2, 3, 1); }},
      {"unbind", [](const Tensor& x) { return unbind(x, 1)[2]; }},
      {"split", [](const Tensor& x) { return split(x, 2, 1)[1]; }},
      {"chunk", [](const Tensor& x) { return chunk(x, 3, 2)[1]; }},
  };
  for (const auto& [name, op] : views)
    test::check_op(name, [op = op](const variable_list& v) { return op(v[0]).sin(); },
                   {input({2, 3, 4})});
  const Tensor x = zeros({2, 3, 4});
  for (const auto& [name, op] : views) {
    CAPTURE(std::string(name));
    CHECK(op(x).is_alias_of(x));
  }
}

TEST_CASE("as_strided: overlapping windows add their gradients") {
  const auto op = [](const variable_list& v) { return as_strided(v[0], {3, 3}, {1, 1}, 1).sin(); };
  CHECK_NOTHROW(autograd::backward({op({input({6})}).sum()}));
  test::OpCheckOptions options;
  options.other_dtypes = false;
  const Tensor x = input({6});
  CHECK(as_strided(x, {3, 3}, {1, 1}, 1)[2][2].item<double>() == x[5].item<double>());
  const Tensor y = as_strided(x, {3, 3}, {1, 1}, 1);
  y.sum().backward();
  CHECK(x.grad().equal(tensor({0.0, 1.0, 2.0, 3.0, 2.0, 1.0}, kDouble)));
  CHECK_THROWS_WITH_AS(
      as_strided(x, {4, 4}, {1, 1}),
      "as_strided: size [4, 4], stride [1, 1], offset 0 must lie within the storage "
      "of 6 elements",
      Error);
}

TEST_CASE("reshape copies only when it must") {
  const Tensor x = arange(12).view({3, 4});
  CHECK(reshape(x, {2, 6}).is_alias_of(x));
  CHECK(!reshape(x.t(), {2, 6}).is_alias_of(x));
  CHECK(reshape(x.t(), {12})[1].item<int>() == 4);
  CHECK(reshape(x.slice(1, 0, 2), {3, 2, 1}).is_alias_of(x));
  CHECK(empty({0, 3}).view({3, 0, 2}).numel() == 0);
  CHECK(ones({}).view({1, 1}).sizes() == IntArrayRef({1, 1}));
  CHECK_THROWS_WITH_AS(
      x.t().view({12}),
      "view: shape [12] does not fit the strides [1, 4] of shape [4, 3]; use reshape", Error);
  CHECK_THROWS_WITH_AS(x.view({5, -1}), "view: shape [5, -1] must fit 12 elements", Error);
  CHECK_THROWS_WITH_AS(x.view({-1, -1}), "view: only one size may be -1, got [-1, -1]", Error);
  CHECK_THROWS_WITH_AS(x.view({5}), "view: shape [5] must hold 12 elements, holds 5", Error);
}

TEST_CASE("in-place through a view reaches the base") {
  const Tensor x = zeros({3, 3});
  x.diagonal().fill_(1);
  x[0] = 5;
  x.select(1, 2).add_(2);
  CHECK(x.equal(tensor({{5.f, 5.f, 7.f}, {0.f, 1.f, 2.f}, {0.f, 0.f, 3.f}})));
  CHECK(x._version() == 3);
  const Tensor t = arange(4, kFloat);
  t.slice(0, 1).copy_(t.slice(0, 0, 3));
  CHECK(t.equal(tensor({0.f, 0.f, 1.f, 2.f})));
  const Tensor s = arange(4, kFloat);
  s.slice(0, 1).add_(s.slice(0, 0, 3));
  CHECK(s.equal(tensor({0.f, 1.f, 3.f, 5.f})));
}

TEST_CASE("errors") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH_AS(x.select(0, 2), "index 2 is out of bounds for dimension 0 with size 2",
                       IndexError);
  CHECK_THROWS_WITH_AS(x.size(2), "size: dim must be in [-2, 1], got 2", IndexError);
  CHECK_THROWS_WITH_AS(x.expand({3, 3}), "expand: shape [2, 3] cannot expand to [3, 3] (dim 0)",
                       Error);
  CHECK_THROWS_WITH_AS(x.narrow(1, 2, 2),
                       "narrow: start 2 and length 2 must lie within dim 1 of size 3", Error);
  CHECK_THROWS_WITH_AS(x.permute({0, 0}), "permute: each dim may appear once, got [0, 0]", Error);
  CHECK_THROWS_WITH_AS(x.split({1, 1}, 1), "split: sizes must sum to 3 (dim 1), got [1, 1]", Error);
  CHECK_THROWS_WITH_AS(x.slice(0, 0, 2, 0), "slice: step must be positive, got 0", Error);
}

TEST_CASE("conversions: dtype, memory format, copies") {
  test::check_op("clone", [](const variable_list& v) { return v[0].clone() * v[0]; },
                 {input({2, 3})});
  const Tensor x = input({2, 3});
  x.to(kFloat).to(kDouble).sum().backward();
  CHECK(x.grad().equal(ones({2, 3}, kDouble)));
  CHECK(x.to(kDouble).is_same(x));
  CHECK(!x.to(TensorOptions(kDouble), false, true).is_same(x));
  CHECK(tensor({1.7, -1.7, 300.0}).to(kByte).equal(tensor({1, 255, 44}, kByte)));
  CHECK(tensor({0.0, 0.5}).to(kBool).equal(tensor({false, true})));
  CHECK(tensor({65504.0, 70000.0, 6e-8}, kDouble)
            .to(kHalf)
            .to(kDouble)
            .equal(tensor({65504.0, double(INFINITY), 0x1p-24}, kDouble)));
  const Tensor image = arange(24, kFloat).view({1, 2, 3, 4});
  const Tensor last = image.contiguous(MemoryFormat::ChannelsLast);
  CHECK(last.strides() == IntArrayRef({24, 1, 8, 2}));
  CHECK(last.is_contiguous(MemoryFormat::ChannelsLast));
  CHECK(last.equal(image));
  // Transposing copies, in tiles and across threads.
  for (int64_t n : {31, 32, 33, 257}) {
    const Tensor m = arange(n * (n + 3)).view({n, n + 3});
    const Tensor t = m.t().contiguous();
    CHECK(t.is_contiguous());
    CHECK(t[n + 2][n - 1].item<int64_t>() == m[n - 1][n + 2].item<int64_t>());
    CHECK(t.t().equal(m));
  }
}
