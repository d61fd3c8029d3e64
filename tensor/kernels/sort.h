// Kernels that order the elements of lines. `x` is contiguous, of a compute type (float, double or
// int64). NaN counts as greater than every number, -0 as equal to 0; of equal elements the one that
// stands first comes first, descending or not.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// indices = positions along `dim` of the first indices.size(dim) elements of each sorted line.
using SortIndices = void(const Tensor& indices, const Tensor& x, int64_t dim, bool descending);
/// indices = position of the k-th smallest element (from 0) of each line. With `nan_wins` it is the
/// first NaN of a line that has one.
using KthIndex = void(const Tensor& indices, const Tensor& x, int64_t dim, int64_t k,
                      bool nan_wins);

namespace cpu {
SortIndices sort_indices;
KthIndex kth_index;
}  // namespace cpu

namespace cuda {
SortIndices sort_indices;
KthIndex kth_index;
}  // namespace cuda

}  // namespace fg
