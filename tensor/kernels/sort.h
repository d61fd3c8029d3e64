// Kernels that order the elements of lines. `x` is contiguous, of a compute type (float, double or
// int64; on CUDA also 16-bit types). NaN counts as greater than every number, -0 as equal to 0; of equal elements the one that
// stands first comes first, descending or not.
#pragma once

#include <bit>

#include "tensor/tensor.h"

namespace fg {

/// An unsigned number that orders as float, double or int64 elements do: a negative number's bits and a
/// positive one's sign are flipped. NaN's is the largest.
template <class T>
using SortKey = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
template <class T>
inline constexpr SortKey<T> kNanKey = ~SortKey<T>(0);

template <class T>
constexpr SortKey<T> sort_key(T value) {
  using Bits = SortKey<T>;
  constexpr Bits kSign = Bits(1) << (sizeof(T) * 8 - 1);
  if constexpr (std::is_integral_v<T>) {
    return std::bit_cast<Bits>(value) ^ kSign;
  } else {
    if (value != value) return kNanKey<T>;
    const Bits bits = std::bit_cast<Bits>(value + T(0));  // -0 + 0 is 0
    return bits & kSign ? ~bits : bits | kSign;
  }
}

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
