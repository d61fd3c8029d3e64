// Activations and other unary ops whose functor has parameters.
#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise_nodes.h"
#include "tensor/kernels/fill.h"
#include "tensor/profiler.h"

namespace fg {

using functors::Saves;

#define X(op, Functor)                                           \
  Tensor op(const Tensor& x) {                                   \
    const profiler::RecordOp recorded(#op, x);                   \
    return apply_unary(x, functors::Functor());                  \
  }                                                              \
  Tensor& op##_(const Tensor& x) {                               \
    const profiler::RecordOp recorded(#op "_", x);               \
    return apply_unary_inplace(x, functors::Functor(), #op "_"); \
  }
FOR_EACH_ACTIVATION(X)
#undef X

Tensor gelu(const Tensor& x, std::string_view approximate) {
  const profiler::RecordOp recorded("gelu", x);
  if (approximate == "tanh") return apply_unary(x, functors::GeluTanh());
  ENSURE(approximate == "none", "gelu: approximate must be none or tanh, got ", approximate);
  return apply_unary(x, functors::Gelu());
}

Tensor& gelu_(const Tensor& x, std::string_view approximate) {
  if (approximate == "tanh") return apply_unary_inplace(x, functors::GeluTanh(), "gelu_");
  ENSURE(approximate == "none", "gelu_: approximate must be none or tanh, got ", approximate);
  return apply_unary_inplace(x, functors::Gelu(), "gelu_");
}

Tensor leaky_relu(const Tensor& x, double negative_slope) {
  const profiler::RecordOp recorded("leaky_relu", x);
  return apply_unary(x, functors::LeakyRelu{{}, negative_slope});
}
Tensor& leaky_relu_(const Tensor& x, double negative_slope) {
  const profiler::RecordOp recorded("leaky_relu_", x);
  return apply_unary_inplace(x, functors::LeakyRelu{{}, negative_slope}, "leaky_relu_");
}

Tensor elu(const Tensor& x, double alpha, double scale, double input_scale) {
  const profiler::RecordOp recorded("elu", x);
  return apply_unary(x, functors::Elu{{}, alpha, scale, input_scale});
}
Tensor& elu_(const Tensor& x, double alpha, double scale, double input_scale) {
  const profiler::RecordOp recorded("elu_", x);
  return apply_unary_inplace(x, functors::Elu{{}, alpha, scale, input_scale}, "elu_");
}
Tensor celu(const Tensor& x, double alpha) {
  const profiler::RecordOp recorded("celu", x);
  ENSURE(alpha != 0, "celu: alpha must not be zero");
  return elu(x, alpha, 1, 1 / alpha);
}
Tensor& celu_(const Tensor& x, double alpha) {
  const profiler::RecordOp recorded("celu_", x);
  ENSURE(alpha != 0, "celu_: alpha must not be zero");
  return elu_(x, alpha, 1, 1 / alpha);
}

Tensor hardtanh(const Tensor& x, double min_val, double max_val) {
  const profiler::RecordOp recorded("hardtanh", x);
  ENSURE(min_val <= max_val, "hardtanh: min_val must not exceed max_val, got ", min_val, " and ",
         max_val);
  return apply_unary(x, functors::Hardtanh{{}, min_val, max_val});
}
Tensor& hardtanh_(const Tensor& x, double min_val, double max_val) {
  const profiler::RecordOp recorded("hardtanh_", x);
  ENSURE(min_val <= max_val, "hardtanh_: min_val must not exceed max_val, got ", min_val, " and ",
         max_val);
  return apply_unary_inplace(x, functors::Hardtanh{{}, min_val, max_val}, "hardtanh_");
}

Tensor softplus(const Tensor& x, double beta, double threshold) {
  if (detail::is_autocast()) return detail::autocast_call("softplus", softplus, x, beta, threshold);
  const profiler::RecordOp recorded("softplus", x);
  ENSURE(beta != 0, "softplus: beta must not be zero");
  return apply_unary(x, functors::Softplus{{}, beta, threshold});
}
Tensor hardshrink(const Tensor& x, double lambda) {
  const profiler::RecordOp recorded("hardshrink", x);
  return apply_unary(x, functors::Hardshrink{{}, lambda});
}
Tensor softshrink(const Tensor& x, double lambda) {
  const profiler::RecordOp recorded("softshrink", x);
  ENSURE(lambda >= 0, "softshrink: lambda must not be negative, got ", lambda);
  return apply_unary(x, functors::Softshrink{{}, lambda});
}
Tensor threshold(const Tensor& x, double threshold, double value) {
  const profiler::RecordOp recorded("threshold", x);
  return apply_unary(x, functors::Threshold{{}, threshold, value});
}
Tensor& threshold_(const Tensor& x, double threshold, double value) {
  const profiler::RecordOp recorded("threshold_", x);
  return apply_unary_inplace(x, functors::Threshold{{}, threshold, value}, "threshold_");
}

Tensor polygamma(int64_t order, const Tensor& x) {
  const profiler::RecordOp recorded("polygamma", x);
  ENSURE(order >= 0, "polygamma: order must not be negative, got ", order);
  return order == 0 ? digamma(x) : apply_unary(x, functors::Polygamma{{}, int(order)});
}

Tensor logit(const Tensor& x, optional<double> eps) {
  const profiler::RecordOp recorded("logit", x);
  return apply_unary(x, functors::Logit{{}, eps.value_or(-1)});
}

Tensor nan_to_num(const Tensor& x, optional<double> nan, optional<double> posinf,
                  optional<double> neginf) {
  const profiler::RecordOp recorded("nan_to_num", x);
  const double largest = largest_value(unary_result_type<functors::NanToNum>(x));
  return apply_unary(
      x,
      functors::NanToNum{{}, nan.value_or(0), posinf.value_or(largest), neginf.value_or(-largest)});
}

// clamp.

namespace {

functors::Clamp clamp_functor(const optional<Scalar>& min, const optional<Scalar>& max,
                              const char* op) {
  ENSURE(min || max, op, ": at least one of min and max must be given");
  functors::Clamp f;
  if (min) f.min = min->toDouble();
  if (max) f.max = max->toDouble();
  return f;
}

// An integral tensor with a floating bound clamps in the promoted type.
ScalarType clamped_type(const Tensor& x, const optional<Scalar>& min, const optional<Scalar>& max) {
  ScalarType type = x.dtype();
  for (const optional<Scalar>& bound : {min, max})
    if (bound) type = promote_types(type, result_type(x, *bound));
  return type;
}

}  // namespace

Tensor clamp(const Tensor& x, const optional<Scalar>& min, const optional<Scalar>& max) {
  const profiler::RecordOp recorded("clamp", x);
  return apply_unary(x.to(clamped_type(x, min, max)), clamp_functor(min, max, "clamp"));
}
Tensor& clamp_(const Tensor& x, const optional<Scalar>& min, const optional<Scalar>& max) {
  const profiler::RecordOp recorded("clamp_", x);
  check_inplace_result(x, x.sizes(), clamped_type(x, min, max), "clamp_");
  return apply_unary_inplace(x, clamp_functor(min, max, "clamp_"), "clamp_");
}
Tensor clamp(const Tensor& x, const Tensor& min, const Tensor& max) {
  const profiler::RecordOp recorded("clamp", x, min, max);
  Tensor result = x;
  if (min.defined()) result = maximum(result, min);
  if (max.defined()) result = minimum(result, max);
  ENSURE(min.defined() || max.defined(), "clamp: at least one of min and max must be given");
  return result;
}
Tensor clamp_min(const Tensor& x, const Scalar& min) { return clamp(x, min); }
Tensor clamp_max(const Tensor& x, const Scalar& max) { return clamp(x, nullopt, max); }

Tensor TensorMethods::clamp(const optional<Scalar>& min, const optional<Scalar>& max) const {
  return fg::clamp(self(), min, max);
}
Tensor& TensorMethods::clamp_(const optional<Scalar>& min, const optional<Scalar>& max) const {
  return fg::clamp_(self(), min, max);
}
Tensor TensorMethods::clamp_min(const Scalar& min) const { return fg::clamp_min(self(), min); }
Tensor TensorMethods::clamp_max(const Scalar& max) const { return fg::clamp_max(self(), max); }
Tensor& TensorMethods::clamp_min_(const Scalar& min) const { return fg::clamp_(self(), min); }
Tensor& TensorMethods::clamp_max_(const Scalar& max) const {
  return fg::clamp_(self(), nullopt, max);
}

}  // namespace fg
