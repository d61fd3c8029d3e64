// Arithmetic on sizes and strides: wrapping, broadcasting, contiguity.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// Maps a dim in [-rank, rank) to [0, rank); a 0-dim tensor counts as rank 1. Throws IndexError.
int64_t wrap_dim(int64_t dim, int64_t rank, const char* op);
/// Wraps each entry and refuses duplicates; an empty or absent list means every dim.
DimVector wrap_dims(IntArrayRef dims, int64_t rank, const char* op);

int64_t numel_of(IntArrayRef sizes);
DimVector contiguous_strides(IntArrayRef sizes);
/// Strides of `sizes` (4-d NCHW or 5-d NCDHW) stored channels last.
DimVector channels_last_strides(IntArrayRef sizes);
bool is_contiguous(IntArrayRef sizes, IntArrayRef strides);
/// Each element has its own address and the addresses leave no gap.
bool is_non_overlapping_and_dense(const Tensor& tensor);
/// No two elements of the tensor share an address (conservative: false when unsure).
bool has_internal_overlap(const Tensor& tensor);

/// Common shape of operands under broadcasting; the error names `op` and both shapes.
DimVector broadcast_shapes(IntArrayRef a, IntArrayRef b, const char* op);
bool is_expandable_to(IntArrayRef shape, IntArrayRef desired);
/// Replaces one -1 by the extent that makes the element count fit.
DimVector infer_size(IntArrayRef shape, int64_t numel, const char* op);
/// Strides under which a tensor of `sizes`/`strides` can be viewed as `new_sizes`, if any.
optional<DimVector> view_strides(IntArrayRef sizes, IntArrayRef strides, IntArrayRef new_sizes);

/// Strides of `tensor` broadcast to `sizes`: 0 where an extent is repeated.
DimVector broadcast_strides(const Tensor& tensor, IntArrayRef sizes);

/// Visits every multi-index of `sizes` in row-major order; `index` holds the current one.
inline bool next_index(DimVector& index, IntArrayRef sizes) {
  for (size_t d = sizes.size(); d-- > 0;) {
    if (++index[d] < sizes[d]) return true;
    index[d] = 0;
  }
  return false;
}

}  // namespace fg
