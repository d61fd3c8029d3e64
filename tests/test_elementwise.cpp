#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tests/op_cases.h"
#include "tests/op_check.h"

using namespace fg;
using autograd::variable_list;
using test::input;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_CASE("unary ops of the table: gradients, strides, dtypes") {
  for (const auto& c : test::unary_cases())
    test::check_op(c.name, [&](const variable_list& x) { return c.op(x[0]); },
                   {input({3, 5}, c.low, c.high)});
  for (const auto& c : test::parametric_cases())
    test::check_op(c.name, [&](const variable_list& x) { return c.op(x[0]); },
                   {input({3, 5}, c.low, c.high)});
}

TEST_CASE("binary ops of the table: gradients with broadcasting") {
  for (const auto& c : test::binary_cases()) {
    const auto op = [&](const variable_list& x) { return c.op(x[0], x[1]); };
    for (const auto& [a, b] : std::vector<std::pair<DimVector, DimVector>>{
             {{2, 3}, {2, 3}}, {{2, 1, 3}, {4, 1}}, {{}, {3}}, {{3}, {}}})
      test::check_op(c.name, op, {input(a, c.low, c.high), input(b, c.other_low, c.other_high)});
  }
}

TEST_CASE("in-place forms equal the functional forms, value and gradient") {
  for (const auto& c : test::unary_cases()) {
    CAPTURE(c.name);
    const Tensor x = input({4, 3}, c.low, c.high);
    const Tensor y = c.op(x);
    const Tensor gx = autograd::grad({y}, {x}, {full_like(y, 0.7)})[0];
    const Tensor copy = x * 1.0;
    c.inplace(copy);
    CHECK(copy.equal(y));
    CHECK(copy.allclose(y, 0, 0));
    const Tensor gi = autograd::grad({copy}, {x}, {full_like(y, 0.7)})[0];
    CHECK(gi.allclose(gx, 1e-14, 1e-14));
  }
}

TEST_CASE("lengths around the loop width, and bits independent of position") {
  for (int64_t n : {0, 1, 63, 64, 65, 511, 512, 513, 1000, 40000, 70001}) {
    const Tensor x = linspace(-4, 4, std::max<int64_t>(n, 1), kFloat).slice(0, 0, n);
    const Tensor y = tanh(x);
    REQUIRE(y.numel() == n);
    for (int64_t i : {int64_t{0}, n / 3, n - 1}) {
      if (n == 0) continue;
      CHECK(y[i].item<float>() == doctest::Approx(std::tanh(x[i].item<float>())).epsilon(1e-6));
      CHECK(y[i].item<float>() == tanh(x[i]).item<float>());
    }
  }
}

TEST_CASE("strides, broadcasting and memory order of results") {
  const Tensor a = arange(24, kFloat).view({2, 3, 4});
  const Tensor t = a.permute({2, 0, 1});
  const Tensor sum = t + t;
  CHECK(sum.strides() == t.strides());
  CHECK(sum.equal(t * 2));
  const Tensor row = arange(4, kFloat), column = arange(3, kFloat).unsqueeze(1);
  const Tensor outer = row * column;
  CHECK(outer.sizes() == IntArrayRef({3, 4}));
  CHECK(outer[2][3].item<float>() == 6);
  CHECK((a + row)[1][2][3].item<float>() == 26);
  CHECK(add(a.slice(2, 0, 4, 3), column)[1][2][1].item<float>() == 25);
}

TEST_CASE("type promotion") {
  const Tensor i = ones({2}, kInt), f = ones({2}, kFloat), h = ones({2}, kHalf);
  CHECK((i + f).dtype() == kFloat);
  CHECK((h + 1.5).dtype() == kHalf);
  CHECK((i + 1.5).dtype() == kFloat);
  CHECK((i + 1).dtype() == kInt);
  CHECK((i / 2).dtype() == kFloat);
  CHECK((ones({2}, kByte) + ones({2}, kChar)).dtype() == kShort);
  CHECK((h + ones({2}, kBFloat16)).dtype() == kFloat);
  CHECK((f + ones({}, kDouble)).dtype() == kFloat);
  CHECK((i + ones({}, kDouble)).dtype() == kDouble);
  CHECK((ones({2}, kBool) + 1).dtype() == kLong);
  CHECK((ones({2}, kBool) * ones({2}, kBool)).dtype() == kBool);
  CHECK(sqrt(i).dtype() == kFloat);
  CHECK(abs(i).dtype() == kInt);
  CHECK((i > 0.5).dtype() == kBool);
  CHECK(eq(tensor({16777217}), tensor({16777217.0f})).dtype() == kBool);
}

