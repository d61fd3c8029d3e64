#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise_nodes.h"
#include "tensor/profiler.h"

namespace fg {

using functors::Saves;

Tensor wrapped_scalar(const Scalar& value) {
  Tensor result = scalar_tensor(value, TensorOptions(value.type()));
  result.impl().wrapped_number = true;
  return result;
}

namespace {

// PyTorch's three tiers: tensors with dims, 0-dim tensors, C++ numbers. A lower tier matters only
// where it brings a higher category.
struct PromotionTiers {
  optional<ScalarType> dims, zero_dim, wrapped;

  void add(const Tensor& t) {
    ScalarType type = t.dtype();
    const bool is_wrapped = t.impl().wrapped_number;
    if (is_wrapped && is_floating(type)) type = get_default_dtype();
    optional<ScalarType>& tier = t.dim() > 0 ? dims : is_wrapped ? wrapped : zero_dim;
    tier = tier ? promote_types(*tier, type) : type;
  }
  static optional<ScalarType> combine(optional<ScalarType> higher, optional<ScalarType> lower) {
    if (!higher) return lower;
    if (!lower || is_floating(*higher)) return higher;
    if (*higher == kBool || is_floating(*lower)) return promote_types(*higher, *lower);
    return higher;
  }
  ScalarType result() const { return *combine(dims, combine(zero_dim, wrapped)); }
};

template <class... T>
ScalarType promoted(const T&... tensors) {
  PromotionTiers tiers;
  (tiers.add(tensors), ...);
  return tiers.result();
}

}  // namespace

ScalarType result_type(const Tensor& a, const Tensor& b) { return promoted(a, b); }
ScalarType result_type(const Tensor& a, const Tensor& b, const Tensor& c) {
  return promoted(a, b, c);
}
ScalarType result_type(const Tensor& a, const Scalar& b) { return promoted(a, wrapped_scalar(b)); }

#define X(op, Functor)                                                         \
  Tensor op(const Tensor& x) {                                                 \
    if constexpr (detail::AutocastOp(#op).is_listed())                         \
      if (detail::is_autocast()) return detail::autocast_call(#op, fg::op, x); \
    const profiler::RecordOp recorded(#op, x);                                 \
    return apply_unary(x, functors::Functor());                                \
  }                                                                            \
  Tensor& op##_(const Tensor& x) {                                             \
    const profiler::RecordOp recorded(#op "_", x);                             \
    return apply_unary_inplace(x, functors::Functor(), #op "_");               \
  }                                                                            \
  Tensor TensorMethods::op() const { return fg::op(self()); }                  \
  Tensor& TensorMethods::op##_() const { return fg::op##_(self()); }
FOR_EACH_UNARY(X)
#undef X

#define X(op, Functor)                                    \
  Tensor op(const Tensor& x) {                            \
    const profiler::RecordOp recorded(#op, x);            \
    const Tensor y = empty_like(x, TensorOptions(kBool)); \
    ON_DEVICE(x, predicate<functors::Functor>, y, x);     \
    return y;                                             \
  }                                                       \
  Tensor TensorMethods::op() const { return fg::op(self()); }
FOR_EACH_PREDICATE(X)
#undef X

namespace {

template <class F>
void check_divisor(const Tensor& a, const Tensor& b, const F&, const char* op) {
  constexpr bool divides = std::is_same_v<F, functors::Fmod> ||
                           std::is_same_v<F, functors::Remainder> ||
                           std::is_same_v<F, functors::FloorDivide>;
  if constexpr (divides)
    // A divisor on the GPU is not looked at, which would mean waiting for it: the quotients are undefined then.
    if (!is_floating(result_type(a, b)) && b.is_cpu())
      ENSURE(!b.eq(0).any().item<bool>(), op, ": integer divisor must not be zero");
  if constexpr (std::is_same_v<F, functors::Pow>)
    if (!is_floating(result_type(a, b)) && b.impl().wrapped_number)
      ENSURE(b.item<int64_t>() >= 0, op,
             ": integers cannot be raised to the negative integer power ", b.item<int64_t>());
}

// x^2, x^0.5 and 1/x are exact as products, roots and quotients; other constant exponents take the
// unary form, whose node keeps no exponent tensor.
Tensor apply_binary(const Tensor& a, const Tensor& b, const functors::Pow& f, const char* op) {
  const ScalarType type = binary_result_type<functors::Pow>(a, b);
  if (!b.impl().wrapped_number || type != a.dtype())
    return apply_binary<functors::Pow>(a, b, f, op);
  const double exponent = b.item<double>();
  if (exponent == 2) return square(a);
  if (exponent == 0.5 && is_floating(type)) return sqrt(a);
  if (exponent == -1 && is_floating(type)) return reciprocal(a);
  return apply_unary(a, functors::PowScalar{{}, exponent});
}

// Comparisons, in the promoted type of both sides.
template <class F>
Tensor compared(const Tensor& a, const Tensor& b, const char* op) {
  const profiler::RecordOp recorded(op, a, b);
  const Device device = common_device(a, b, op);
  const Tensor y =
      empty(broadcast_shapes(a.sizes(), b.sizes(), op), TensorOptions(kBool).device(device));
  ON_DEVICE(y, compare<F>, y, a, b, result_type(a, b));
  return y;
}

}  // namespace

// The forms that every binary op has besides (Tensor, Tensor).
#define DERIVED_FORMS(op)                                                                      \
  Tensor op(const Tensor& a, const Scalar& b) { return op(a, wrapped_scalar(b)); }             \
  Tensor op(const Scalar& a, const Tensor& b) { return op(wrapped_scalar(a), b); }             \
  Tensor TensorMethods::op(const Tensor& other) const { return fg::op(self(), other); }        \
  Tensor TensorMethods::op(const Scalar& other) const { return fg::op(self(), other); }        \
  Tensor& TensorMethods::op##_(const Tensor& other) const { return fg::op##_(self(), other); } \
  Tensor& TensorMethods::op##_(const Scalar& other) const {                                    \
    return fg::op##_(self(), wrapped_scalar(other));                                           \
  }
#define X(op, Functor)                                                   \
  Tensor op(const Tensor& a, const Tensor& b) {                          \
    if constexpr (detail::AutocastOp(#op).is_listed())                   \
      if (detail::is_autocast())                                         \
        return detail::autocast_call(                                    \
            #op, [](const auto&... in) { return fg::op(in...); }, a, b); \
    const profiler::RecordOp recorded(#op, a, b);                        \
    check_divisor(a, b, functors::Functor(), #op);                       \
    return apply_binary(a, b, functors::Functor(), #op);                 \
  }                                                                      \
  Tensor& op##_(const Tensor& a, const Tensor& b) {                      \
    const profiler::RecordOp recorded(#op "_", a, b);                    \
    check_divisor(a, b, functors::Functor(), #op "_");                   \
    return apply_binary_inplace(a, b, functors::Functor(), #op "_");     \
  }
FOR_EACH_BINARY(X)
#undef X
#define X(op, Functor)                                                                           \
  Tensor op(const Tensor& a, const Tensor& b) { return compared<functors::Functor>(a, b, #op); } \
  Tensor& op##_(const Tensor& a, const Tensor& b) {                                              \
    const profiler::RecordOp recorded(#op "_", a, b);                                            \
    check_inplace(a, #op "_");                                                                   \
    const Tensor result = op(a, b);                                                              \
    check_inplace_result(a, result.sizes(), kBool, #op "_");                                     \
    return a.copy_(result);                                                                      \
  }
FOR_EACH_COMPARISON(X)
#undef X
#define X(op, Functor)                                                                          \
  Tensor op(const Tensor& a, const Tensor& b) {                                                 \
    const profiler::RecordOp recorded(#op, a, b);                                               \
    const ScalarType type = result_type(a, b);                                                  \
    ENSURE(!is_floating(type), #op, ": dtype must be integral or Bool, got ", type);            \
    const Device device = common_device(a, b, #op);                                             \
    const Tensor y =                                                                            \
        empty(broadcast_shapes(a.sizes(), b.sizes(), #op), TensorOptions(type).device(device)); \
    ON_DEVICE(y, binary_forward, y, a, b, functors::Functor());                                 \
    return y;                                                                                   \
  }                                                                                             \
  Tensor& op##_(const Tensor& a, const Tensor& b) {                                             \
    const profiler::RecordOp recorded(#op "_", a, b);                                           \
    check_inplace(a, #op "_");                                                                  \
    const Tensor result = op(a, b);                                                             \
    check_inplace_result(a, result.sizes(), result.dtype(), #op "_");                           \
    return a.copy_(result);                                                                     \
  }
FOR_EACH_BITWISE(X)
#undef X
#define X(op, Functor) DERIVED_FORMS(op)
FOR_EACH_BINARY(X)
FOR_EACH_COMPARISON(X)
FOR_EACH_BITWISE(X)
#undef X
#undef DERIVED_FORMS

Tensor bitwise_not(const Tensor& x) {
  const profiler::RecordOp recorded("bitwise_not", x);
  if (x.dtype() == kBool) return logical_not(x);
  return bitwise_xor(x, Scalar(-1));
}

}  // namespace fg
