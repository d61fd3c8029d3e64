// Rows too long for the registers of a block: it keeps the row's beginning in shared memory, so that later passes
// read only the rest from memory, or rather from L2, where it still is unless rows are very long. A block walks over
// many rows: as the last pass leaves a place in shared memory, the next row's element is copied to it, so that reading
// and writing overlap.
#pragma once

#include "cuda/async_copy.cuh"
#include "cuda/device.h"
#include "cuda/kernels/held_rows.cuh"
#include "cuda/shared.cuh"

namespace fg::cuda {

/// Of the 227 KiB that a block of sm_90 can have; the rest is for block_reduce and the system.
inline constexpr int64_t kCacheBytes = 222 * 1024;

/// A row for the block that calls; an interface as in held_rows.cuh. What is kept is copied and read by one thread.
template <class Element, int N, int W, int kLanes>
class CachedRow {
 public:
  using T = Element;
  static constexpr int kOperands = N, kWidth = W, kTeam = 0;
  static constexpr int kThreads = kLanes, kBlocks = kRowThreads / kLanes;
  static constexpr bool kWalks = true;

  __device__ CachedRow(const Rows<T, N>& rows, const RowTeam<0>&, int64_t index)
      : rows_(rows), lane_(int(threadIdx.x)), index_(index) {
#ifdef __CUDA_ARCH__
    asm volatile(""
                 : "+r"(lane_));  // no places of packs are to be held in registers from row to row
#endif
    if (index != blockIdx.x) return;  // the row before has done it
    for (int p = lane_; p < rows_.kept; p += kLanes) copy(index, p);
  }

  template <Pass kPass, class F>
  __device__ void pass(F f) const {
    const int64_t packs = rows_.columns / W;
    if constexpr (kPass == Pass::first) {
      walk<kPass, false>(int64_t(rows_.kept), packs, f);
      wait_for_copies();
      walk<kPass, true>(0, rows_.kept, f);
    } else {
      walk<kPass, true>(0, rows_.kept, f);
      walk<kPass, false>(int64_t(rows_.kept), packs, f);
    }
  }
  __device__ void store(T* out, int64_t column, const WordPack<T, W>& pack) const {
    store_words<W>(out + index_ * rows_.columns + column, pack, rows_.aligned);
  }

 private:
  static constexpr int kBatch = (W == 1 ? 8 : 4) / N;  // packs in flight per thread
  static constexpr int kBytes = W * int(sizeof(T));

  __device__ static WordPack<T, W>* cache() { return dynamic_shared<WordPack<T, W>>(); }
  __device__ const T* from(int n, int64_t index, int64_t p) const {
    return rows_.arrays[n] + index * rows_.columns + p * W;
  }
  __device__ void copy(int64_t index, int p) const {
#pragma unroll
    for (int n = 0; n < N; ++n) {
      WordPack<T, W>* const to = &cache()[n * rows_.kept + p];
      const T* const start = from(n, index, p);
      if (kBytes >= 4 && (rows_.aligned || W == 1))
        copy_async<kBytes >= 4 ? kBytes : 4>(to, start);
      else
        *to = load_words<W>(start, false);
    }
  }
  /// f over the packs [begin, end), which are all kept or none of them.
  template <Pass kPass, bool kKept, class Index, class F>
  __device__ void walk(Index begin, Index end, F f) const {
    for (Index start = begin + lane_; start < end; start += kBatch * kLanes) {
      RowBatch<T, N, W, kBatch> batch;
      batch.first = int64_t(start) * W;
      batch.lanes = kLanes;
      batch.left = end - start < kBatch * kLanes ? int(end - start) : kBatch * kLanes;
#pragma unroll
      for (int u = 0; u < kBatch; ++u)
#pragma unroll
        for (int n = 0; n < N; ++n) {
          if (!batch.has(u))
            batch.at[u][n] = {};  // lest the last batch's take registers meanwhile
          else if constexpr (kKept)
            batch.at[u][n] = cache()[n * rows_.kept + start + u * kLanes];
          else
            batch.at[u][n] = load_words<W>(from(n, index_, start + u * kLanes), rows_.aligned);
        }
      f(batch);
      if constexpr (kPass == Pass::last && kKept) {
        const int64_t next = index_ + gridDim.x;
        if (next >= rows_.rows) continue;
#pragma unroll
        for (int u = 0; u < kBatch; ++u)
          if (batch.has(u)) copy(next, start + u * kLanes);
      }
    }
  }

  const Rows<T, N>& rows_;
  int lane_;
  int64_t index_;
};

/// Calls body.operator()<Row>(rows, launch shape) with the layout for these rows: in registers if they fit, else with
/// CachedRows, one block per multiprocessor, or two where their rows fit.
template <class T, int N, class Body>
void with_rows(Rows<T, N> rows, Body&& body) {
  const auto held = [&]<class Row>(const LaunchShape& grid) {
    body.template operator()<Row>(rows, grid);
  };
  if (with_held_rows(rows, held)) return;
  with_row_width(rows, [&]<int W>() {
    const int64_t packs = rows.columns / W, pack_bytes = N * W * int64_t(sizeof(T));
    rows.kept = int(packs * pack_bytes <= kCacheBytes ? packs : kCacheBytes / pack_bytes);
    const int64_t bytes = rows.kept * pack_bytes;
    const auto run = [&]<int kBlocks>(std::integral_constant<int, kBlocks>) {
      const int64_t resident = kBlocks * device_properties().multiprocessors;
      body.template operator()<CachedRow<T, N, W, kRowThreads / kBlocks>>(
          rows, one_block_each(rows.rows < resident ? rows.rows : resident, kRowThreads / kBlocks,
                               size_t(bytes)));
    };
    if (bytes > kCacheBytes / 2)
      run(std::integral_constant<int, 1>());
    else
      run(std::integral_constant<int, 2>());
  });
}

}  // namespace fg::cuda
