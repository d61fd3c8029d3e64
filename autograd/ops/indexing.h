// Reading and writing at indices: x.index({...}), gather, scatter, the index_* family, masks.
//
// Index tensors are Long (index also takes Int, and Bool or Byte masks). Indices out of range throw
// IndexError before anything is written. In-place forms are methods of Tensor. Writes that
// accumulate are deterministic. All ops are differentiable in `x` and in the source of a write.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// NumPy's indexing. Integers, Slices, None and Ellipsis alone give a view; index tensors and masks
/// give a copy: they broadcast together, and their dims take the place of the indexed ones, or come
/// first where the indexed dims are not neighbours.
Tensor index(const Tensor& x, ArrayRef<indexing::TensorIndex> indices);
/// A copy of x with `values` (of x's dtype, broadcast) written at the indices. With duplicate indices
/// the last value in row-major order stays, or all are added if `accumulate`.
Tensor index_put(const Tensor& x, ArrayRef<indexing::TensorIndex> indices, const Tensor& values,
                 bool accumulate = false);
const Tensor& index_put_(const Tensor& x, ArrayRef<indexing::TensorIndex> indices,
                         const Tensor& values, bool accumulate = false);

/// out[i][j][k] = x[i][index[i][j][k]][k] for dim 1; has index's shape. No negative indices.
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index);
/// A copy of x with x[i][index[i][j][k]][k] = source[i][j][k] for dim 1; the last duplicate stays.
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value);
/// Like scatter, but adds to what is there.
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);
/// gather whose index broadcasts against x except along `dim`; without `dim` on flattened tensors.
Tensor take_along_dim(const Tensor& x, const Tensor& index, optional<int64_t> dim = nullopt);

/// The slices of x along `dim` that the 0-d or 1-d `index` (Long or Int) names.
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index);
/// A copy of x whose slices at `index` got alpha * source added.
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source,
                 const Scalar& alpha = 1);
/// A copy of x whose slices at `index` are those of `source`, or all `value`.
Tensor index_copy(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);
/// (The value: a number or a 0-d tensor.)
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value);
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& value);
/// Elements of the flattened x, in index's shape; negative indices count from the end.
Tensor take(const Tensor& x, const Tensor& index);
/// A copy of x where `source` is written at the indices of the flattened x, or added if `accumulate`.
Tensor put(const Tensor& x, const Tensor& index, const Tensor& source, bool accumulate = false);

/// x with `value` (a number or a 0-d tensor) where the Bool `mask` holds; both broadcast.
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Scalar& value);
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value);
/// A 1-d copy of the elements where the Bool `mask` holds; both broadcast.
Tensor masked_select(const Tensor& x, const Tensor& mask);
/// x whose elements at the mask are, in order, the first elements of `source`.
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source);
/// Positions of the elements that are not zero, row-major: Long [count, x.dim()].
Tensor nonzero(const Tensor& x);
/// The same, one 1-d tensor per dim (a 0-d x counts as 1-d).
std::vector<Tensor> nonzero_numpy(const Tensor& x);
Tensor argwhere(const Tensor& x);

}  // namespace fg
