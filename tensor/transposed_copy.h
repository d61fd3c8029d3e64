// Copies whose source runs across the destination's memory order: seen as a batch of matrix transposes.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// One matrix per position of `outer_sizes`: `rows` x `cols`, contiguous along cols in the destination and
/// along rows in the source. Strides in elements.
struct TransposedCopy {
  int64_t rows, cols;
  int64_t out_row_stride, source_col_stride;
  DimVector outer_sizes, out_outer_strides, source_outer_strides;
};

/// How to copy `source` (broadcast to out's shape) into `out` by transposing, if that is what it takes: when
/// the last dim is contiguous in `out` and another dim is contiguous in `source`.
optional<TransposedCopy> transposed_copy(const Tensor& out, const Tensor& source);

}  // namespace fg
