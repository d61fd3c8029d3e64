// Rows too long for the registers of a block: it keeps the row's beginning in shared memory and reads the rest twice,
// the second time from L2, where it still is unless rows are very long: all else that is moved is marked to go first. A block walks over many rows. As the results of
// one batch of packs are written, the next row's batch is copied to its place, and the terms of one before it, which has
// arrived, are added: reading, writing and computing overlap.
#pragma once

#include "cuda/async_copy.cuh"
#include "cuda/device.h"
#include "cuda/kernels/held_rows.cuh"
#include "cuda/shared.cuh"

namespace fg::cuda {

/// Of the 227 KiB that a block of sm_90 can have; the rest is for block_reduce and the system.
inline constexpr int64_t kCacheBytes = 222 * 1024;

/// Rows for the block that calls, as in held_rows.cuh; kWhole: which are kept to their end. What is kept is copied and read by one thread. Every row's
/// terms are added in the same order: kept batches but the last, what is not kept, the last kept batch.
template <class Element, int N, int W, int kLanes, bool kWhole>
class CachedRow {
 public:
  using T = Element;
  static constexpr int kOperands = N, kWidth = W, kTeam = 0;
  static constexpr int kThreads = kLanes, kBlocks = kRowThreads / kLanes;

  template <bool, class S>
  static __device__ void run(const Rows<T, N>& rows, const RowTeam<0>&, S& s) {
    CachedRow row(rows);
    auto context = s.begin(row.index_, true);
    auto acc = s.identity();
    for (int start = row.lane_; start < rows.kept; start += kStep) row.copy(row.index_, start);
    wait_for_copies<0>();
    for (int start = row.lane_; start + kStep < rows.kept; start += kStep)
      acc = s.with(context, acc, row.template load<true, true>(start));
    while (true) {
      const int64_t packs = rows.columns / W, next = row.index_ + gridDim.x;
      for (int64_t start = rows.kept + row.lane_; !kWhole && start < packs; start += kStep)
        acc = s.with(context, acc, row.template load<false, false>(start));
      wait_for_copies<0>();
      if (row.lane_ < rows.kept)
        acc = s.with(context, acc, row.template load<true, false>(row.last_kept()));
      const auto total = s.template total<0>(context, acc, row.index_, row.lane_ == 0);
      const auto store = [&](const auto& batch) {
        batch.template store<!kWhole>(s, context, total, row.begin(), rows.aligned);
      };
      // What is not kept comes first, while L2 has it.
      for (int64_t start = rows.kept + row.lane_; !kWhole && start < packs; start += kStep)
        store(row.template load<false, false>(start));
      const bool more = next < rows.rows;
      const auto next_context = s.begin(more ? next : row.index_, true);
      acc = s.identity();
      for (int start = row.lane_; start < rows.kept + (kDelay - 1) * kStep; start += kStep) {
        if (start + (kBatch - 1) * kLanes < rows.kept)
          store(row.template load<true, true>(start));
        else if (start < rows.kept)
          store(row.template load<true, false>(start));
        if (!more) continue;
        row.copy(next, start);
        if (start < kDelay * kStep) continue;
        wait_for_copies<kDelay>();
        acc = s.with(next_context, acc, row.template load<true, true>(start - kDelay * kStep));
      }
      s.end(row.index_);
      if (!more) return;
      row.index_ = next;
      context = next_context;
    }
  }

 private:
  // After how many more batches a copied one is read: where rows are whole, nothing is read from memory meanwhile.
  static constexpr int kDelay = kWhole ? 1 : 2;
  static constexpr int kBatch = (W == 1 ? 8 : 4) / N;  // packs in flight per thread
  static constexpr int kStep = kBatch * kLanes, kBytes = W * int(sizeof(T));

  __device__ explicit CachedRow(const Rows<T, N>& rows)
      : rows_(rows), lane_(int(threadIdx.x)), index_(blockIdx.x) {}

  __device__ static WordPack<T, W>* cache() { return dynamic_shared<WordPack<T, W>>(); }
  __device__ int64_t begin() const { return index_ * rows_.columns; }
  /// Where this thread's last kept batch starts.
  __device__ int last_kept() const { return lane_ + (rows_.kept - 1 - lane_) / kStep * kStep; }

  /// Starts copying the batch of a row that starts at pack `start`.
  __device__ void copy(int64_t index, int start) const {
    const int64_t first = index * rows_.columns + int64_t(start) * W;
    if (kBytes >= 4 && (rows_.aligned || W == 1)) {
      const CopyPolicy policy(!kWhole);
      copy_each(start, [&](auto* to, int n, int offset) {
        copy_async<kBytes >= 4 ? kBytes : 4>(to, rows_.arrays[n] + first + offset, policy);
      });
    } else {
      copy_each(start, [&](auto* to, int n, int offset) {
        *to = load_words<W>(rows_.arrays[n] + first + offset, false);
      });
    }
    close_copies();
  }
  template <class F>
  __device__ void copy_each(int start, F f) const {
#pragma unroll
    for (int u = 0; u < kBatch; ++u)
      if (start + u * kLanes < rows_.kept) {
#pragma unroll
        for (int n = 0; n < N; ++n)
          f(&cache()[n * rows_.kept + start + u * kLanes], n, u * kLanes * W);
      }
  }
  /// The batch that starts at pack `start`, all of whose packs are kept or none.
  template <bool kKept, bool kFull, class Index>
  __device__ RowBatch<T, N, W, kBatch, kFull> load(Index start) const {
    RowBatch<T, N, W, kBatch, kFull> batch;
    batch.first = int64_t(start) * W;
    batch.lanes = kLanes;
    const Index left = (kKept ? Index(rows_.kept) : Index(rows_.columns / W)) - start;
    batch.left = left < kStep ? int(left) : kStep;
#pragma unroll
    for (int u = 0; u < kBatch; ++u)
#pragma unroll
      for (int n = 0; n < N; ++n) {
        if (!batch.has(u))
          batch.at[u][n] = {};  // lest the last batch's take registers meanwhile
        else if constexpr (kKept)
          batch.at[u][n] = cache()[n * rows_.kept + start + u * kLanes];
        else
          batch.at[u][n] = load_words<W>(rows_.arrays[n] + (begin() + batch.first) + u * kLanes * W,
                                         rows_.aligned);
      }
    return batch;
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
    const auto run = [&]<class Row>() {
      const int64_t resident = Row::kBlocks * device_properties().multiprocessors;
      body.template operator()<Row>(
          rows, one_block_each(rows.rows < resident ? rows.rows : resident, Row::kThreads,
                               size_t(bytes)));
    };
    if (bytes <= kCacheBytes / 2)
      run.template operator()<CachedRow<T, N, W, kRowThreads / 2, true>>();
    else if (rows.kept == packs)
      run.template operator()<CachedRow<T, N, W, kRowThreads, true>>();
    else
      run.template operator()<CachedRow<T, N, W, kRowThreads, false>>();
  });
}

}  // namespace fg::cuda