TEST_CASE("extremes") {
  const Tensor x = tensor({0.0, -0.0, kInf, -kInf, kNan, 1e308, 5e-324}, kDouble);
  const auto at = [](const Tensor& t, int64_t i) { return t[i].item<double>(); };
  CHECK(at(exp(x), 2) == kInf);
  CHECK(at(exp(x), 3) == 0);
  CHECK(std::isnan(at(exp(x), 4)));
  CHECK(std::isnan(at(relu(x), 4)));
  CHECK(at(relu(x), 3) == 0);
  CHECK(at(mish(x), 2) == kInf);
  CHECK(at(mish(x), 5) == 1e308);
  CHECK(at(mish(tensor({-1e308}, kDouble)), 0) == 0);
  CHECK(at(softplus(x), 5) == 1e308);
  CHECK(at(softplus(x), 3) == 0);
  CHECK(at(gelu(x), 2) == kInf);
  CHECK(at(sigmoid(x), 2) == 1);
  CHECK(at(sigmoid(x), 3) == 0);
  CHECK(at(log_sigmoid(x), 3) == -kInf);
  CHECK(at(silu(x), 5) == 1e308);
  CHECK(std::isnan(at(clamp(x, -1, 1), 4)));
  CHECK(at(clamp(x, -1, 1), 2) == 1);
  CHECK(std::isnan(at(maximum(x, zeros_like(x)), 4)));
  CHECK(at(fmax(x, zeros_like(x)), 4) == 0);
  CHECK(at(nan_to_num(x), 4) == 0);
  CHECK(at(nan_to_num(x), 2) == std::numeric_limits<double>::max());
  CHECK(at(isnan(x).to(kDouble), 4) == 1);
  CHECK(at(isinf(x).to(kDouble), 3) == 1);
  CHECK(at(isfinite(x).to(kDouble), 5) == 1);
  CHECK(at(x * 1.0, 6) == 5e-324);
}

TEST_CASE("integer arithmetic follows Python") {
  const Tensor a = tensor({7, -7, 7, -7}), b = tensor({3, 3, -3, -3});
  CHECK(floor_divide(a, b).equal(tensor({2, -3, -3, 2})));
  CHECK(remainder(a, b).equal(tensor({1, 2, -2, -1})));
  CHECK(fmod(a, b).equal(tensor({1, -1, 1, -1})));
  CHECK(div(a, b, "trunc").equal(tensor({2, -2, -2, 2})));
  CHECK(pow(tensor({2, 3, -2}), tensor({10, 3, 3})).equal(tensor({1024, 27, -8})));
  CHECK((full({1}, 200, kByte) + full({1}, 100, kByte)).item<int>() == 44);
  CHECK((tensor({6}) & tensor({3})).item<int>() == 2);
  CHECK(bitwise_not(tensor({5})).item<int>() == -6);
  CHECK_THROWS_WITH_AS(floor_divide(a, Scalar(0)), "floor_divide: integer divisor must not be zero",
                       Error);
  CHECK_THROWS_WITH_AS(pow(a, Scalar(-1)),
                       "pow: integers cannot be raised to the negative integer power -1", Error);
}

TEST_CASE("where, lerp, addcmul, addcdiv") {
  const Tensor c = tensor({true, false, true});
  test::check_op("where",
                 [&](const variable_list& x) { return where(c.to(x[0].device()), x[0], x[1]); },
                 {input({2, 3}), input({3})});
  test::check_op("lerp", [](const variable_list& x) { return lerp(x[0], x[1], x[2]); },
                 {input({2, 3}), input({2, 3}), input({3}, 0.1, 0.4)});
  test::check_op("addcmul", [](const variable_list& x) { return addcmul(x[0], x[1], x[2], 0.3); },
                 {input({2, 3}), input({3}), input({2, 1})});
  test::check_op("addcdiv", [](const variable_list& x) { return addcdiv(x[0], x[1], x[2], 0.3); },
                 {input({2, 3}), input({3}), input({2, 1}, 0.5, 2)});
}

TEST_CASE("error texts") {
  const Tensor a = ones({2, 3}), b = ones({4});
  CHECK_THROWS_WITH_AS(
      a + b,
      "add: shapes must be broadcastable, got [2, 3] and [4] (sizes 3 and 4 differ "
      "at dim 1)",
      Error);
  CHECK_THROWS_WITH_AS(ones({2}, kInt).add_(0.5),
                       "add_: result type Float cannot be written into a tensor of dtype Int",
                       Error);
  CHECK_THROWS_WITH_AS(ones({3}).add_(a),
                       "add_: the written tensor of shape [3] must have the broadcast shape [2, 3]",
                       Error);
  CHECK_THROWS_WITH_AS(gelu(a, "sigmoid"), "gelu: approximate must be none or tanh, got sigmoid",
                       Error);
  CHECK_THROWS_WITH_AS(where(a, a, a), "where: condition must have dtype Bool, got Float", Error);
  CHECK_THROWS_WITH_AS(hardtanh(a, 1, -1),
                       "hardtanh: min_val must not exceed max_val, got 1 and -1", Error);
  CHECK_THROWS_WITH_AS(sub(a > 0, a > 0),
                       "sub: difference of two Bool tensors is not defined; use logical_xor",
                       Error);
  CHECK_THROWS_WITH_AS(bitwise_and(a, a), "bitwise_and: dtype must be integral or Bool, got Float",
                       Error);
}
