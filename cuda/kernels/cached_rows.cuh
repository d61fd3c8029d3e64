// Rows too long for the registers of a block: a block passes over its row as often as it likes, and keeps the
// row's beginning in shared memory, so that later passes read only the rest from memory, or rather from L2, where it
// still is unless rows are very long.
#pragma once

#include "cuda/kernels/row_packs.cuh"
#include "cuda/launch.h"
#include "cuda/shared.cuh"

namespace fg::cuda {

/// Of the 227 KiB that a block of sm_90 can have; the rest is for block_reduce and the system.
inline constexpr int64_t kCacheBytes = 222 * 1024;

/// One row of N arrays of T, for the block that calls.
template <class T, int N>
class CachedRow {
 public:
  static constexpr int kWidth = kFullPack<T>;
  using Packs = Pack<T, kWidth>[N];

  /// `kept`: packs of each of the N arrays that fit into the block's dynamic shared memory.
  __device__ CachedRow(const T* const* arrays, int64_t row, int64_t columns, int64_t kept,
                       bool aligned)
      : begin_(row * columns), end_(begin_ + columns), kept_(kept), aligned_(aligned) {
    for (int n = 0; n < N; ++n) from_[n] = arrays[n];
    first_ = begin_ / kWidth * kWidth;
    packs_ = (end_ - first_ + kWidth - 1) / kWidth;
  }

  /// f(i, packs) for this thread's packs: the elements from i on, `fill` where they are not the row's. The
  /// first pass has to be kFirst.
  template <bool kFirst, class F>
  __device__ void pass(T fill, F f) const {
    const int64_t lanes = blockDim.x;
    for (int64_t start = threadIdx.x; start < packs_; start += kBatch * lanes) {
      Packs packs[kBatch];
#pragma unroll
      for (int u = 0; u < kBatch; ++u)
        if (start + u * lanes < packs_) fetch<kFirst>(start + u * lanes, fill, packs[u]);
#pragma unroll
      for (int u = 0; u < kBatch; ++u) {
        const int64_t p = start + u * lanes;
        if (p >= packs_) break;
        if constexpr (kFirst) keep(p, packs[u]);
        f(first_ + p * kWidth, packs[u]);
      }
    }
  }
  __device__ bool is_whole(int64_t i) const { return i >= begin_ && i + kWidth <= end_; }
  __device__ bool holds(int64_t i) const { return i >= begin_ && i < end_; }
  __device__ void store(T* out, int64_t i, const Pack<T, kWidth>& pack) const {
    if (is_whole(i)) return store_pack(out + i, pack, aligned_);
    for (int j = 0; j < kWidth; ++j)
      if (holds(i + j)) out[i + j] = pack.at[j];
  }

 private:
  static constexpr int kBatch = N == 1 ? 4 : 2;

  __device__ static Pack<T, kWidth>* cache() { return dynamic_shared<Pack<T, kWidth>>(); }
  __device__ void keep(int64_t p, const Packs& packs) const {
    if (p >= kept_) return;
    for (int n = 0; n < N; ++n) cache()[n * kept_ + p] = packs[n];
  }
  // What is kept is read by the thread that kept it.
  template <bool kFirst>
  __device__ void fetch(int64_t p, T fill, Packs& packs) const {
    const int64_t i = first_ + p * kWidth;
#pragma unroll
    for (int n = 0; n < N; ++n) {
      if (!kFirst && p < kept_) {
        packs[n] = cache()[n * kept_ + p];
      } else if (is_whole(i)) {
        packs[n] = load_pack<kWidth>(from_[n] + i, aligned_);
      } else {
#pragma unroll
        for (int j = 0; j < kWidth; ++j) packs[n].at[j] = holds(i + j) ? from_[n][i + j] : fill;
      }
    }
  }

  const T* from_[N];
  int64_t begin_, end_, first_, packs_, kept_;
  bool aligned_;
};

/// How many packs of each of N arrays to keep, and the launch for it: a block per row, two per multiprocessor
/// where their rows fit.
template <class T, int N>
LaunchShape cached_rows(int64_t rows, int64_t columns, int64_t& kept) {
  const int64_t packs = columns / kFullPack<T> + 2, pack_bytes = N * kVectorBytes;
  kept = packs * pack_bytes <= kCacheBytes ? packs : kCacheBytes / pack_bytes;
  const unsigned threads = kept * pack_bytes > kCacheBytes / 2 ? 1024 : 512;
  return one_block_each(rows, threads, size_t(kept * pack_bytes));
}

}  // namespace fg::cuda
