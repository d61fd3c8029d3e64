// A transposed convolution, a pointwise chain and the max pool behind it in one kernel forward and one backward, for
// the geometry whose pool undoes the stride: what is pooled is never in memory.
#pragma once

#include <vector>

#include "tensor/kernels/conv.h"
#include "tensor/kernels/pool.h"

namespace fg::cuda {

/// Whether the two launchers below take this transposed convolution (the adjoint of `geometry`, from its output to
/// its input) and pool: three dims with kernel 3, stride 2, padding 1, output padding 1, one group, up to 32 channels
/// of x and 64 of the result; windows of 2 with stride 2; x Float, BFloat16 or Half.
bool conv_transpose3d_chain_pool_takes(const ConvGeometry& geometry, const PoolGeometry& pool,
                                       ScalarType type);

/// y = max_pool(chain(z)), z = conv_transpose(x, weight) + bias. z_largest (y's shape, x's dtype) is z where chain(z)
/// is largest, `which` (y's shape, Byte) its index in the window, in scan order: the first of equals, the last NaN.
/// Both undefined: not kept. weight and bias have x's dtype, y and the operands that or Float; `bias` may be undefined.
/// All contiguous. Products of
/// Float are in TF32 if globalContext().allowTF32CuDNN(), else by three products of TF32 parts, as accurate as
/// float32 (but infinities become NaN).
template <class C>
void conv_transpose3d_chain_pool_forward(const Tensor& y, const Tensor& z_largest,
                                         const Tensor& which, const Tensor& x, const Tensor& weight,
                                         const Tensor& bias, const std::vector<Tensor>& operands,
                                         const ConvGeometry& geometry, const PoolGeometry& pool,
                                         const C& chain);

/// Gradients of weight, bias and operands, of any floating dtype; undefined ones are not computed. Equal bits from
/// run to run. The rest as forward's.
template <class C>
void conv_transpose3d_chain_pool_backward(const Tensor& grad_weight, const Tensor& grad_bias,
                                          const std::vector<Tensor>& grad_operands,
                                          const Tensor& grad_y, const Tensor& z_largest,
                                          const Tensor& which, const Tensor& x,
                                          const std::vector<Tensor>& operands,
                                          const ConvGeometry& geometry, const PoolGeometry& pool,
                                          const C& chain);

}  // namespace fg::cuda
