// The size of a tensor whose shape comes from a file, before the shape is believed.
#pragma once

#include <algorithm>

#include "tensor/array_ref.h"
#include "tensor/dtype.h"

namespace fg {

/// Readers of files refuse more dims than this, as many of PyTorch's ops do.
inline constexpr size_t kMaxClaimedDims = 64;

/// Bytes of a contiguous tensor; absent when they or a stride would not fit an int64. A zero extent
/// does not excuse absurd others, since strides are products, too.
inline optional<int64_t> claimed_num_bytes(ArrayRef<uint64_t> sizes, ScalarType dtype) {
  int64_t product = element_size(dtype);
  bool is_empty = false;
  for (const uint64_t extent : sizes) {
    is_empty |= extent == 0;
    if (__builtin_mul_overflow(product, std::max<uint64_t>(extent, 1), &product)) return nullopt;
  }
  return is_empty ? 0 : product;
}

}  // namespace fg
