#include "autograd/ops/special.h"

#include <limits>
#include <numbers>

#include "autograd/ops/elementwise.h"

namespace fg {

Tensor sinc(const Tensor& x) {
  const Tensor at_zero = x.detach().eq(0);
  const Tensor scaled = where(at_zero, 1, x * std::numbers::pi);  // no 0 / 0, nor its gradient
  return where(at_zero, 1, scaled.sin() / scaled);
}

Tensor deg2rad(const Tensor& degrees) { return degrees * (std::numbers::pi / 180); }

Tensor rad2deg(const Tensor& radians) { return radians * (180 / std::numbers::pi); }

Tensor positive(const Tensor& x) {
  ENSURE(x.dtype() != kBool, "positive: x must not be Bool");
  return x;
}

Tensor rsub(const Tensor& a, const Tensor& b, const Scalar& alpha) { return sub(b, a, alpha); }

Tensor logaddexp2(const Tensor& a, const Tensor& b) {
  constexpr double kLn2 = std::numbers::ln2;
  return logaddexp(a * kLn2, b * kLn2) * (1 / kLn2);
}

Tensor isposinf(const Tensor& x) { return x.eq(std::numeric_limits<double>::infinity()); }

Tensor isneginf(const Tensor& x) { return x.eq(-std::numeric_limits<double>::infinity()); }

}  // namespace fg
