// The producers of fused stages on the GPU: cuDNN's convolutions, cuBLASLt's products, a sum.
#pragma once

#include "tensor/factories.h"
#include "tensor/kernels/binary_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/linear.h"
#include "tensor/kernels/matmul.h"
#include "tensor/kernels/reduce.h"
#include "tensor/kernels/stage.h"
#include "tensor/shape.h"

namespace fg::cuda::stage_detail {

/// z as (batch, channels, everything else).
inline Tensor cube(const Tensor& z) {
  const int64_t channels = z.size(1);
  return z.view({z.size(0), channels, numel_of(z.sizes().slice(2))});
}

inline void produce(const Tensor& z, const StageTensors& t, const stage::Conv& producer) {
  auto* const run = producer.transposed ? &conv_input_grad : &conv_forward;
  run(z, t.inputs[0], t.inputs[1], t.inputs[2], producer.geometry);
}
inline void produce(const Tensor& z, const StageTensors& t, const stage::Linear&) {
  linear_forward(z, t.inputs[0], t.inputs[1], t.inputs[2], LinearActivation::None, {});
}
inline void produce(const Tensor& z, const StageTensors& t, const stage::Sum&) {
  binary_forward(z, t.inputs[0], t.inputs[1], functors::Add{});
}

/// Memory for z: a sum has as many digits as its tail, a convolution or product those of its operands.
template <class Producer>
Tensor result_memory(const StageTensors& t, const Producer& producer, const Tensor& y) {
  const Tensor& like = std::is_same_v<Producer, stage::Sum> ? y : t.inputs[0];
  return empty(producer.result_sizes(t.inputs), like.options());
}

/// Where grad_z goes, of z's dtype: to the gradient that it is, or to memory of its own.
template <class Producer>
Tensor grad_z_for(const StageTensors& t, const Tensor& z, const Producer& producer) {
  const TensorOptions options = (z.defined() ? z : t.inputs[0]).options();
  if constexpr (std::is_same_v<Producer, stage::Sum>)
    for (const Tensor& grad : t.grad_inputs)
      if (grad.defined() && grad.dtype() == options.dtype()) return grad;
  return empty(producer.result_sizes(t.inputs), options);
}

/// run(a tensor of dtype `type`), whose values end in `grad`: itself, if it is of that.
template <class Run>
void converted(const Tensor& grad, ScalarType type, const Run& run) {
  if (grad.dtype() == type) return run(grad);
  const Tensor other = empty(grad.sizes(), grad.options().dtype(type));
  run(other);
  copy(grad, other);
}

/// `bias_done`: the tail has written the bias' gradient.
inline void produce_backward(const StageTensors& t, const Tensor& grad_z, bool bias_done,
                             const stage::Conv& producer) {
  const ConvGeometry& g = producer.geometry;
  if (t.grad_inputs[0].defined()) {
    auto* const run = producer.transposed ? &conv_forward : &conv_input_grad;
    run(t.grad_inputs[0], grad_z, t.inputs[1], {}, g);
  }
  if (t.grad_inputs[1].defined())
    converted(t.grad_inputs[1], grad_z.dtype(), [&](const Tensor& grad_weight) {
      if (producer.transposed)
        conv_weight_grad(grad_weight, t.inputs[0], grad_z, g);
      else
        conv_weight_grad(grad_weight, grad_z, t.inputs[0], g);
    });
  if (!t.grad_inputs[2].defined() || bias_done) return;
  const Tensor z = cube(grad_z);
  const Tensor planes = empty({z.size(0), z.size(1)}, t.grad_inputs[2].options());
  reduce(planes.view({-1, 1}), z.view({-1, z.size(2), 1}), ReduceKind::sum);
  reduce(t.grad_inputs[2].unsqueeze(0), planes.unsqueeze(0), ReduceKind::sum);
}

inline void produce_backward(const StageTensors& t, const Tensor& grad_z, bool bias_done,
                             const stage::Linear&) {
  const Tensor &grad_x = t.grad_inputs[0], &grad_weight = t.grad_inputs[1];
  const Tensor grad_bias = bias_done ? Tensor() : t.grad_inputs[2];
  if (grad_x.defined())
    linear_input_grad(grad_x, {}, grad_z, t.inputs[1], LinearActivation::None, {});
  if (grad_weight.defined())
    linear_weight_grad(grad_weight, grad_bias, grad_z, t.inputs[0]);
  else if (grad_bias.defined())
    reduce(grad_bias.unsqueeze(0), grad_z.unsqueeze(0), ReduceKind::sum);
}

inline void produce_backward(const StageTensors& t, const Tensor& grad_z, bool, const stage::Sum&) {
  const void* written = grad_z.data_ptr();
  for (const Tensor& grad : t.grad_inputs) {
    if (!grad.defined() || grad.data_ptr() == written) continue;
    copy(grad, grad_z);
    written = grad.data_ptr();  // both may be one
  }
}

}  // namespace fg::cuda::stage_detail
