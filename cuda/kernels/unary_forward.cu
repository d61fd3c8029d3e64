#include "cuda/kernels/elementwise.cuh"
#include "tensor/kernels/activation_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/elementwise_forms.h"
#include "tensor/kernels/op_lists.h"

namespace fg::cuda {

template <class F>
void unary_forward(const Tensor& out, const Tensor& x, const F& f) {
  forms::unary_forward<ElementwiseDriver>(out, x, f);
}

#define INSTANTIATE(Functor) \
  template void unary_forward(const Tensor&, const Tensor&, const functors::Functor&);
#define X(op, Functor) INSTANTIATE(Functor)
FOR_EACH_UNARY(X)
FOR_EACH_ACTIVATION(X)
#undef X
FOR_EACH_PARAMETRIC_UNARY(INSTANTIATE)
#undef INSTANTIATE

}  // namespace fg::cuda
