// Convolution: one geometry and three kernels. With y = conv(x, w), the sum over y * g is linear in
// each of x, w and g, and its three gradients are the three kernels: y from (x, w), grad_x from
// (g, w), grad_w from (g, x). A transposed convolution is the second of them, run forward.
#pragma once

#include "tensor/kernels/spatial.h"
#include "tensor/tensor.h"

namespace fg {

/// input [batch, in_channels, input...], weight [out_channels, in_channels / groups, kernel...],
/// output [batch, out_channels, output...], where
/// output[d] = (input[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1.
struct ConvGeometry {
  int64_t batch = 0;
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  int64_t groups = 1;
  Extents input{}, kernel{}, output{}, stride{}, padding{}, dilation{};

  int64_t group_in() const { return in_channels / groups; }
  int64_t group_out() const { return out_channels / groups; }
};

/// output = conv(input, weight) + bias. Tensors are contiguous and share one dtype, Float or Double;
/// `bias` [out_channels] may be undefined. On CUDA also 16-bit types, and with 4 or 5 dims the tensors may
/// all be channels last instead.
using ConvForward = void(const Tensor& output, const Tensor& input, const Tensor& weight,
                         const Tensor& bias, const ConvGeometry& geometry);
/// grad_input = the adjoint of conv in its input, plus `bias` [in_channels] if defined (which makes
/// it the forward pass of a transposed convolution).
using ConvInputGrad = void(const Tensor& grad_input, const Tensor& grad_output,
                           const Tensor& weight, const Tensor& bias, const ConvGeometry& geometry);
using ConvWeightGrad = void(const Tensor& grad_weight, const Tensor& grad_output,
                            const Tensor& input, const ConvGeometry& geometry);

/// columns [batch, in_channels * kernel taps, output positions] = the patches of `input`. Uses
/// batch, in_channels and the extents of the geometry. Float or Double; on CUDA also 16-bit types.
using Im2col = void(const Tensor& columns, const Tensor& input, const ConvGeometry& geometry);
/// The adjoint: sums the columns back into `input`.
using Col2im = void(const Tensor& input, const Tensor& columns, const ConvGeometry& geometry);

namespace cpu {
ConvForward conv_forward;
ConvInputGrad conv_input_grad;
ConvWeightGrad conv_weight_grad;
Im2col im2col;
Col2im col2im;
}  // namespace cpu
namespace cuda {
ConvForward conv_forward;
ConvInputGrad conv_input_grad;
ConvWeightGrad conv_weight_grad;
Im2col im2col;
Col2im col2im;
}  // namespace cuda

}  // namespace fg
