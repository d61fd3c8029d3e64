// Differences from PyTorch that random comparisons of the two once found, one case each.
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "autograd/engine.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"

using namespace fg;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_CASE("clamp: a NaN bound makes every element NaN; -0 stays at a bound of 0") {
  const Tensor x = tensor({-2.0, 0.5, kInf, kNan});
  CHECK(x.clamp(kNan, 1).isnan().all().item<bool>());
  CHECK(x.clamp(-1, kNan).isnan().all().item<bool>());
  CHECK(x.clone().clamp_(nullopt, kNan).isnan().all().item<bool>());
  CHECK(x.clamp(-1, 1).isnan().equal(tensor({false, false, false, true})));
  CHECK(tensor(-0.0).clamp(0).signbit().item<bool>());
}

TEST_CASE("clamp_: a floating bound does not fit an integral tensor") {
  const Tensor x = tensor({1, 2, 3});
  CHECK_THROWS_WITH_AS(x.clamp_(0.5),
                       "clamp_: result type Float cannot be written into a tensor of dtype Long",
                       Error);
  CHECK(x.clamp_(2).equal(tensor({2, 2, 3})));
}

TEST_CASE("products with alpha 0 do not read their factors") {
  const Tensor bad = full({3, 3}, kNan), self = ones({3, 3});
  CHECK(addmm(self, bad, bad, 2, 0).equal(full({3, 3}, 2.0)));
  CHECK(addmm(self, bad, bad, 0, 0).equal(zeros({3, 3})));
  CHECK(baddbmm(self, bad.unsqueeze(0), bad.unsqueeze(0), 1, 0).equal(ones({1, 3, 3})));
  CHECK(addmm(ones({3, 1}), bad, bad.slice(1, 0, 1), 1, 0).equal(ones({3, 1})));
}

TEST_CASE("addcdiv: promotes as the other ops do, needs one floating operand of the quotient") {
  const Tensor integers = tensor({4, 9}), floats = tensor({2.f, 3.f});
  const Tensor y = addcdiv(integers, floats, tensor({4, 2}), 2);
  CHECK(y.dtype() == kFloat);
  CHECK(y.equal(tensor({5.f, 12.f})));
  CHECK_THROWS_WITH_AS(
      addcdiv(floats, integers, integers),
      "addcdiv: the quotient's operands must not both be integral, got Long and Long", Error);
  // A 0-dim operand does not widen one with dims, whichever place it stands in.
  const Tensor zero_dim = tensor(2.0, kDouble);
  CHECK(addcmul(zero_dim, floats, zero_dim).dtype() == kFloat);
}

TEST_CASE("in place, a Double operand of a Float tensor counts in full") {
  const Tensor x = full({2}, 1e-30, kFloat);
  x.mul_(full({2}, 1e50, kDouble));
  CHECK(x.equal(full({2}, 1e20f, kFloat)));
  const Tensor leaf = full({2}, 3.0, kFloat).requires_grad_();
  const Tensor y = leaf * 1;
  const Tensor factor = full({2}, 1e-3, kDouble);
  y.mul_(factor).square_();
  y.sum().backward();
  CHECK(leaf.grad().allclose(full({2}, 6e-6, kFloat), 1e-6, 0));
  CHECK(leaf.grad().dtype() == kFloat);
}

TEST_CASE("fill_ and full: the value must fit the dtype; any number but 0 is true") {
  CHECK(full({2}, 0.5, kBool).all().item<bool>());
  CHECK(zeros({2}, kBool).fill_(-0.25).all().item<bool>());
  CHECK(full({1}, -1, kByte).item<int64_t>() == 255);
  CHECK(std::isinf(full({1}, kInf, kHalf).item<double>()));
  CHECK(full({1}, std::numeric_limits<int64_t>::min(), kLong).item<int64_t>() ==
        std::numeric_limits<int64_t>::min());
  CHECK_THROWS_WITH_AS(full({2}, kNan, kLong), "full: value must fit dtype Long, got nan", Error);
  CHECK_THROWS_WITH_AS(zeros({2}, kByte).fill_(300), "fill_: value must fit dtype Byte, got 300",
                       Error);
  CHECK_THROWS_AS(zeros({2}, kShort).fill_(-kInf), Error);
  CHECK_THROWS_AS(full({2}, 0x1p63, kLong), Error);
  CHECK_THROWS_AS(full({2}, 1e10, kHalf), Error);
  CHECK_THROWS_AS(full({2}, -0.5, kByte), Error);
  CHECK_THROWS_WITH_AS(full_like(zeros({2}, kChar), 128),
                       "full_like: value must fit dtype Char, got 128", Error);
}

TEST_CASE("linspace of an integral dtype starts and ends at integers") {
  CHECK(linspace(2.5, 1.0, 5, kShort).equal(tensor({2, 1, 1, 1, 1}, kShort)));
  CHECK(linspace(0, 2.5, 5, kInt).equal(tensor({0, 0, 1, 1, 2}, kInt)));
}

