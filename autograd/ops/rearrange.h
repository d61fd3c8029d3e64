// Copies of a tensor with its elements repeated, moved, or partly zero; all differentiable.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// The tensor laid out `repeats[d]` times along each dim; more entries than dims add dims in front.
Tensor repeat(const Tensor& x, IntArrayRef repeats);
/// repeat, where missing entries in front count as 1.
Tensor tile(const Tensor& x, IntArrayRef repeats);
/// Each element (slice along `dim`) `repeats` times in a row; without `dim` on the flattened tensor.
/// `output_size`, if given, must be the result's size along dim.
Tensor repeat_interleave(const Tensor& x, int64_t repeats, optional<int64_t> dim = nullopt,
                         optional<int64_t> output_size = nullopt);
/// The same with one count per slice: `repeats` is a Long 1-d tensor, which the host reads.
Tensor repeat_interleave(const Tensor& x, const Tensor& repeats, optional<int64_t> dim = nullopt,
                         optional<int64_t> output_size = nullopt);
/// Position i repeats[i] times.
Tensor repeat_interleave(const Tensor& repeats, optional<int64_t> output_size = nullopt);
/// Reverses the order along the dims.
Tensor flip(const Tensor& x, IntArrayRef dims);
Tensor fliplr(const Tensor& x);
Tensor flipud(const Tensor& x);
/// Moves elements by `shifts[i]` along `dims[i]`, around the end; without dims on the flattened tensor.
Tensor roll(const Tensor& x, IntArrayRef shifts, IntArrayRef dims = {});
/// Turns the plane of two dims by k quarter turns, from the first towards the second.
Tensor rot90(const Tensor& x, int64_t k = 1, IntArrayRef dims = {0, 1});
/// Zero above (below) the given diagonal of each matrix of the last two dims.
Tensor tril(const Tensor& x, int64_t diagonal = 0);
Tensor triu(const Tensor& x, int64_t diagonal = 0);
/// Row and column numbers of the triangle, Long [2, count], row by row.
Tensor tril_indices(int64_t row, int64_t col, int64_t offset = 0);
Tensor triu_indices(int64_t row, int64_t col, int64_t offset = 0);
/// A copy of a matrix's diagonal, or the square matrix with the vector x as its diagonal.
Tensor diag(const Tensor& x, int64_t diagonal = 0);
/// Zeros but for the last dim of x on a diagonal of the plane dim1, dim2 of the result.
Tensor diag_embed(const Tensor& x, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1);

/// Long x of any shape to Long [..., num_classes] with a 1 at each class; -1 means max + 1.
Tensor one_hot(const Tensor& x, int64_t num_classes = -1);
/// How often each value of the integer 1-d x occurs (Long), or the sum of its weights (Double; Float
/// for Float weights). At least `minlength` long.
Tensor bincount(const Tensor& x, const optional<Tensor>& weights = nullopt, int64_t minlength = 0);

}  // namespace fg
