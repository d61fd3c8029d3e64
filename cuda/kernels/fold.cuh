// fold: the one mechanism for "partial results per block, then a finish in fixed order". Folds a matrix
// [rows, columns] along its columns or, in slabs, along its rows, with any combination of any terms.
//
// A fold F is a small struct, passed by value, with
//   using Acc;                          what is accumulated, a number or a trivial struct of 4-byte words
//   static constexpr int kPack;         elements that one load takes, a power of two
//   Acc identity() const;
//   Acc operator()(Acc a, Acc b) const;
//   void load<W>(const Place&, Acc (&terms)[W]) const;   the terms of W neighbours in a row; W = kPack or 1
//   void store(int64_t output, Acc) const;
// and, where that is cheaper, Acc in_order(Acc a, Acc b) const for an a whose terms all come before b's.
//
// Every element is read once. The order of combination is a balanced tree whose shape depends on the sizes
// alone, not on alignment, the device or chance: equal input gives equal bits, and the rounding error of a sum
// grows with the logarithm of the length. Where the outputs are too few to fill a GPU, the folded dim is cut
// into pieces; their results go to scratch and a second launch folds those. Any sizes; no atomics.
#pragma once

#include "cuda/kernels/block_reduce.cuh"
#include "cuda/kernels/row_packs.cuh"
#include "cuda/launch.h"
#include "cuda/shared.cuh"
#include "tensor/factories.h"