TEST_CASE("movedim of a 0-dim tensor; linear without features") {
  CHECK(tensor(3.0).movedim(-1, 0).equal(tensor(3.0)));
  const Tensor bias = tensor({1.f, 2.f});
  CHECK(linear(zeros({2, 3, 0}), zeros({2, 0}), bias).equal(bias.expand({2, 3, 2})));
  CHECK(linear(ones({2}), ones({2, 2}), bias).equal(tensor({3.f, 4.f})));
}

TEST_CASE("std of Half: the variance need not fit the dtype") {
  const Tensor x = tensor({-30000.0, 30000.0}, kHalf);
  CHECK(x.std(false).item<double>() == 30000);
  CHECK(std::isinf(x.var(false).item<double>()));
}

TEST_CASE("reductions of a 0-dim tensor take dim 0 and -1 only") {
  const Tensor x = tensor(3.0);
  CHECK(x.sum(-1).equal(x));
  CHECK(x.argmax(0).item<int64_t>() == 0);
  CHECK_THROWS_WITH_AS(x.argmin(7), "argmin: dim must be in [-1, 0], got 7", IndexError);
  CHECK_THROWS_AS(x.sum(1), IndexError);
  CHECK_THROWS_AS(x.max(1), IndexError);
  CHECK_THROWS_AS(x.amax(2), IndexError);
  CHECK_THROWS_AS(x.any(1), IndexError);
  CHECK_THROWS_AS(x.prod(1), IndexError);
  CHECK_THROWS_AS(x.var(IntArrayRef(1)), IndexError);
}

TEST_CASE("integer products: strided operands, scale, wrapping") {
  const Tensor a = arange(12).view({3, 4}), b = arange(20).view({5, 4}).t();
  const Tensor y = a.mm(b);
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j < 5; ++j) CHECK(y[i][j].equal((a[i] * b.select(1, j)).sum()));
  CHECK(addmm(ones({5}, kLong), a, b, -2, 3).equal(y * 3 - 2));
  const Tensor big = full({1, 2}, int64_t{1} << 62, kLong);
  CHECK(big.mm(big.t()).item<int64_t>() == 0);
}

TEST_CASE("pow: negative and special bases for odd, even and fractional exponents") {
  const std::vector<double> bases = {-kInf, -2.5, -1, -0.0, 0, 0.5, 3, kInf, kNan};
  for (double exponent : {3.0, -3.0, 4.0, -4.0, 2.5, -2.5, 1.0, 0.0, 1e17, kInf, -kInf}) {
    CAPTURE(exponent);
    const Tensor y = tensor(bases, kDouble).pow(exponent);
    for (size_t i = 0; i < bases.size(); ++i) {
      CAPTURE(bases[i]);
      const double got = y[int64_t(i)].item<double>(), expected = std::pow(bases[i], exponent);
      if (std::isnan(expected))
        CHECK(std::isnan(got));
      else
        CHECK((got == doctest::Approx(expected).epsilon(1e-15) || got == expected));
      if (!std::isnan(expected)) CHECK(std::signbit(got) == std::signbit(expected));
    }
  }
}

TEST_CASE("every Half survives the way to Float and back; Floats round to the nearest even Half") {
  std::vector<int64_t> patterns(65536);
  for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = int64_t(i);
  const Tensor bits = tensor(patterns).to(kShort);
  const Tensor halves = empty({65536}, kHalf);
  std::copy_n(static_cast<const uint16_t*>(bits.data_ptr()), 65536,
              static_cast<uint16_t*>(halves.data_ptr()));
  const Tensor floats = halves.to(kFloat);
  const auto element = floats.accessor<float, 1>();
  for (int64_t i = 0; i < 65536; ++i) {
    const float expected = Half::from_bits(uint16_t(i));
    if (std::isnan(expected) ? !std::isnan(element[i]) : element[i] != expected) FAIL(i);
  }
  const Tensor back = floats.slice(0, 1).to(kHalf);  // an odd start and an odd length
  const auto half = back.accessor<Half, 1>();
  for (int64_t i = 1; i < 65536; ++i)
    if (!std::isnan(element[i]) && half[i - 1].bits != uint16_t(i)) FAIL(i);
  for (float x : {65519.f, 65520.f, 2049.f, 2051.f, 0x1p-25f, 0x1.000002p-25f, 1e-10f, -1e30f}) {
    CAPTURE(x);
    CHECK(full({13}, x, kFloat).to(kHalf)[12].item<float>() == float(Half(x)));
  }
}

TEST_CASE("logic takes any dtype as truth; argmax down columns keeps the first of ties and NaN") {
  const Tensor x = tensor({0.0, 0.5, kNan, -0.0});
  CHECK(x.logical_not().equal(tensor({true, false, false, true})));
  CHECK(x.logical_and(tensor({256, 256, 256, 256})).equal(tensor({false, true, true, false})));
  CHECK(x.logical_xor(ones({4}, kBool)).equal(tensor({true, false, false, true})));
  const Tensor rows =
      tensor({{1.0, kNan, 2.0, -0.0}, {3.0, 1.0, 2.0, 0.0}, {3.0, kNan, kNan, 0.0}});
  CHECK(rows.argmax(0).equal(tensor({1, 0, 2, 0})));
  CHECK(rows.argmin(0).equal(tensor({0, 0, 2, 0})));
}
