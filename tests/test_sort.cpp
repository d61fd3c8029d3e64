// sort, topk, kthvalue, median, unique.
#include <cmath>

#include <doctest/doctest.h>

#include "autograd/ops/compare.h"
#include "autograd/ops/sort.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using fg::test::check_op;

namespace {

constexpr double kInf = INFINITY, kNan = NAN;

// Values that gradient checking cannot reorder.
Tensor distinct(IntArrayRef sizes) {
  int64_t count = 1;
  for (int64_t size : sizes) count *= size;
  return randperm(count).to(kDouble).sub(count / 3).reshape(sizes).requires_grad_();
}

void check_equal(const Tensor& actual, const Tensor& expected) {
  INFO("actual ", str(actual), " expected ", str(expected));
  CHECK(actual.dtype() == expected.dtype());
  CHECK(actual.sizes() == expected.sizes());
  CHECK(allclose(actual, expected, 0, 0, /*equal_nan=*/true));
}

}  // namespace

TEST_CASE("sort: values and positions along any dim") {
  const Tensor x = tensor({{3, 1, 2}, {4, 6, 5}});
  const auto [values, indices] = x.sort();
  check_equal(values, tensor({{1, 2, 3}, {4, 5, 6}}));
  check_equal(indices, tensor({{1, 2, 0}, {0, 2, 1}}));
  check_equal(std::get<0>(x.sort(0, true)), tensor({{4, 6, 5}, {3, 1, 2}}));
  check_equal(std::get<0>(x.t().sort(0)), tensor({{1, 4}, {2, 5}, {3, 6}}));
  check_equal(x.argsort(1, true), tensor({{0, 2, 1}, {1, 2, 0}}));
  check_equal(msort(x.t()), std::get<0>(x.t().sort(0)));
  check_equal(std::get<0>(tensor(3).sort()), tensor(3));
  check_equal(std::get<1>(tensor(3).sort()), tensor(0));
  CHECK(std::get<0>(empty({0, 3}).sort(0)).sizes() == IntArrayRef{0, 3});
  CHECK(std::get<1>(empty({2, 0}).sort()).sizes() == IntArrayRef{2, 0});
  CHECK_THROWS_AS(x.sort(2), IndexError);
}

TEST_CASE("sort: stable, NaN greatest, zeros equal") {
  for (const ScalarType dtype : {kFloat, kDouble, kHalf, kBFloat16}) {
    const Tensor x = tensor({2.0, -kNan, -kInf, 0.0, kInf, -0.0, kNan, -1.0}).to(dtype);
    check_equal(x.argsort(), tensor({2, 7, 3, 5, 0, 4, 1, 6}));
    check_equal(x.argsort(0, true), tensor({1, 6, 4, 0, 3, 5, 7, 2}));
    CHECK(std::get<0>(x.sort()).dtype() == dtype);
  }
  const Tensor many = randint(4, {5000});
  for (const bool descending : {false, true}) {
    const auto [values, indices] = many.sort(0, descending);
    int64_t out_of_order = 0;
    for (int64_t i = 1; i < 5000; ++i) {
      const int64_t before = values[i - 1].item<int64_t>(), here = values[i].item<int64_t>();
      out_of_order += descending ? before < here : before > here;
      if (before == here)
        out_of_order += indices[i - 1].item<int64_t>() > indices[i].item<int64_t>();
    }
    CHECK(out_of_order == 0);
    check_equal(many.gather(0, indices), values);
  }
}

TEST_CASE("sort: every dtype keeps its extremes") {
  const int64_t low = std::numeric_limits<int64_t>::min(),
                high = std::numeric_limits<int64_t>::max();
  check_equal(std::get<0>(tensor({high, low, int64_t{0}, high - 1}).sort()),
              tensor({low, int64_t{0}, high - 1, high}));
  check_equal(std::get<0>(tensor({200, 3, 255}, kByte).sort()), tensor({3, 200, 255}, kByte));
  check_equal(std::get<0>(tensor({5, -128, 127}, kChar).sort(0, true)),
              tensor({127, 5, -128}, kChar));
  check_equal(std::get<0>(tensor({true, false, true}).sort()), tensor({false, true, true}));
  check_equal(std::get<0>(tensor({1e-310, -1e-310, 5e300}, kDouble).sort()),
              tensor({-1e-310, 1e-310, 5e300}, kDouble));
}

