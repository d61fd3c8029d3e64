// The weight gradient of a convolution whose result went through a pointwise chain: which convolutions it takes, and
// its launcher.
#pragma once

#include "tensor/kernels/conv.h"

namespace fg::cuda {

/// Whether conv3d_chain_weight_grad computes the gradient: float32 or a 16-bit type; one group, strides and dilations
/// of 1; kernels of up to 3 in each dim; up to 32 input and 64 output channels of fewer than 2^27 elements each.
bool conv3d_weight_grad_takes(const ConvGeometry& geometry, ScalarType type);

/// With grad_z = the gradient of z for the gradient grad_y of chain(z): grad_weight = conv's gradient for grad_z,
/// grad_bias [out_channels] = the sum of grad_z over all but the channels, and the gradients [out_channels] of the
/// chain's operands. Those that are undefined are not computed. All are contiguous; x and z are of one dtype, grad_y of
/// that or Float, operands and gradients each of any floating dtype. Sums are in float32 and in an order that depends on
/// the sizes alone. Factors are rounded to the 16-bit type; in float32 to TF32, or where allowTF32CuDNN() is off, are
/// sums of two TF32 parts each, which take infinite numbers to NaN. An infinite or NaN x may spread over the taps of
/// its channel.
template <class C>
void conv3d_chain_weight_grad(const Tensor& grad_weight, const Tensor& grad_bias,
                              const std::vector<Tensor>& grad_operands, const Tensor& grad_y,
                              const Tensor& z, const Tensor& x, const std::vector<Tensor>& operands,
                              const ConvGeometry& geometry, const C& chain);

}  // namespace fg::cuda
