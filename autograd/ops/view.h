// Views: tensors that share storage with their input, and shape changes built on them. All are
// differentiable and all accept negative dims.
#pragma once

#include "autograd/node.h"

namespace fg {

/// Same elements, new sizes (one may be -1); throws when the strides do not allow a view.
Tensor view(const Tensor& self, IntArrayRef size);
/// A view where possible, a copy otherwise.
Tensor reshape(const Tensor& self, IntArrayRef shape);
Tensor flatten(const Tensor& self, int64_t start_dim = 0, int64_t end_dim = -1);
Tensor unflatten(const Tensor& self, int64_t dim, IntArrayRef sizes);
Tensor ravel(const Tensor& self);
Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1);
/// Transpose of a tensor with at most 2 dims.
Tensor t(const Tensor& self);
Tensor permute(const Tensor& self, IntArrayRef dims);
Tensor movedim(const Tensor& self, int64_t source, int64_t destination);
Tensor movedim(const Tensor& self, IntArrayRef source, IntArrayRef destination);
/// Repeats extents of 1 without copying; -1 keeps an extent.
Tensor expand(const Tensor& self, IntArrayRef size);
/// Removes `dim` at one index.
Tensor select(const Tensor& self, int64_t dim, int64_t index);
/// Elements start, start+step, ... below end along `dim`; bounds clamp as in Python.
Tensor slice(const Tensor& self, int64_t dim = 0, optional<int64_t> start = nullopt,
             optional<int64_t> end = nullopt, int64_t step = 1);
Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length);
/// start: a 0-d integer tensor, which the host reads.
Tensor narrow(const Tensor& self, int64_t dim, const Tensor& start, int64_t length);
/// Drops every extent of 1, or the one at `dim` if it is 1.
Tensor squeeze(const Tensor& self);
Tensor squeeze(const Tensor& self, int64_t dim);
Tensor unsqueeze(const Tensor& self, int64_t dim);
/// The diagonal of dims (dim1, dim2), appended as the last dim.
Tensor diagonal(const Tensor& self, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1);
/// Windows of `size` along `dim`, every `step`; the window becomes the last dim.
Tensor unfold(const Tensor& self, int64_t dim, int64_t size, int64_t step);
/// Any geometry over the same storage; throws when it reaches outside.
Tensor as_strided(const Tensor& self, IntArrayRef size, IntArrayRef stride,
                  optional<int64_t> storage_offset = nullopt);
Tensor alias(const Tensor& self);
/// The same bytes read as another dtype: where the element size differs, the last dim must be dense, and its
/// extent follows. Without history.
Tensor view(const Tensor& self, ScalarType dtype);
std::vector<Tensor> unbind(const Tensor& self, int64_t dim = 0);
std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim = 0);
std::vector<Tensor> split(const Tensor& self, IntArrayRef split_sizes, int64_t dim = 0);
/// At most `chunks` pieces of equal extent (the last may be shorter).
std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim = 0);
std::vector<Tensor> broadcast_tensors(TensorList tensors);

/// Gives `view`, which lies in the storage of `base`, an as_strided history on `base`.
void attach_as_strided(const Tensor& base, const Tensor& view);

}  // namespace fg
