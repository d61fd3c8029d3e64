// Elementwise ops: math, arithmetic, comparison, selection. Operands broadcast and promote as in
// PyTorch; integer inputs of floating ops give the default dtype. `op_` forms write in place.
#pragma once

#include "autograd/node.h"

namespace fg {

#define X(op, Functor)        \
  Tensor op(const Tensor& x); \
  Tensor& op##_(const Tensor& x);
FOR_EACH_UNARY(X)
FOR_EACH_ACTIVATION(X)
#undef X

/// Tests of single values; the result is Bool and has no gradient.
#define X(op, Functor) Tensor op(const Tensor& x);
FOR_EACH_PREDICATE(X)
#undef X

#define X(op, Functor)                         \
  Tensor op(const Tensor& a, const Tensor& b); \
  Tensor op(const Tensor& a, const Scalar& b); \
  Tensor op(const Scalar& a, const Tensor& b); \
  Tensor& op##_(const Tensor& a, const Tensor& b);
FOR_EACH_BINARY(X)
FOR_EACH_COMPARISON(X)
FOR_EACH_BITWISE(X)
#undef X

/// a + alpha * b.
Tensor add(const Tensor& a, const Tensor& b, const Scalar& alpha = 1);
Tensor add(const Tensor& a, const Scalar& b, const Scalar& alpha = 1);
Tensor& add_(const Tensor& a, const Tensor& b, const Scalar& alpha = 1);
/// a - alpha * b; not defined for two Bool tensors.
Tensor sub(const Tensor& a, const Tensor& b, const Scalar& alpha = 1);
Tensor sub(const Tensor& a, const Scalar& b, const Scalar& alpha = 1);
Tensor sub(const Scalar& a, const Tensor& b);
Tensor& sub_(const Tensor& a, const Tensor& b, const Scalar& alpha = 1);
/// b - a.
Tensor rsub(const Tensor& a, const Scalar& b);
/// rounding_mode: absent (true division), "trunc" or "floor".
Tensor div(const Tensor& a, const Tensor& b, const RoundingMode& rounding_mode);
Tensor div(const Tensor& a, const Scalar& b, const RoundingMode& rounding_mode);
Tensor bitwise_not(const Tensor& x);
Tensor polygamma(int64_t order, const Tensor& x);

/// x + value * a * b, and x + value * a / b (floating only).
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value = 1);
Tensor& addcmul_(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value = 1);
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value = 1);
Tensor& addcdiv_(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value = 1);
/// start + weight * (end - start).
Tensor lerp(const Tensor& start, const Tensor& end, const Scalar& weight);
Tensor lerp(const Tensor& start, const Tensor& end, const Tensor& weight);
Tensor& lerp_(const Tensor& start, const Tensor& end, const Scalar& weight);

/// Limits to [min, max]; at least one bound; NaN stays NaN.
Tensor clamp(const Tensor& x, const optional<Scalar>& min, const optional<Scalar>& max = nullopt);
Tensor& clamp_(const Tensor& x, const optional<Scalar>& min, const optional<Scalar>& max = nullopt);
Tensor clamp(const Tensor& x, const Tensor& min, const Tensor& max = {});
Tensor clamp_min(const Tensor& x, const Scalar& min);
Tensor clamp_max(const Tensor& x, const Scalar& max);
inline Tensor clamp_min(const Tensor& x, const Tensor& min) { return clamp(x, min); }
inline Tensor clamp_max(const Tensor& x, const Tensor& max) { return clamp(x, Tensor(), max); }
/// Replaces NaN (by default with 0) and the infinities (with the dtype's extremes).
Tensor nan_to_num(const Tensor& x, optional<double> nan = nullopt,
                  optional<double> posinf = nullopt, optional<double> neginf = nullopt);
Tensor logit(const Tensor& x, optional<double> eps = nullopt);

