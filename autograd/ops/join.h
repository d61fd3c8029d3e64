// Joining tensors. Gradients flow to every input.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// Joins along an existing dim. Sizes agree elsewhere; dtypes promote; 1-d tensors without elements
/// are skipped whatever the others' shape.
Tensor cat(TensorList tensors, int64_t dim = 0);
inline Tensor concat(TensorList tensors, int64_t dim = 0) { return cat(tensors, dim); }
inline Tensor concatenate(TensorList tensors, int64_t dim = 0) { return cat(tensors, dim); }
/// Joins tensors of equal shape along a new dim.
Tensor stack(TensorList tensors, int64_t dim = 0);
/// cat along dim 1 (0 for 1-d), 0, or 2, of tensors with at least 1, 2 or 3 dims.
Tensor hstack(TensorList tensors);
Tensor vstack(TensorList tensors);
Tensor dstack(TensorList tensors);
/// hstack whose 0-d and 1-d tensors become columns.
Tensor column_stack(TensorList tensors);
/// x with dims put in front, so that it has 1, 2 or 3 of them (atleast_3d also appends one).
Tensor atleast_1d(const Tensor& x);
Tensor atleast_2d(const Tensor& x);
Tensor atleast_3d(const Tensor& x);
std::vector<Tensor> atleast_1d(TensorList tensors);
std::vector<Tensor> atleast_2d(TensorList tensors);
std::vector<Tensor> atleast_3d(TensorList tensors);
/// Coordinate grids of 0-d or 1-d tensors, as expanded views: "ij" (result dim k follows input k) or
/// "xy" (the first two dims swapped).
std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing = "ij");

}  // namespace fg
