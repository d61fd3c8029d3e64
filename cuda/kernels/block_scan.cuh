// Running folds over the threads of a block, in thread order: for any associative op, commutative or not.
#pragma once

#include <cstring>

#include "cuda/kernels/block_reduce.cuh"

namespace fg::cuda {

namespace detail {

/// __shfl_up_sync for any trivially copyable T of whole 32-bit words.
template <class T>
__device__ __forceinline__ T shuffle_up(const T& value, int by) {
  if constexpr (std::is_arithmetic_v<T>) {
    return __shfl_up_sync(kFullWarp, value, by);
  } else {
    static_assert(sizeof(T) % sizeof(int) == 0);
    int words[sizeof(T) / sizeof(int)];
    memcpy(words, &value, sizeof(T));
#pragma unroll
    for (int& word : words) word = __shfl_up_sync(kFullWarp, word, by);
    T result;
    memcpy(&result, words, sizeof(T));
    return result;
  }
}

}  // namespace detail

template <class T>
struct Scanned {
  T before;  // the fold of all earlier threads' values; the identity in thread 0
  T total;   // of all threads
};

/// Every thread of a block of kThreads must call it. May be called again at once.
template <int kThreads, class T, class Op = SumOp>
__device__ __forceinline__ Scanned<T> block_scan(const T& value, const T& identity, Op op = {}) {
  static_assert(kThreads % kWarp == 0 && kThreads <= 1024);
  constexpr int kWarps = kThreads / kWarp;
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  T upto = value;
#pragma unroll
  for (int step = 1; step < kWarp; step *= 2) {
    const T earlier = detail::shuffle_up(upto, step);
    if (lane >= step) upto = op(earlier, upto);
  }
  __shared__ __align__(16) unsigned char memory[kWarps * sizeof(T)];
  T* const totals = reinterpret_cast<T*>(memory);
  __syncthreads();  // the results of an earlier call have been read
  if (lane == kWarp - 1) totals[warp] = upto;
  __syncthreads();
  Scanned<T> result{identity, totals[0]};
#pragma unroll
  for (int w = 1; w < kWarps; ++w) {
    if (w == warp) result.before = result.total;
    result.total = op(result.total, totals[w]);
  }
  const T earlier = detail::shuffle_up(upto, 1);
  if (lane > 0) result.before = warp == 0 ? earlier : op(result.before, earlier);
  return result;
}

}  // namespace fg::cuda
