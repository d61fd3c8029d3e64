// Scattering with a reduction.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// A copy of x whose element at index[i][j][k] (for dim 0: in row index[i][j][k]) is the sum, mean,
/// largest or smallest of all src[i][j][k] that `index` sends there, together with x's own unless
/// `include_self` is false. `reduce`: "sum", "mean", "amax" or "amin"; among equal extremes the gradient
/// is shared. Elements that nothing is sent to stay as they are. Deterministic; differentiable in x and
/// src.
Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self = true);

}  // namespace fg
