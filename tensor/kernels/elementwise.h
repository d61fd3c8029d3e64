// Elementwise launchers, declared once for both devices; instantiated from the op lists.
#pragma once

#include "tensor/tensor.h"

namespace fg {

// All operands broadcast to `out`, have any strides and any dtype: values convert to the compute
// type of the op and back. `out` may be an operand (in place) but must not overlap one partially.
#define FOR_EACH_DEVICE_NAMESPACE(X) X(cpu) X(cuda)
#define X(device)                                                                                \
  namespace device {                                                                             \
  /* out = f.forward(x); computes in the compute type of out's dtype. */                         \
  template <class F>                                                                             \
  void unary_forward(const Tensor& out, const Tensor& x, const F& f);                            \
  /* out = f.backward(g, x, y); `saved` is x or y, whichever F saves (g itself when neither). */ \
  template <class F>                                                                             \
  void unary_backward(const Tensor& out, const Tensor& g, const Tensor& saved, const F& f);      \
  /* out = f.forward(a, b) in the compute type of out's dtype. */                                \
  template <class F>                                                                             \
  void binary_forward(const Tensor& out, const Tensor& a, const Tensor& b, const F& f);          \
  /* Bool out = f.forward(a, b), compared in `common`, the promoted type of a and b. */          \
  template <class F>                                                                             \
  void compare(const Tensor& out, const Tensor& a, const Tensor& b, ScalarType common);          \
  template <class F>                                                                             \
  void predicate(const Tensor& out, const Tensor& x);                                            \
  /* out = condition ? a : b. */                                                                 \
  void where(const Tensor& out, const Tensor& condition, const Tensor& a, const Tensor& b);      \
  /* out = x + value * a * b, and out = x + value * a / b. */                                    \
  void addcmul(const Tensor& out, const Tensor& x, const Tensor& a, const Tensor& b,             \
               double value);                                                                    \
  void addcdiv(const Tensor& out, const Tensor& x, const Tensor& a, const Tensor& b,             \
               double value);                                                                    \
  /* out = a + weight * (b - a), from the nearer end. */                                         \
  void lerp(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& weight);          \
  }
FOR_EACH_DEVICE_NAMESPACE(X)
#undef X

}  // namespace fg
