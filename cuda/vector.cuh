// Vector loads and stores: the one owner of widths and alignment.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace fg::cuda {

/// Bytes that one thread moves in one access.
inline constexpr int kVectorBytes = 16;

/// `kWidth` neighbouring elements, loaded and stored in one access.
template <class T, int kWidth>
struct alignas(sizeof(T) * kWidth) Pack {
  T at[kWidth];
};

/// Whether `data` may be accessed as packs of `bytes` (a power of two).
inline bool is_aligned(const void* data, int64_t bytes = kVectorBytes) {
  return reinterpret_cast<uintptr_t>(data) % uintptr_t(bytes) == 0;
}

}  // namespace fg::cuda
