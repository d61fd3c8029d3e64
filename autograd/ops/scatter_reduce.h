// Scattering with a reduction.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// A copy of x whose element at index[i][j][k] (for dim 0: in row index[i][j][k]) is the sum, mean,
/// product, largest or smallest of all src[i][j][k] that `index` sends there, together with x's own unless
/// `include_self` is false. `reduce`: "sum", "mean", "prod", "amax" or "amin"; among equal extremes the
/// gradient is shared. Elements that nothing is sent to stay as they are. Deterministic; differentiable in x
/// and src.
Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self = true);
/// The same with whole slices: those of src along `dim` go to x's slices that the 1-d `index` names.
Tensor index_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                    std::string_view reduce, bool include_self = true);
/// scatter that combines: `reduce` is "add" or "multiply".
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
               std::string_view reduce);
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value,
               std::string_view reduce);

}  // namespace fg
