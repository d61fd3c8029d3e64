// The kernels of fold.cuh: which see for what a fold is, and for the order in which terms are combined.
//
// Rows: a team of 4, 16 or 32 lanes or a block per row, or a block per piece of a long row. Columns: a block for
// some packs of neighbouring columns, its threads dividing the rows.
#pragma once

#include "cuda/kernels/block_reduce.cuh"
#include "cuda/kernels/fold_steps.cuh"
#include "cuda/shared.cuh"

namespace fg::cuda {
namespace fold_detail {

/// Folds with tallies (fold.cuh) sum what store() returns.
template <class F>
inline constexpr bool kTallies = requires {
  typename F::Tally;
};
template <class F>
struct TallyOf {
  struct None {};
  using type = None;
};
template <class F>
requires kTallies<F>
struct TallyOf<F> {
  using type = typename F::Tally;
};

/// A team per row (kTeam lanes; a block if 0), or a block per piece of a row.
template <int kTeam, class F>
__global__ void __launch_bounds__(kFoldThreads)
    fold_rows_kernel(F f, typename F::Acc* partial, int64_t rows, int64_t columns, int64_t pieces,
                     int64_t piece) {
  constexpr int kLanes = kTeam > 0 ? kTeam : kFoldThreads;
  constexpr int kTeams = kFoldThreads / kLanes;
  const int lane = int(threadIdx.x) % kLanes;
  typename TallyOf<F>::type tally{};
  for (int64_t first = int64_t(blockIdx.x) * kTeams; first < rows * pieces;
       first += int64_t(gridDim.x) * kTeams) {
    const int64_t unit = first + int(threadIdx.x) / kLanes;
    int64_t row = unit, number = 0;
    if (kTeam == 0 && pieces > 1) row = unit / pieces, number = unit - row * pieces;
    const int64_t from = number * piece;
    const int64_t to = from + piece < columns ? from + piece : columns;
    typename F::Acc acc = f.identity();
    if (row < rows)
      acc = fold_range(f, row, columns, row * columns + from, row * columns + to, lane, kLanes);
    acc = team_reduce<kTeam>(acc, f);
    if (lane != 0 || row >= rows) continue;
    if (partial)
      partial[number * rows + row] = acc;
    else if constexpr (kTallies<F>)
      tally = tally + f.store(row, acc);
    else
      f.store(row, acc);
  }
  if constexpr (kTallies<F>) {
    if (partial) return;
    tally = block_reduce<kFoldThreads>(tally);
    if (threadIdx.x == 0) f.tally(blockIdx.x, tally);
  }
}

/// How fold_columns_kernel cuts [outer, n, inner].
struct ColumnCut {
  int64_t outer, n, inner;
  int64_t tiles, pieces, piece;  // tiles of `width` packs of columns; pieces of n
  int width;
  int lanes() const { return kFoldThreads / width; }
};

/// A block takes `width` packs of neighbouring columns; its threads divide the rows of a piece.
template <int W, class F>
__global__ void __launch_bounds__(kFoldThreads)
    fold_columns_kernel(F f, typename F::Acc* partial, ColumnCut cut) {
  using Acc = typename F::Acc;
  Acc* const shared = dynamic_shared<Acc>();
  const int lanes = kFoldThreads / cut.width;
  const int lane = int(threadIdx.x) / cut.width, pack = int(threadIdx.x) % cut.width;
  for (int64_t unit = blockIdx.x; unit < cut.outer * cut.tiles * cut.pieces; unit += gridDim.x) {
    // Neighbouring tiles run together: they share the sectors at their borders.
    const int64_t tile = unit % cut.tiles, p = unit / cut.tiles % cut.pieces;
    const int64_t o = unit / cut.tiles / cut.pieces;
    const int64_t column = (tile * cut.width + pack) * W;
    const bool active = lane < lanes && column < cut.inner;
    const int64_t begin = p * cut.piece;
    const int count = int(begin + cut.piece < cut.n ? cut.piece : cut.n - begin);
    const auto place = [&](int i) {
      const int64_t k = begin + i, row = o * cut.n + k;
      return Place{row * cut.inner + column, row, column, k, 0};
    };
    Acc acc[W];
#pragma unroll
    for (int j = 0; j < W; ++j) acc[j] = f.identity();
    if (active)
      for_each_pack<W, kBatch<F>>(f, lane, lanes, count, place,
                                  [&](const Place& at, const auto& fetched) {
                                    const auto terms = terms_of<W>(f, at, fetched);
#pragma unroll
                                    for (int j = 0; j < W; ++j)
                                      acc[j] = join(f, acc[j], terms.at[j]);
                                  });
    __syncthreads();  // the last unit's results have been read
    const auto slot = [&](int l, int j) -> Acc& { return shared[(l * cut.width + pack) * W + j]; };
    if (lane < lanes)
      for (int j = 0; j < W; ++j) slot(lane, j) = acc[j];
    for (int live = lanes; live > 1; live = (live + 1) / 2) {
      const int half = (live + 1) / 2;
      __syncthreads();
      if (lane + half < live)
        for (int j = 0; j < W; ++j) slot(lane, j) = f(slot(lane, j), slot(lane + half, j));
    }
    if (lane != 0 || !active) continue;
    for (int j = 0; j < W; ++j) {
      const int64_t output = o * cut.inner + column + j;
      if (partial)
        partial[p * cut.outer * cut.inner + output] = slot(0, j);
      else
        f.store(output, slot(0, j));
    }
  }
}

/// Folds the partial results of F's pieces: a matrix [pieces, outputs].
template <class F>
struct Finish {
  using Acc = typename F::Acc;
  static constexpr int kPack = 1;
  F f;
  const Acc* partial;

  __device__ Acc identity() const { return f.identity(); }
  __device__ Acc operator()(Acc a, Acc b) const { return f(a, b); }
  template <int W>
  __device__ Acc fetch(const Place& at) const {
    return partial[at.flat];
  }
  template <int W>
  __device__ void terms(const Place&, const Acc& fetched, Acc (&terms)[W]) const {
    terms[0] = fetched;
  }
  __device__ void store(int64_t output, Acc acc) const {
    if constexpr (kTallies<F>)
      f.tally(output, f.store(output, acc));
    else
      f.store(output, acc);
  }
};

}  // namespace fold_detail
}  // namespace fg::cuda
