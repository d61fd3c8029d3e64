// Checks of ops that fused stages share with them; `op` is for messages.
#pragma once

#include "tensor/kernels/conv.h"
#include "tensor/kernels/pool.h"

namespace fg::detail {

/// What the convolution ops check, and the geometry that they find. All arguments are those of convolution().
ConvGeometry conv_geometry(const Tensor& input, const Tensor& weight, const Tensor& bias,
                           IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                           bool transposed, IntArrayRef output_padding, int64_t groups,
                           const char* op);
/// The same for a pool whose stride is its kernel_size.
PoolGeometry pool_geometry(const Tensor& input, IntArrayRef kernel_size, int64_t rank,
                           const char* op);
/// The checks of linear.
void check_linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const char* op);

}  // namespace fg::detail
