// NumPy's and older names of ops that exist under another one, as PyTorch offers them. In-place forms
// are in place here, too.
#pragma once

#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/view.h"

namespace fg {

/// X(alias, op) of one tensor.
#define FOR_EACH_UNARY_ALIAS(X) \
  X(arccos, acos)               \
  X(arccosh, acosh)             \
  X(arcsin, asin)               \
  X(arcsinh, asinh)             \
  X(arctan, atan)               \
  X(arctanh, atanh)             \
  X(fix, trunc)
#define X(alias, op)                                     \
  inline Tensor alias(const Tensor& x) { return op(x); } \
  inline Tensor& alias##_(const Tensor& x) { return op##_(x); }
FOR_EACH_UNARY_ALIAS(X)
#undef X

/// X(alias, op) of two operands.
#define FOR_EACH_BINARY_ALIAS(X) \
  X(multiply, mul)               \
  X(divide, div)                 \
  X(true_divide, div)            \
  X(subtract, sub)               \
  X(arctan2, atan2)              \
  X(greater, gt)                 \
  X(greater_equal, ge)           \
  X(less, lt)                    \
  X(less_equal, le)              \
  X(not_equal, ne)
#define X(alias, op)                                                         \
  inline Tensor alias(const Tensor& a, const Tensor& b) { return op(a, b); } \
  inline Tensor alias(const Tensor& a, const Scalar& b) { return op(a, b); }
FOR_EACH_BINARY_ALIAS(X)
#undef X

inline Tensor clip(const Tensor& x, const optional<Scalar>& min,
                   const optional<Scalar>& max = nullopt) {
  return clamp(x, min, max);
}
inline Tensor& clip_(const Tensor& x, const optional<Scalar>& min,
                     const optional<Scalar>& max = nullopt) {
  return clamp_(x, min, max);
}
inline Tensor swapaxes(const Tensor& x, int64_t axis0, int64_t axis1) {
  return transpose(x, axis0, axis1);
}
inline Tensor swapdims(const Tensor& x, int64_t dim0, int64_t dim1) {
  return transpose(x, dim0, dim1);
}
inline Tensor moveaxis(const Tensor& x, int64_t source, int64_t destination) {
  return movedim(x, source, destination);
}
inline Tensor adjoint(const Tensor& x) { return transpose(x, -2, -1); }
inline Tensor broadcast_to(const Tensor& x, IntArrayRef size) { return expand(x, size); }
inline Tensor row_stack(TensorList tensors) { return vstack(tensors); }

}  // namespace fg
