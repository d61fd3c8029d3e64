#include "autograd/ops/special.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg {

Tensor sinc(const Tensor& x) {
  const profiler::RecordOp recorded("sinc", x);
  const Tensor at_zero = x.detach().eq(0);
  const Tensor scaled = where(at_zero, 1, x * std::numbers::pi);  // no 0 / 0, nor its gradient
  return where(at_zero, 1, scaled.sin() / scaled);
}

Tensor deg2rad(const Tensor& degrees) {
  const profiler::RecordOp recorded("deg2rad", degrees);
  return degrees * (std::numbers::pi / 180);
}

Tensor rad2deg(const Tensor& radians) {
  const profiler::RecordOp recorded("rad2deg", radians);
  return radians * (180 / std::numbers::pi);
}

Tensor positive(const Tensor& x) {
  const profiler::RecordOp recorded("positive", x);
  ENSURE(x.dtype() != kBool, "positive: x must not be Bool");
  return x;
}

Tensor rsub(const Tensor& a, const Tensor& b, const Scalar& alpha) { return sub(b, a, alpha); }

Tensor logaddexp2(const Tensor& a, const Tensor& b) {
  const profiler::RecordOp recorded("logaddexp2", a, b);
  constexpr double kLn2 = std::numbers::ln2;
  return logaddexp(a * kLn2, b * kLn2) * (1 / kLn2);
}

Tensor ldexp(const Tensor& x, const Tensor& other) {
  if (detail::is_autocast()) return detail::autocast_call("ldexp", ldexp, x, other);
  const profiler::RecordOp recorded("ldexp", x, other);
  const Tensor result = x * pow(Scalar(2.0), other);
  // Whole exponents do not widen a 16-bit x.
  return x.is_floating_point() && !other.is_floating_point() ? result.to(x.dtype()) : result;
}

Tensor round(const Tensor& x, int64_t decimals) {
  const profiler::RecordOp recorded("round", x);
  ENSURE(x.is_floating_point(),
         "round: x must have a floating dtype where decimals are given, got ", x.dtype());
  const double power = std::pow(10.0, double(std::abs(decimals)));
  return decimals >= 0 ? (x * power).round() / power : (x / power).round() * power;
}

Tensor mvlgamma(const Tensor& x, int64_t p) {
  if (detail::is_autocast()) return detail::autocast_call("mvlgamma", mvlgamma, x, p);
  const profiler::RecordOp recorded("mvlgamma", x);
  ENSURE(p >= 1, "mvlgamma: p must be at least 1, got ", p);
  const Tensor shift =
      arange(p, x.is_floating_point() ? x.options() : x.options().dtype(get_default_dtype())) / 2;
  const double constant = double(p) * double(p - 1) / 4 * std::log(std::numbers::pi);
  return (x.unsqueeze(-1) - shift).lgamma().sum(-1) + constant;
}

Tensor entr(const Tensor& x) {
  const profiler::RecordOp recorded("entr", x);
  return where(x.detach().lt(0), -std::numeric_limits<double>::infinity(), -xlogy(x, x));
}

Tensor ndtr(const Tensor& x) {
  const profiler::RecordOp recorded("ndtr", x);
  return erfc(x * -std::numbers::sqrt2 / 2) / 2;
}

Tensor xlog1py(const Tensor& x, const Tensor& y) {
  if (detail::is_autocast()) return detail::autocast_call("xlog1py", xlog1py, x, y);
  const profiler::RecordOp recorded("xlog1py", x, y);
  const Tensor zero =
      x.detach().eq(0).logical_and(y.detach().le(-1));  // 0 * infinity, and its gradient
  return where(zero, 0, x * log1p(where(zero, 0, y)));
}

Tensor heaviside(const Tensor& x, const Tensor& values) {
  const profiler::RecordOp recorded("heaviside", x, values);
  ENSURE(x.dtype() == values.dtype(), "heaviside: values must have dtype ", x.dtype(),
         " (x's dtype), got ", values.dtype());
  NoGradGuard no_grad;
  return where(x.eq(0), values, x.gt(0).to(x.dtype()));
}

namespace {

/// Both as integers of one dtype and shape, without their signs.
std::vector<Tensor> magnitudes(const Tensor& a, const Tensor& b, const char* op) {
  const ScalarType type = result_type(a, b);
  ENSURE(!is_floating(type) && type != kBool, op, ": tensors must have integer dtypes, got ",
         a.dtype(), " and ", b.dtype());
  return broadcast_tensors({a.to(type).abs(), b.to(type).abs()});
}

}  // namespace

Tensor gcd(const Tensor& a, const Tensor& b) {
  const profiler::RecordOp recorded("gcd", a, b);
  const std::vector<Tensor> pair = magnitudes(a, b, "gcd");
  Tensor x = pair[0].clone(), rest = pair[1];
  while (rest.any().item<bool>()) {
    const Tensor done = rest.eq(0);
    const Tensor next = where(done, 0, x.remainder(where(done, 1, rest)));
    x = where(done, x, rest);
    rest = next;
  }
  return x;
}

Tensor lcm(const Tensor& a, const Tensor& b) {
  const profiler::RecordOp recorded("lcm", a, b);
  const std::vector<Tensor> pair = magnitudes(a, b, "lcm");
  const Tensor divisor = gcd(pair[0], pair[1]);
  return pair[0].div(divisor.clamp_min(1), "floor") * pair[1];
}

Tensor isposinf(const Tensor& x) {
  const profiler::RecordOp recorded("isposinf", x);
  return x.eq(std::numeric_limits<double>::infinity());
}

Tensor isneginf(const Tensor& x) {
  const profiler::RecordOp recorded("isneginf", x);
  return x.eq(-std::numeric_limits<double>::infinity());
}

}  // namespace fg
