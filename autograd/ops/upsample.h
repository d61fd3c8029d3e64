// Resizing the spatial dims of [batch, channels, spatial...] by interpolation.
#pragma once

#include "tensor/tensor.h"

namespace fg {

// `output_size` has one extent per spatial dim. Output i lies at input position (i + 0.5) * step - 0.5,
// or with align_corners at i * step such that the corners coincide; positions outside count as the
// border. The step is in / out, or 1 / scale where a scale is given. Floating dtypes; Half and BFloat16
// compute in Float. Differentiable to any order. Errors: wrong dims, an extent that is not positive.

/// The input at floor(i * step): PyTorch's "nearest".
Tensor upsample_nearest1d(const Tensor& input, IntArrayRef output_size,
                          optional<double> scales = nullopt);
Tensor upsample_nearest2d(const Tensor& input, IntArrayRef output_size,
                          optional<double> scales_h = nullopt, optional<double> scales_w = nullopt);
Tensor upsample_nearest3d(const Tensor& input, IntArrayRef output_size,
                          optional<double> scales_d = nullopt, optional<double> scales_h = nullopt,
                          optional<double> scales_w = nullopt);

/// The input at floor((i + 0.5) * step): the nearest one, as other libraries take it.
Tensor _upsample_nearest_exact1d(const Tensor& input, IntArrayRef output_size,
                                 optional<double> scales = nullopt);
Tensor _upsample_nearest_exact2d(const Tensor& input, IntArrayRef output_size,
                                 optional<double> scales_h = nullopt,
                                 optional<double> scales_w = nullopt);
Tensor _upsample_nearest_exact3d(const Tensor& input, IntArrayRef output_size,
                                 optional<double> scales_d = nullopt,
                                 optional<double> scales_h = nullopt,
                                 optional<double> scales_w = nullopt);

/// Linear in each dim.
Tensor upsample_linear1d(const Tensor& input, IntArrayRef output_size, bool align_corners,
                         optional<double> scales = nullopt);
Tensor upsample_bilinear2d(const Tensor& input, IntArrayRef output_size, bool align_corners,
                           optional<double> scales_h = nullopt,
                           optional<double> scales_w = nullopt);
Tensor upsample_trilinear3d(const Tensor& input, IntArrayRef output_size, bool align_corners,
                            optional<double> scales_d = nullopt,
                            optional<double> scales_h = nullopt,
                            optional<double> scales_w = nullopt);

/// Cubic convolution in each dim, with a = -0.75.
Tensor upsample_bicubic2d(const Tensor& input, IntArrayRef output_size, bool align_corners,
                          optional<double> scales_h = nullopt, optional<double> scales_w = nullopt);

/// Where it shrinks, each output takes all inputs within the widened kernel (a = -0.5 for the cubic
/// one): what image editors do.
Tensor _upsample_bilinear2d_aa(const Tensor& input, IntArrayRef output_size, bool align_corners,
                               optional<double> scales_h = nullopt,
                               optional<double> scales_w = nullopt);
Tensor _upsample_bicubic2d_aa(const Tensor& input, IntArrayRef output_size, bool align_corners,
                              optional<double> scales_h = nullopt,
                              optional<double> scales_w = nullopt);

}  // namespace fg
