// Normalisation layers, declared once for both devices. Statistics are those of PyTorch: the biased
// variance about the mean; rstd = 1 / sqrt(var + eps). All tensors are contiguous and of one dtype, Float or
// Double. On CUDA x, y and their gradients may be 16-bit: mean, var and rstd are then Float, and each parameter
// (with its gradient) is Float or of x's dtype.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// How a normalised tensor is seen: [batch, groups, channels, inner]. A row is one (batch, group), so it
/// is contiguous; weight and bias have groups * channels elements. layer_norm is groups = inner = 1.
struct NormShape {
  int64_t batch, groups, channels, inner;

  int64_t rows() const { return batch * groups; }
  int64_t row_size() const { return channels * inner; }
  int64_t all_channels() const { return groups * channels; }
};

/// y = (x - mean) * rstd * weight + bias with one mean and rstd per row; `weight` and `bias` may be
/// undefined. Not `centered` (RMS norm): mean is 0 and rstd = 1 / sqrt(mean(x^2) + eps).
using RowNormForwardKernel = void(const Tensor& y, const Tensor& mean, const Tensor& rstd,
                                  const Tensor& x, const Tensor& weight, const Tensor& bias,
                                  const NormShape& shape, bool centered, double eps);
/// Gradients of RowNormForwardKernel; those that are undefined are not computed.
using RowNormBackwardKernel = void(const Tensor& grad_x, const Tensor& grad_weight,
                                   const Tensor& grad_bias, const Tensor& grad_y, const Tensor& x,
                                   const Tensor& mean, const Tensor& rstd, const Tensor& weight,
                                   const NormShape& shape, bool centered);

/// Mean and biased variance of each channel over batch and inner (groups = 1).
using BatchNormStatisticsKernel = void(const Tensor& mean, const Tensor& var, const Tensor& x,
                                       const NormShape& shape);
/// y = (x - mean) * rstd * weight + bias with one mean and rstd per channel.
using BatchNormForwardKernel = void(const Tensor& y, const Tensor& x, const Tensor& mean,
                                    const Tensor& rstd, const Tensor& weight, const Tensor& bias,
                                    const NormShape& shape);
/// Gradients of BatchNormForwardKernel; `training`: mean and rstd are functions of x, else constants.
using BatchNormBackwardKernel = void(const Tensor& grad_x, const Tensor& grad_weight,
                                     const Tensor& grad_bias, const Tensor& grad_y, const Tensor& x,
                                     const Tensor& mean, const Tensor& rstd, const Tensor& weight,
                                     const NormShape& shape, bool training);

namespace cpu {
RowNormForwardKernel row_norm_forward;
RowNormBackwardKernel row_norm_backward;
BatchNormStatisticsKernel batch_norm_statistics;
BatchNormForwardKernel batch_norm_forward;
BatchNormBackwardKernel batch_norm_backward;
}  // namespace cpu
namespace cuda {
RowNormForwardKernel row_norm_forward;
RowNormBackwardKernel row_norm_backward;
BatchNormStatisticsKernel batch_norm_statistics;
BatchNormForwardKernel batch_norm_forward;
BatchNormBackwardKernel batch_norm_backward;
}  // namespace cuda

}  // namespace fg
