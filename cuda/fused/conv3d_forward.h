// Convolution and pointwise chain in one kernel: which convolutions it takes, and its launcher.
#pragma once

#include "tensor/kernels/conv.h"

namespace fg::cuda {

/// Whether conv3d_chain_forward can compute the convolution: float32 or a 16-bit type; one group, strides and dilations
/// of 1; kernels of height 3, width up to 3 and depth up to 3 (1: convolutions in two dims); as many input channels
/// as fit into shared memory with their weights (16 in float32, 32 in 16 bits, for a 3 x 3 x 3 kernel); images of
/// fewer than 2^31 elements.
bool conv3d_forward_fits(const ConvGeometry& geometry, ScalarType type);
/// Whether it also is the better choice: few input channels, for which cuDNN has no good kernel; rows and columns that
/// fill its tiles of 8 x 64 at least by half; and depths enough to make up for a block's loading its weights.
bool conv3d_forward_takes(const ConvGeometry& geometry, ScalarType type);

/// z = conv(x, weight) + bias, y = chain(z), for what fits. Tensors are contiguous; x, weight and z are of one type, y
/// is, or Float, and `bias` and `operands`, a (channels) tensor per channel stage of the chain, are of any floating
/// type. `bias` may be undefined, and z, which is then not written. Products are
/// summed in float32; float32 itself is multiplied in TF32, or where allowTF32CuDNN() is off as three products of
/// its TF32 parts, which take infinite numbers to NaN.
template <class C>
void conv3d_chain_forward(const Tensor& y, const Tensor& z, const Tensor& x, const Tensor& weight,
                          const Tensor& bias, const std::vector<Tensor>& operands,
                          const ConvGeometry& geometry, const C& chain);

}  // namespace fg::cuda
