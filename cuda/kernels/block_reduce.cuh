// Sums and other folds over the threads of a warp or a block, in a fixed order.
#pragma once

#include <cuda_runtime.h>

namespace fg::cuda {

inline constexpr int kWarp = 32;
inline constexpr unsigned kFullWarp = 0xffffffffu;

struct SumOp {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
/// The larger of two; NaN wins.
struct MaxOp {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};
/// The smaller of two; NaN wins.
struct MinOp {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

/// op over the `kLanes` neighbouring lanes of a group (a power of two up to 32); every lane gets the result.
/// The whole warp must call it.
template <int kLanes = kWarp, class T, class Op = SumOp>
__device__ __forceinline__ T warp_reduce(T value, Op op = {}) {
#pragma unroll
  for (int step = kLanes / 2; step > 0; step /= 2)
    value = op(value, __shfl_xor_sync(kFullWarp, value, step));
  return value;
}

/// op over all threads of a block of kThreads (a multiple of 32, at most 1024); every thread gets the result.
/// Every thread must call it. May be called again at once.
template <int kThreads, class T, class Op = SumOp>
__device__ __forceinline__ T block_reduce(T value, Op op = {}) {
  static_assert(kThreads % kWarp == 0 && kThreads <= 1024);
  value = warp_reduce(value, op);
  if constexpr (kThreads > kWarp) {
    constexpr int kWarps = kThreads / kWarp;
    __shared__ T partial[kWarps];
    __syncthreads();  // the results of an earlier call have been read
    if (threadIdx.x % kWarp == 0) partial[threadIdx.x / kWarp] = value;
    __syncthreads();
    value = partial[0];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) value = op(value, partial[w]);
  }
  return value;
}

}  // namespace fg::cuda
