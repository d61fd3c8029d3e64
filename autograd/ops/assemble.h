// Tensors put together from others: blocks, products of sets, and copies with a part replaced.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// The flattened x on a diagonal of a square matrix of zeros.
Tensor diagflat(const Tensor& x, int64_t offset = 0);
/// Matrices (0-d and 1-d tensors are rows) along the diagonal of a matrix of zeros.
Tensor block_diag(TensorList tensors);
/// All tuples with one element of each 1-d tensor, a row each; of one tensor, itself.
Tensor cartesian_prod(TensorList tensors);
/// All r-element subsets of the 1-d x, a row each, in order of position; or multisets.
Tensor combinations(const Tensor& x, int64_t r = 2, bool with_replacement = false);
/// Powers 0 to n - 1 of the 1-d x (n absent: its length), a row per element, from the largest unless
/// `increasing`.
Tensor vander(const Tensor& x, optional<int64_t> n = nullopt, bool increasing = false);

/// A copy of x whose slice (one index, a range, a diagonal, any geometry) is `src`.
Tensor select_scatter(const Tensor& x, const Tensor& src, int64_t dim, int64_t index);
Tensor slice_scatter(const Tensor& x, const Tensor& src, int64_t dim = 0,
                     optional<int64_t> start = nullopt, optional<int64_t> end = nullopt,
                     int64_t step = 1);
Tensor diagonal_scatter(const Tensor& x, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0,
                        int64_t dim2 = 1);
Tensor as_strided_scatter(const Tensor& x, const Tensor& src, IntArrayRef size, IntArrayRef stride,
                          optional<int64_t> storage_offset = nullopt);

}  // namespace fg
