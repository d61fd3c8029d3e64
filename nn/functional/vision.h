// Sampling by grids in its functional form; autograd/ops/grid_sample.h has the rules.
#pragma once

#include "nn/options/vision.h"

namespace fg::nn::functional {

/// The points at which grid_sample reads for an output of shape `size`, mapped by `theta`: [N, 2, 3]
/// for size [N, C, H, W], [N, 3, 4] for [N, C, D, H, W].
Tensor affine_grid(const Tensor& theta, const IntArrayRef& size, bool align_corners = false);
/// Reads `input` [N, C, H, W] at `grid` [N, H', W', 2], or the same with a depth.
Tensor grid_sample(const Tensor& input, const Tensor& grid,
                   const GridSampleFuncOptions& options = {});

}  // namespace fg::nn::functional