TEST_CASE("topk") {
  const Tensor x = tensor({{1.f, 5.f, 3.f}, {4.f, 2.f, 4.f}});
  const auto [values, indices] = x.topk(2);
  check_equal(values, tensor({{5.f, 3.f}, {4.f, 4.f}}));
  check_equal(indices, tensor({{1, 2}, {0, 2}}));
  check_equal(std::get<0>(x.topk(1, 0, false)), tensor({{1.f, 2.f, 3.f}}));
  check_equal(std::get<0>(x.topk(3)), std::get<0>(x.sort(-1, true)));
  CHECK(std::get<0>(x.topk(0)).sizes() == IntArrayRef{2, 0});
  check_equal(std::get<0>(tensor({1.f, float(kNan), 3.f}).topk(2)), tensor({float(kNan), 3.f}));
  check_equal(std::get<0>(tensor({1.f, float(kNan), 3.f}).topk(2, 0, false)), tensor({1.f, 3.f}));
  check_equal(std::get<0>(tensor(2.f).topk(1)), tensor(2.f));
  const Tensor large = randn({3, 70000});
  check_equal(std::get<1>(large.topk(50)), large.argsort(-1, true).slice(1, 0, 50));
  CHECK_THROWS_WITH_AS(x.topk(4), "topk: k must be in [0, 3] (the size along dim 1), got 4", Error);
  CHECK_THROWS_WITH_AS(x.topk(-1, 0), "topk: k must be in [0, 2] (the size along dim 0), got -1",
                       Error);
}

TEST_CASE("kthvalue and median") {
  const Tensor x = tensor({{3.f, 1.f, 2.f, 9.f}, {4.f, float(kNan), 5.f, 0.f}});
  check_equal(std::get<0>(kthvalue(x, 2)), tensor({2.f, 4.f}));
  check_equal(std::get<1>(kthvalue(x, 2)), tensor({2, 0}));
  check_equal(std::get<0>(kthvalue(x, 4)), tensor({9.f, float(kNan)}));
  CHECK(std::get<0>(kthvalue(x, 1, 0, true)).sizes() == IntArrayRef{1, 4});
  check_equal(std::get<0>(median(x, 1)), tensor({2.f, float(kNan)}));
  check_equal(std::get<1>(median(x, 1)), tensor({2, 1}));
  check_equal(std::get<0>(median(x.t(), 0, true)), tensor({{2.f, float(kNan)}}));
  check_equal(tensor({4, 1, 3, 2}).median(), tensor(2));
  check_equal(tensor(7.f).median(), tensor(7.f));
  check_equal(x.median(), tensor(float(kNan)));
  CHECK(std::isnan(empty({0}).median().item<float>()));
  CHECK_THROWS_WITH_AS(kthvalue(x, 0),
                       "kthvalue: k must be in [1, 4] (the size along dim 1), got 0", Error);
  CHECK_THROWS_WITH_AS(median(empty({2, 0}), 1),
                       "median: dim 1 must have elements, got a tensor of shape [2, 0]",
                       IndexError);
}

TEST_CASE("sort: gradients go to the elements that were picked") {
  check_op("sort", [](auto& in) { return std::get<0>(in[0].sort(0)).square(); },
           {distinct({3, 4})});
  check_op("sort descending", [](auto& in) { return std::get<0>(in[0].sort(-1, true)).square(); },
           {distinct({2, 3})});
  check_op("topk", [](auto& in) { return std::get<0>(in[0].topk(2)).square(); },
           {distinct({3, 4})});
  check_op("kthvalue", [](auto& in) { return std::get<0>(kthvalue(in[0], 2)).square(); },
           {distinct({3, 4})});
  check_op("median of lines", [](auto& in) { return std::get<0>(median(in[0], 0)).square(); },
           {distinct({3, 4})});
  check_op("median", [](auto& in) { return in[0].median().square(); }, {distinct({3, 3})});
  const Tensor ties = tensor({1.f, 2.f, 2.f, 5.f}).requires_grad_();
  ties.median().backward();
  check_equal(ties.grad(), tensor({0.f, 0.5f, 0.5f, 0.f}));
}

TEST_CASE("unique") {
  const Tensor x = tensor({{3, 1, 3}, {2, 1, 3}});
  const auto [values, inverse, counts] = unique(x, true, true, true);
  check_equal(values, tensor({1, 2, 3}));
  check_equal(inverse, tensor({{2, 0, 2}, {1, 0, 2}}));
  check_equal(counts, tensor({2, 1, 3}));
  check_equal(values.index({inverse}), x);
  CHECK(std::get<1>(unique(x)).numel() == 0);
  CHECK(std::get<0>(unique(tensor({float(kNan), 1.f, float(kNan)}))).numel() == 3);
  CHECK(std::get<0>(unique(empty({0}))).numel() == 0);
  const auto [runs, which, lengths] = unique_consecutive(tensor({1, 1, 2, 1}), true, true);
  check_equal(runs, tensor({1, 2, 1}));
  check_equal(which, tensor({0, 0, 1, 2}));
  check_equal(lengths, tensor({2, 1, 1}));
}
