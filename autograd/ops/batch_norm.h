#pragma once

#include "tensor/tensor.h"

namespace fg {

/// (x - mean) / sqrt(var + eps) * weight + bias per channel of [N, C, ...]; weight, bias, running_mean
/// and running_var have shape [C], each may be undefined. `training`: mean and biased variance over
/// all samples and positions (more than one value per channel), and the running statistics move by
/// `momentum` towards the mean and the unbiased variance; else the running statistics are used.
/// Output of the input's shape and dtype, contiguous; computes in float (double for double). Running
/// statistics may have any floating dtype.
Tensor batch_norm(const Tensor& input, const Tensor& weight, const Tensor& bias,
                  const Tensor& running_mean, const Tensor& running_var, bool training,
                  double momentum = 0.1, double eps = 1e-5);

}  // namespace fg
