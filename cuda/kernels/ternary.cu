#include "cuda/kernels/elementwise.cuh"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/elementwise_forms.h"
#include "tensor/kernels/fill.h"

namespace fg::cuda {

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

}  // namespace fg::cuda
