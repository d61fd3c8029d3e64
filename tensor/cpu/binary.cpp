#include "tensor/cpu/simd_math.h"
// simd_math.h must come before any loop that calls math.
#include "tensor/cpu/elementwise.h"
#include "tensor/kernels/division_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/elementwise_forms.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/op_lists.h"

namespace fg::cpu {

template <class F>
void binary_forward(const Tensor& out, const Tensor& a, const Tensor& b, const F& f) {
  forms::binary_forward<ElementwiseDriver>(out, a, b, f);
}
template <class F>
void compare(const Tensor& out, const Tensor& a, const Tensor& b, ScalarType common) {
  forms::compare<ElementwiseDriver, F>(out, a, b, common);
}
template <class F>
void predicate(const Tensor& out, const Tensor& x) {
  forms::predicate<ElementwiseDriver, F>(out, x);
}
void where(const Tensor& out, const Tensor& condition, const Tensor& a, const Tensor& b) {
  forms::where<ElementwiseDriver>(out, condition, a, b);
}
void addcmul(const Tensor& out, const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  forms::addcmul<ElementwiseDriver>(out, x, a, b, value);
}
void addcdiv(const Tensor& out, const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  forms::addcdiv<ElementwiseDriver>(out, x, a, b, value);
}
void lerp(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& weight) {
  forms::lerp<ElementwiseDriver>(out, a, b, weight);
}
void fill(const Tensor& out, const Scalar& value) { forms::fill<ElementwiseDriver>(out, value); }

template void binary_forward(const Tensor&, const Tensor&, const Tensor&, const functors::Add&);
#define X(op, Functor)                                                      \
  template void binary_forward(const Tensor&, const Tensor&, const Tensor&, \
                               const functors::Functor&);
FOR_EACH_BINARY(X)
FOR_EACH_BITWISE(X)
#undef X
#define X(op, Functor) \
  template void compare<functors::Functor>(const Tensor&, const Tensor&, const Tensor&, ScalarType);
FOR_EACH_COMPARISON(X)
#undef X
#define X(op, Functor) template void predicate<functors::Functor>(const Tensor&, const Tensor&);
FOR_EACH_PREDICATE(X)
#undef X

}  // namespace fg::cpu
