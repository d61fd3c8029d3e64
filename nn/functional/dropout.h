// Dropout in its functional form: identity unless `training`. What stays is scaled by 1 / (1 - p).
#pragma once

#include "nn/options/dropout.h"
#include "tensor/tensor.h"

namespace fg::nn::functional {

Tensor dropout(const Tensor& input, const DropoutFuncOptions& options = {});
/// Zeroes whole channels of [N, C, length], [N, C, height, width] or [N, C, depth, height, width].
Tensor dropout1d(const Tensor& input, const Dropout1dFuncOptions& options = {});
Tensor dropout2d(const Tensor& input, const Dropout2dFuncOptions& options = {});
Tensor dropout3d(const Tensor& input, const Dropout3dFuncOptions& options = {});
/// Keeps mean and variance of inputs that SELU made (Klambauer et al., 2017).
Tensor alpha_dropout(const Tensor& input, const AlphaDropoutFuncOptions& options = {});
/// alpha_dropout on whole channels.
Tensor feature_alpha_dropout(const Tensor& input,
                             const FeatureAlphaDropoutFuncOptions& options = {});

}  // namespace fg::nn::functional
