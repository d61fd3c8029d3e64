// Loads of neighbouring elements for kernels that walk rows: as one access where the array allows it.
#pragma once

#include "cuda/vector.cuh"
#include "tensor/kernels/dispatch.h"

namespace fg::cuda {

/// Elements of T in one full access.
template <class T>
inline constexpr int kFullPack = kVectorBytes / int(sizeof(T));

/// kWidth elements from `from`, which must be a multiple of kWidth elements behind the array's start.
/// `aligned`: the array starts on a pack's border. Both ways give the same values, so that nothing that a
/// kernel computes depends on where its operands lie.
template <int kWidth, class T>
__device__ __forceinline__ Pack<T, kWidth> load_pack(const T* from, bool aligned) {
  if (aligned) return *reinterpret_cast<const Pack<T, kWidth>*>(from);
  Pack<T, kWidth> pack;
#pragma unroll
  for (int j = 0; j < kWidth; ++j) pack.at[j] = from[j];
  return pack;
}

template <int kWidth, class T>
__device__ __forceinline__ void store_pack(T* to, const Pack<T, kWidth>& pack, bool aligned) {
  if (aligned) {
    *reinterpret_cast<Pack<T, kWidth>*>(to) = pack;
    return;
  }
#pragma unroll
  for (int j = 0; j < kWidth; ++j) to[j] = pack.at[j];
}

/// Whether all of these arrays (null ones aside) start on a pack's border.
template <class... T>
bool all_aligned(const T*... arrays) {
  return ((!arrays || is_aligned(arrays)) && ...);
}

}  // namespace fg::cuda
