// Resizing in its functional form; autograd/ops/upsample.h has the rules.
#pragma once

#include "nn/options/upsampling.h"

namespace fg::nn::functional {

/// Resizes the spatial dims of [N, C, length], [N, C, height, width] or [N, C, depth, height, width].
/// kLinear, kBilinear (and kBicubic) and kTrilinear are for one, two and three of them; kNearest,
/// kNearestExact and kArea for any.
Tensor interpolate(const Tensor& input, const InterpolateFuncOptions& options = {});

}  // namespace fg::nn::functional
