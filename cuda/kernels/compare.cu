#include "cuda/kernels/elementwise.cuh"
#include "tensor/kernels/comparison_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/elementwise_forms.h"
#include "tensor/kernels/op_lists.h"

namespace fg::cuda {

template <class F>
void compare(const Tensor& out, const Tensor& a, const Tensor& b, ScalarType common) {
  forms::compare<ElementwiseDriver, F>(out, a, b, common);
}
template <class F>
void predicate(const Tensor& out, const Tensor& x) {
  forms::predicate<ElementwiseDriver, F>(out, x);
}

#define X(op, Functor) \
  template void compare<functors::Functor>(const Tensor&, const Tensor&, const Tensor&, ScalarType);
FOR_EACH_COMPARISON(X)
#undef X
#define X(op, Functor) template void predicate<functors::Functor>(const Tensor&, const Tensor&);
FOR_EACH_PREDICATE(X)
#undef X

}  // namespace fg::cuda
