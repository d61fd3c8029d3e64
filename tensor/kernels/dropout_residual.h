// Dropout between a bias and a residual connection, as the GPU does it.
#pragma once

#include "tensor/kernels/philox.h"
#include "tensor/tensor.h"

namespace fg::cuda {

/// y = dropout(x + bias[column]) + residual, with the elements kept that cuda::dropout keeps with the same `draw`, which
/// is therefore the gradient's kernel. x, residual and y (n, columns), contiguous, of one floating dtype, as is the bias
/// (columns), which may be undefined; 0 <= p < 1.
void bias_dropout_residual(const Tensor& y, const Tensor& x, const Tensor& bias,
                           const Tensor& residual, double p, const PhiloxDraw& draw);

}  // namespace fg::cuda
