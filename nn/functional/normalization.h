// Normalisation in its functional form; autograd/ops/norm.h and batch_norm.h have the shapes.
#pragma once

#include "nn/options/normalization.h"

namespace fg::nn::functional {

/// `momentum` nullopt counts as 0.
Tensor batch_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormFuncOptions& options = {});
Tensor instance_norm(const Tensor& input, const InstanceNormFuncOptions& options = {});
Tensor layer_norm(const Tensor& input, const LayerNormFuncOptions& options);
Tensor rms_norm(const Tensor& input, const RMSNormFuncOptions& options);
Tensor group_norm(const Tensor& input, const GroupNormFuncOptions& options);
/// x / (k + alpha / size * sum of x^2 over `size` neighbouring channels)^beta, for [N, C, ...].
Tensor local_response_norm(const Tensor& input, const LocalResponseNormFuncOptions& options);
/// x / max(norm of x along dim, eps)
Tensor normalize(const Tensor& input, const NormalizeFuncOptions& options = {});

}  // namespace fg::nn::functional
