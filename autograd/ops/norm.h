// Normalisation layers over the trailing dims or over groups of channels. Statistics are computed in
// float (double for double) in two passes. `weight` and `bias` may be undefined; they have the input's
// dtype, or Float beside a 16-bit input. Outputs have the input's shape and dtype, and are contiguous.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// (x - mean) / sqrt(var + eps) * weight + bias over the trailing dims, whose extents are
/// `normalized_shape`; weight and bias have that shape.
Tensor layer_norm(const Tensor& input, IntArrayRef normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
/// x / sqrt(mean(x^2) + eps) * weight over the trailing dims; `eps` defaults to the machine epsilon of
/// the type that the op computes in.
Tensor rms_norm(const Tensor& input, IntArrayRef normalized_shape, const Tensor& weight = {},
                optional<double> eps = nullopt);
/// Normalises [N, C, ...] over `num_groups` groups of neighbouring channels and all positions; C is
/// divisible by num_groups, weight and bias have shape [C].
Tensor group_norm(const Tensor& input, int64_t num_groups, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
/// Normalises each channel of each sample of [N, C, ...] over its positions; weight, bias, running_mean
/// and running_var have shape [C]. With `use_input_stats` the statistics are the input's and update the
/// running ones, if defined, by their mean over the samples; without, the running ones are used.
Tensor instance_norm(const Tensor& input, const Tensor& weight = {}, const Tensor& bias = {},
                     const Tensor& running_mean = {}, const Tensor& running_var = {},
                     bool use_input_stats = true, double momentum = 0.1, double eps = 1e-5);

}  // namespace fg
