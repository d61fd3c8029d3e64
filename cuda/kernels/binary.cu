#include "cuda/kernels/elementwise.cuh"
#include "tensor/kernels/binary_ops.h"
#include "tensor/kernels/comparison_ops.h"
#include "tensor/kernels/division_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/elementwise_forms.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/op_lists.h"

namespace fg::cuda {

template <class F>
void binary_forward(const Tensor& out, const Tensor& a, const Tensor& b, const F& f) {
  forms::binary_forward<ElementwiseDriver>(out, a, b, f);
}
template void binary_forward(const Tensor&, const Tensor&, const Tensor&, const functors::Add&);
#define X(op, Functor)                                                      \
  template void binary_forward(const Tensor&, const Tensor&, const Tensor&, \
                               const functors::Functor&);
FOR_EACH_BINARY(X)
FOR_EACH_BITWISE(X)
#undef X

}  // namespace fg::cuda
