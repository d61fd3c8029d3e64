// Linear layers with what can be computed on the way out of the matrix product; declared for both devices.
#pragma once

#include "tensor/factories.h"
#include "tensor/tensor.h"

namespace fg {

/// What a linear layer's product passes through before it is stored. GeluTanh is the tanh form of GELU.
enum class LinearActivation : int8_t { None, Relu, GeluTanh };

/// y = activation(x weight^T + bias): x (n, in), weight (out, in), bias (out) or undefined, y (n, out)
/// contiguous, all of one floating dtype; x and weight have any strides. `aux`, if defined, is from linear_aux
/// and is filled with what linear_input_grad needs to know of the pre-activation.
using LinearForward = void(const Tensor& y, const Tensor& x, const Tensor& weight,
                           const Tensor& bias, LinearActivation activation, const Tensor& aux);
/// grad_x = (grad_y weight) * activation'(pre-activation), and grad_bias = the sum of grad_x over n, unless
/// undefined. The activation is that of the layer whose output was x, `aux` is what its linear_forward filled
/// (undefined for None), grad_bias its bias' gradient: grad_y (n, out), weight (out, in), grad_x (n, in)
/// contiguous, grad_bias (in) contiguous.
using LinearInputGrad = void(const Tensor& grad_x, const Tensor& grad_bias, const Tensor& grad_y,
                             const Tensor& weight, LinearActivation activation, const Tensor& aux);
/// grad_weight = grad_y^T x and grad_bias = the sum of grad_y over n: grad_y (n, out), x (n, in), grad_weight
/// (out, in) contiguous, grad_bias (out) contiguous or undefined. On CUDA either gradient may be Float with a
/// grad_y and an x of 16 bits: it is then not rounded to those.
using LinearWeightGrad = void(const Tensor& grad_weight, const Tensor& grad_bias,
                              const Tensor& grad_y, const Tensor& x);

/// Room for what a linear_forward with output (n, out) leaves to linear_input_grad, in a form of the device's
/// own: for Relu a bit per element that says whether it was positive, for GeluTanh the pre-activation in y's
/// dtype; rows are padded as cuBLASLt wants them. Undefined for None.
inline Tensor linear_aux(const Tensor& y, LinearActivation activation) {
  const auto padded = [&](int64_t to) { return (y.size(1) + to - 1) / to * to; };
  switch (activation) {
    case LinearActivation::Relu:
      return empty({y.size(0), padded(128) / 8}, y.options().dtype(kByte));
    case LinearActivation::GeluTanh:
      return empty({y.size(0), padded(8)}, y.options());
    default:
      return {};
  }
}

namespace cpu {
LinearForward linear_forward;
LinearInputGrad linear_input_grad;
LinearWeightGrad linear_weight_grad;
}  // namespace cpu
namespace cuda {
LinearForward linear_forward;
LinearInputGrad linear_input_grad;
LinearWeightGrad linear_weight_grad;
}  // namespace cuda

}  // namespace fg