namespace fg::cuda {

/// Where a term stands: in memory order, in the matrix, and along the folded dim, in which the next term of the
/// same row stands `step` further.
struct Place {
  int64_t flat, row, column, along;
  int step;
};

namespace fold_detail {

inline constexpr int kFoldThreads = 256;
inline constexpr int kBatch = 4;  // loads in flight per thread
inline constexpr int64_t kBlocks =
    2112;  // fill 132 multiprocessors twice over; speed alone depends on it
inline constexpr int64_t kPieces = 4096;  // at most, so that the second launch stays short

/// f(a, b) for an a whose terms come before b's.
template <class F>
__device__ __forceinline__ typename F::Acc join(const F& f, const typename F::Acc& a,
                                                const typename F::Acc& b) {
  if constexpr (requires { f.in_order(a, b); })
    return f.in_order(a, b);
  else
    return f(a, b);
}

/// Combines `count` neighbouring terms as a balanced tree; the result is in the first.
template <int kCount, class F>
__device__ __forceinline__ void combine_tree(const F& f, typename F::Acc* terms) {
#pragma unroll
  for (int step = 1; step < kCount; step *= 2)
#pragma unroll
    for (int j = 0; j + step < kCount; j += 2 * step) terms[j] = join(f, terms[j], terms[j + step]);
}

/// This lane's share of the elements [begin, end) of row `row`, counted from the matrix's start.
template <class F>
__device__ typename F::Acc fold_range(const F& f, int64_t row, int64_t columns, int64_t begin,
                                      int64_t end, int lane, int lanes) {
  using Acc = typename F::Acc;
  constexpr int W = F::kPack;
  const int64_t start = row * columns;
  const auto place = [&](int64_t flat) { return Place{flat, row, flat - start, flat - start, 1}; };
  Acc acc = f.identity();
  const int64_t first = (begin + W - 1) / W, last = end / W;  // whole packs
  int64_t p = first + lane;
  for (; p + (kBatch - 1) * lanes < last; p += kBatch * lanes) {
    Acc terms[kBatch][W];
#pragma unroll
    for (int u = 0; u < kBatch; ++u) f.template load<W>(place((p + u * lanes) * W), terms[u]);
    combine_tree<kBatch * W>(f, &terms[0][0]);
    acc = join(f, acc, terms[0][0]);
  }
  for (; p < last; p += lanes) {
    Acc terms[W];
    f.template load<W>(place(p * W), terms);
    combine_tree<W>(f, terms);
    acc = join(f, acc, terms[0]);
  }
  if constexpr (W > 1) {
    const int64_t head_end = first * W < end ? first * W : end;
    const int64_t tail = last * W > head_end ? last * W : head_end;
    const int64_t head = head_end - begin;
    for (int64_t e = lane; e < head + (end - tail); e += lanes) {
      Acc term[1];
      f.template load<1>(place(e < head ? begin + e : tail + (e - head)), term);
      acc = f(acc, term[0]);
    }
  }
  return acc;
}

/// A team per row (kTeam lanes; a block if 0), or a block per piece of a row.
template <int kTeam, class F>
__global__ void __launch_bounds__(kFoldThreads)
    fold_rows_kernel(F f, typename F::Acc* partial, int64_t rows, int64_t columns, int64_t pieces,
                     int64_t piece) {
  constexpr int kLanes = kTeam > 0 ? kTeam : kFoldThreads;
  constexpr int kTeams = kFoldThreads / kLanes;
  const int lane = int(threadIdx.x) % kLanes;
  for (int64_t first = int64_t(blockIdx.x) * kTeams; first < rows * pieces;
       first += int64_t(gridDim.x) * kTeams) {
    const int64_t unit = first + int(threadIdx.x) / kLanes;
    const int64_t row = unit / pieces, from = unit % pieces * piece;
    const int64_t to = from + piece < columns ? from + piece : columns;
    typename F::Acc acc = f.identity();
    if (row < rows)
      acc = fold_range(f, row, columns, row * columns + from, row * columns + to, lane, kLanes);
    acc = team_reduce<kTeam>(acc, f);
    if (lane != 0 || row >= rows) continue;
    if (partial)
      partial[unit % pieces * rows + row] = acc;
    else
      f.store(row, acc);
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
    const int64_t p = unit % cut.pieces, tile = unit / cut.pieces % cut.tiles;
    const int64_t o = unit / cut.pieces / cut.tiles;
    const int64_t column = (tile * cut.width + pack) * W;
    const bool active = lane < lanes && column < cut.inner;
    const int64_t end = (p + 1) * cut.piece < cut.n ? (p + 1) * cut.piece : cut.n;
    const auto place = [&](int64_t k) {
      const int64_t row = o * cut.n + k;
      return Place{row * cut.inner + column, row, column, k, 0};
    };
    Acc acc[W];
#pragma unroll
    for (int j = 0; j < W; ++j) acc[j] = f.identity();
    int64_t k = active ? p * cut.piece + lane : end;
    for (; k + (kBatch - 1) * lanes < end; k += kBatch * lanes) {
      Acc terms[kBatch][W];
#pragma unroll
      for (int u = 0; u < kBatch; ++u) f.template load<W>(place(k + u * lanes), terms[u]);
#pragma unroll
      for (int j = 0; j < W; ++j)
        acc[j] =
            join(f, acc[j],
                 join(f, join(f, terms[0][j], terms[1][j]), join(f, terms[2][j], terms[3][j])));
    }
    for (; k < end; k += lanes) {
      Acc terms[W];
      f.template load<W>(place(k), terms);
#pragma unroll
      for (int j = 0; j < W; ++j) acc[j] = join(f, acc[j], terms[j]);
    }
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
  __device__ void load(const Place& at, Acc (&terms)[W]) const {
    terms[0] = partial[at.flat];
  }
  __device__ void store(int64_t output, Acc acc) const { f.store(output, acc); }
};

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <int W, class F>
void launch_columns(const F& f, typename F::Acc* partial, const ColumnCut& cut) {
  launch(fold_columns_kernel<W, F>,
         one_block_each(cut.outer * cut.tiles * cut.pieces, kFoldThreads,
                        kFoldThreads * W * sizeof(typename F::Acc)),
         f, partial, cut);
}

template <int W>
ColumnCut cut_columns(int64_t outer, int64_t n, int64_t inner) {
  // Narrow matrices are walked in memory order; of wide ones a warp takes whole lines.
  const int64_t packs = inner / W, width = packs <= 64 ? packs : kWarp;
  return {outer, n, inner, ceil_div(packs, width), 1, n, int(width)};
}

/// [pieces, outputs] accumulators on `device`, freed in stream order when the tensor goes.
template <class F>
Tensor partial_results(int64_t pieces, int64_t outputs, Device device) {
  const int64_t bytes = pieces * outputs * int64_t(sizeof(typename F::Acc));
  return empty({bytes}, TensorOptions(kByte).device(device));
}
template <class F>
typename F::Acc* accumulators(const Tensor& partial) {
  return static_cast<typename F::Acc*>(partial.data_ptr());
}

template <int W, class F>
void fold_columns_by(const F& f, int64_t outer, int64_t n, int64_t inner, Device device) {
  ColumnCut cut = cut_columns<W>(outer, n, inner);
  const int64_t blocks = outer * cut.tiles, least = 2 * kBatch * cut.lanes();
  const int64_t wanted = std::min({ceil_div(kBlocks, blocks), ceil_div(n, least), kPieces});
  if (wanted <= 1 || blocks >= kBlocks / 2) return launch_columns<W>(f, nullptr, cut);
  cut.piece = ceil_div(n, wanted);
  cut.pieces = ceil_div(n, cut.piece);
  const Tensor partial = partial_results<F>(cut.pieces, outer * inner, device);
  launch_columns<W>(f, accumulators<F>(partial), cut);
  launch_columns<1>(Finish<F>{f, accumulators<F>(partial)}, nullptr,
                    cut_columns<1>(1, cut.pieces, outer * inner));
}

}  // namespace fold_detail

/// Folds every row of [rows, columns]; output i is row i's.
template <class F>
void fold_rows(const F& f, int64_t rows, int64_t columns, Device device) {
  using namespace fold_detail;
  if (rows == 0) return;
  typename F::Acc* const whole = nullptr;
  const auto run = [&]<int kTeam>(std::integral_constant<int, kTeam>) {
    const int64_t teams = kFoldThreads / (kTeam > 0 ? kTeam : kFoldThreads);
    launch(fold_rows_kernel<kTeam, F>, one_block_each(ceil_div(rows, teams), kFoldThreads), f,
           whole, rows, columns, 1, columns);
  };
  if (columns <= 8 * F::kPack) return run(std::integral_constant<int, 4>());
  const int64_t batch = int64_t(kFoldThreads) * kBatch * F::kPack;
  if (columns <= batch / 2) return run(std::integral_constant<int, kWarp>());
  const int64_t wanted = std::min({ceil_div(kPieces, rows), ceil_div(columns, batch), kPieces});
  if (wanted <= 1 || rows >= kBlocks / 2) return run(std::integral_constant<int, 0>());
  const int64_t piece = ceil_div(ceil_div(columns, wanted), batch) * batch;
  const int64_t pieces = ceil_div(columns, piece);
  const Tensor partial = partial_results<F>(pieces, rows, device);
  launch(fold_rows_kernel<0, F>, one_block_each(rows * pieces, kFoldThreads), f,
         accumulators<F>(partial), rows, columns, pieces, piece);
  launch_columns<1>(Finish<F>{f, accumulators<F>(partial)}, nullptr,
                    cut_columns<1>(1, pieces, rows));
}

/// Folds the middle dim of [outer, n, inner]; output (o, i) is o * inner + i.
template <class F>
void fold_columns(const F& f, int64_t outer, int64_t n, int64_t inner, Device device) {
  using namespace fold_detail;
  if (outer == 0 || inner == 0) return;
  if (F::kPack > 1 && inner % F::kPack == 0)
    fold_columns_by<F::kPack>(f, outer, n, inner, device);
  else
    fold_columns_by<1>(f, outer, n, inner, device);
}

/// The middle dim of [outer, n, inner], whichever way suits the sizes.
template <class F>
void fold_middle(const F& f, int64_t outer, int64_t n, int64_t inner, Device device) {
  if (inner == 1)
    fold_rows(f, outer, n, device);
  else
    fold_columns(f, outer, n, inner, device);
}

namespace fold_detail {

/// F whose results are kept for a second fold.
template <class F>
struct Keep : F {
  typename F::Acc* partial;
  __device__ void store(int64_t output, typename F::Acc acc) const { partial[output] = acc; }
};

}  // namespace fold_detail

/// The outer and the inner dim of [batch, channels, inner]; output c is channel c's.
template <class F>
void fold_channels(const F& f, int64_t batch, int64_t channels, int64_t inner, Device device) {
  using namespace fold_detail;
  if (inner == 1) return fold_columns(f, 1, batch, channels, device);
  if (batch == 1) return fold_rows(f, channels, inner, device);
  const Tensor partial = partial_results<F>(batch, channels, device);
  fold_rows(Keep<F>{f, accumulators<F>(partial)}, batch * channels, inner, device);
  fold_columns(Finish<F>{f, accumulators<F>(partial)}, 1, batch, channels, device);
}

}  // namespace fg::cuda