/// condition ? a : b elementwise; condition is Bool (Byte is accepted).
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& condition, const Tensor& a, const Scalar& b);
Tensor where(const Tensor& condition, const Scalar& a, const Tensor& b);
Tensor where(const Tensor& condition, const Scalar& a, const Scalar& b);
// The name that the shared formulas of tensor/kernels/ use.
inline Tensor choose(const Tensor& c, const Tensor& a, const Tensor& b) { return where(c, a, b); }
inline Tensor choose(const Tensor& c, const Tensor& a, const Scalar& b) { return where(c, a, b); }
inline Tensor choose(const Tensor& c, const Scalar& a, const Tensor& b) { return where(c, a, b); }

// Activations with parameters; PyTorch's names and defaults.
/// `approximate`: "none" (erf) or "tanh".
Tensor gelu(const Tensor& x, std::string_view approximate = "none");
Tensor& gelu_(const Tensor& x, std::string_view approximate = "none");
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
Tensor& leaky_relu_(const Tensor& x, double negative_slope = 0.01);
Tensor elu(const Tensor& x, double alpha = 1, double scale = 1, double input_scale = 1);
Tensor& elu_(const Tensor& x, double alpha = 1, double scale = 1, double input_scale = 1);
Tensor celu(const Tensor& x, double alpha = 1);
Tensor& celu_(const Tensor& x, double alpha = 1);
Tensor hardtanh(const Tensor& x, double min_val = -1, double max_val = 1);
Tensor& hardtanh_(const Tensor& x, double min_val = -1, double max_val = 1);
/// log(1 + exp(beta x)) / beta; the identity where beta x > threshold.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);
Tensor hardshrink(const Tensor& x, double lambda = 0.5);
Tensor softshrink(const Tensor& x, double lambda = 0.5);
/// x where x > threshold, else value.
Tensor threshold(const Tensor& x, double threshold, double value);
Tensor& threshold_(const Tensor& x, double threshold, double value);

/// The dtype of an elementwise result: PyTorch's rules for tensors, 0-dim tensors and C++ numbers.
ScalarType result_type(const Tensor& a, const Tensor& b);
ScalarType result_type(const Tensor& a, const Scalar& b);
inline ScalarType result_type(const Scalar& a, const Tensor& b) { return result_type(b, a); }
/// A C++ number as a 0-dim operand, which does not widen the other operand. It is a CPU tensor: one of those
/// goes with operands on any device.
Tensor wrapped_scalar(const Scalar& value);

// Operators. `==` and its kin compare elementwise, as in PyTorch.
// clang-format off
#define FOR_EACH_BINARY_OPERATOR(X)                                                   \
  X(+, add) X(-, sub) X(*, mul) X(/, div) X(%, remainder)                             \
  X(==, eq) X(!=, ne) X(<, lt) X(<=, le) X(>, gt) X(>=, ge)                           \
  X(&, bitwise_and) X(|, bitwise_or) X(^, bitwise_xor)
// clang-format on
#define X(symbol, op)                                                                  \
  inline Tensor operator symbol(const Tensor& a, const Tensor& b) { return op(a, b); } \
  inline Tensor operator symbol(const Tensor& a, const Scalar& b) { return op(a, b); } \
  inline Tensor operator symbol(const Scalar& a, const Tensor& b) {                    \
    return op(wrapped_scalar(a), b);                                                   \
  }
FOR_EACH_BINARY_OPERATOR(X)
#undef X
#define FOR_EACH_ASSIGN_OPERATOR(X) \
  X(+=, add_)                       \
  X(-=, sub_) X(*=, mul_) X(/=, div_) X(&=, bitwise_and_) X(|=, bitwise_or_) X(^=, bitwise_xor_)
#define X(symbol, op)                                                                  \
  inline Tensor& operator symbol(const Tensor& a, const Tensor& b) { return a.op(b); } \
  inline Tensor& operator symbol(const Tensor& a, const Scalar& b) { return a.op(b); }
FOR_EACH_ASSIGN_OPERATOR(X)
#undef X
inline Tensor operator-(const Tensor& x) { return neg(x); }
inline Tensor operator~(const Tensor& x) { return bitwise_not(x); }
inline Tensor operator!(const Tensor& x) { return logical_not(x); }

}  // namespace fg
