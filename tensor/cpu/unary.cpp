#include "tensor/cpu/simd_math.h"
// simd_math.h must come before any loop that calls math.
#include "tensor/cpu/elementwise.h"
#include "tensor/kernels/activation_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/elementwise_forms.h"
#include "tensor/kernels/op_lists.h"

namespace fg::cpu {

template <class F>
void unary_forward(const Tensor& out, const Tensor& x, const F& f) {
  forms::unary_forward<ElementwiseDriver>(out, x, f);
}
template <class F>
void unary_backward(const Tensor& out, const Tensor& g, const Tensor& saved, const F& f) {
  forms::unary_backward<ElementwiseDriver>(out, g, saved, f);
}

#define INSTANTIATE(Functor)                                                           \
  template void unary_forward(const Tensor&, const Tensor&, const functors::Functor&); \
  template void unary_backward(const Tensor&, const Tensor&, const Tensor&,            \
                               const functors::Functor&);
#define X(op, Functor) INSTANTIATE(Functor)
FOR_EACH_UNARY(X)
FOR_EACH_ACTIVATION(X)
#undef X
FOR_EACH_PARAMETRIC_UNARY(INSTANTIATE)
#undef INSTANTIATE

}  // namespace fg::cpu
