// softmax and its relatives, declared once for both devices. Tensors are contiguous, Float or
// Double, on CUDA also 16-bit.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// How a tensor is seen whose middle extent is normalised: [outer, extent, inner].
struct SoftmaxShape {
  int64_t outer, extent, inner;
};

/// y = softmax(x) over the middle extent, or its logarithm if `log`. A slice without finite maximum
/// gives NaN, as in PyTorch.
using SoftmaxForwardKernel = void(const Tensor& y, const Tensor& x, const SoftmaxShape& shape,
                                  bool log);
/// grad_x from grad_y and the result: y * (g - sum(g * y)), or g - exp(y) * sum(g) if `log`.
using SoftmaxBackwardKernel = void(const Tensor& grad_x, const Tensor& grad_y, const Tensor& y,
                                   const SoftmaxShape& shape, bool log);
/// y[i] = log(sum(exp(x[i, :]))), x of shape [rows, extent]; infinite maxima are kept as they are.
using LogsumexpForwardKernel = void(const Tensor& y, const Tensor& x);

namespace cpu {
SoftmaxForwardKernel softmax_forward;
SoftmaxBackwardKernel softmax_backward;
LogsumexpForwardKernel logsumexp_forward;
}  // namespace cpu
namespace cuda {
SoftmaxForwardKernel softmax_forward;
SoftmaxBackwardKernel softmax_backward;
LogsumexpForwardKernel logsumexp_forward;
}  // namespace cuda

}  // namespace fg
