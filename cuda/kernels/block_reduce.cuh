// Sums and other folds over the threads of a warp or a block, in a fixed order.
#pragma once

#include <bit>

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
  __device__ float operator()(float a, float b) const {
#ifdef __CUDA_ARCH__
    asm("max.NaN.f32 %0, %0, %1;" : "+f"(a) : "f"(b));
    return a;
#else
    return operator()<float>(a, b);
#endif
  }
};
/// The smaller of two; NaN wins.
struct MinOp {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
  __device__ float operator()(float a, float b) const {
#ifdef __CUDA_ARCH__
    asm("min.NaN.f32 %0, %0, %1;" : "+f"(a) : "f"(b));
    return a;
#else
    return operator()<float>(a, b);
#endif
  }
};

/// shuffle(word) on every 4-byte word of a value: T is a number or any trivial struct.
template <class T, class Shuffle>
__device__ __forceinline__ T shuffle_words(T value, Shuffle shuffle) {
  if constexpr (std::is_arithmetic_v<T>) {
    return shuffle(value);
  } else {
    struct Words {
      unsigned at[sizeof(T) / 4];
    };
    Words words = std::bit_cast<Words>(value);
#pragma unroll
    for (unsigned& word : words.at) word = shuffle(word);
    return std::bit_cast<T>(words);
  }
}
/// The value of the lane whose number differs in the bits of `mask`.
template <class T>
__device__ __forceinline__ T shuffle_xor(T value, int mask) {
  return shuffle_words(value, [&](auto word) { return __shfl_xor_sync(kFullWarp, word, mask); });
}

/// op over the `kLanes` neighbouring lanes of a group (a power of two up to 32); every lane gets the result.
/// The whole warp must call it.
template <int kLanes = kWarp, class T, class Op = SumOp>
__device__ __forceinline__ T warp_reduce(T value, Op op = {}) {
#pragma unroll
  for (int step = kLanes / 2; step > 0; step /= 2) value = op(value, shuffle_xor(value, step));
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

/// block_reduce for a block whose size (a multiple of 32) is known at run time only. kBuffer: a kernel whose calls
/// take buffers 0 and 1 in turn saves a barrier in each.
template <int kBuffer = -1, class T, class Op = SumOp>
__device__ __forceinline__ T block_reduce_any(T value, Op op = {}) {
  const int warps = int(blockDim.x) / kWarp, lane = int(threadIdx.x) % kWarp;
  value = warp_reduce(value, op);
  if (warps == 1) return value;
  __shared__ T partial[kWarp];
  if constexpr (kBuffer < 0) __syncthreads();  // the results of an earlier call have been read
  if (lane == 0) partial[threadIdx.x / kWarp] = value;
  __syncthreads();
  // Every warp folds the partial results. Only lane 0 ends with all of them if they are no power of two.
  value = partial[lane < warps ? lane : 0];
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) {
    const T other = shuffle_xor(value, step);
    if (lane + step < warps) value = op(value, other);
  }
  return shuffle_words(value, [](auto word) { return __shfl_sync(kFullWarp, word, 0); });
}

/// op over a team: kTeam neighbouring lanes, or the whole block if kTeam is 0. Every thread must call it.
template <int kTeam, int kBuffer = -1, class T, class Op = SumOp>
__device__ __forceinline__ T team_reduce(T value, Op op = {}) {
  if constexpr (kTeam > 0)
    return warp_reduce<kTeam>(value, op);
  else
    return block_reduce_any<kBuffer>(value, op);
}

}  // namespace fg::cuda
