// Sampling images at the points of a grid, and the grids of affine maps.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// Reads `input` [N, C, H, W] (or [N, C, D, H, W]) at `grid` [N, H', W', 2] (or [N, D', H', W', 3]),
/// whose last dim lists x, y(, z) in [-1, 1]: the result is [N, C, H', W'] (or with D').
/// `interpolation_mode`: 0 (bi/trilinear), 1 nearest, 2 bicubic (4-d only). `padding_mode` says what
/// lies outside: 0 zeros, 1 the border, 2 the reflection. `align_corners`: -1 and 1 are the centers of
/// the corners, not their edges. Floating dtypes, both the same; Half and BFloat16 compute in Float.
/// Differentiable in both, to any order.
Tensor grid_sampler(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                    int64_t padding_mode, bool align_corners);

/// The grid that maps an output of shape `size` by `theta`: [N, 2, 3] for size [N, C, H, W], [N, 3, 4]
/// for [N, C, D, H, W]. Differentiable in theta.
Tensor affine_grid_generator(const Tensor& theta, IntArrayRef size, bool align_corners);

}  // namespace fg
