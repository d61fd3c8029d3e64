// Convolutions of the emulated GPU: the CPU's, on the same memory. In place of cuda/kernels/conv.cpp, which needs
// cuDNN; takes what that takes, 16-bit types and channels last included.

#include "tensor/kernels/conv.h"

#include "cuda/cudnn/conv_problem.h"
#include "tests/cuda_host/launchers/stand_in.h"

namespace fg::cuda {
namespace {

/// As the CPU's kernels take it.
Tensor readable(const Tensor& t) {
  return t.defined() ? t.to(compute_type(t.dtype())).contiguous() : t;
}

/// Queues result = kernel(operands...).
template <class Kernel, class... Operands>
void run(Kernel* kernel, const Tensor& result, const ConvGeometry& geometry,
         const Operands&... operands) {
  const auto work = [=, out = on_cpu(result)](const auto&... in) {
    const Tensor computed = empty(out.sizes(), compute_type(out.dtype()));
    kernel(computed, readable(in)..., geometry);
    out.copy_(computed);
  };
  queue([work, ... in = on_cpu(operands)] { work(in...); });
}

}  // namespace

void conv_forward(const Tensor& output, const Tensor& input, const Tensor& weight,
                  const Tensor& bias, const ConvGeometry& geometry) {
  if (output.numel() == 0) return;
  make_conv_problem(ConvDirection::Forward, input, weight, output, bias, geometry);
  run(cpu::conv_forward, output, geometry, input, weight, bias);
}

void conv_input_grad(const Tensor& grad_input, const Tensor& grad_output, const Tensor& weight,
                     const Tensor& bias, const ConvGeometry& geometry) {
  if (grad_input.numel() == 0) return;
  make_conv_problem(ConvDirection::InputGrad, grad_input, weight, grad_output, bias, geometry);
  run(cpu::conv_input_grad, grad_input, geometry, grad_output, weight, bias);
}

void conv_weight_grad(const Tensor& grad_weight, const Tensor& grad_output, const Tensor& input,
                      const ConvGeometry& geometry) {
  make_conv_problem(ConvDirection::WeightGrad, input, grad_weight, grad_output, {}, geometry);
  run(cpu::conv_weight_grad, grad_weight, geometry, grad_output, input);
}

}  // namespace fg::cuda
