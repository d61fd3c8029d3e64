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
// and, where that is cheaper,
//   Acc in_order(Acc a, Acc b) const;   for an a whose terms all come before b's
//   auto fetch<W>(const Place&) const;   instead of load: only reads, so that several packs are on their way, ...
//   void terms<W>(const Place&, const auto& fetched, Acc (&terms)[W]) const;   ... and only computes
//   void take<W>(Acc&, const Place&, const auto& fetched) const;   adds W terms that come behind Acc's
// A fold of rows may also have
//   using Tally;   trivial, with operator+: store() returns one
//   void tally(int64_t number, Tally) const;   takes sums of those, of numbers from 0
//   int64_t most_tallies;   at least 2112
//
// Every element is read once. The order of combination is a balanced tree whose shape depends on the sizes
// alone, not on alignment, the device or chance: equal input gives equal bits, and the rounding error of a sum
// grows with the logarithm of the length. Where the outputs are too few to fill a GPU, the folded dim is cut
// into pieces; their results go to scratch and a second launch folds those. Any sizes; no atomics.
#pragma once

#include "cuda/kernels/fold_kernels.cuh"
#include "cuda/launch.h"
#include "tensor/factories.h"

namespace fg::cuda {

namespace fold_detail {

inline constexpr int64_t kBlocks =
    2112;  // fill 132 multiprocessors twice over; speed alone depends on it
inline constexpr int64_t kPieces = 4096;  // at most, so that the second launch stays short
/// Three blocks for each of 132 multiprocessors: few tiles of columns are cut into no more, which run at once and leave
/// less to the second launch. Measured, as the others.
inline constexpr int64_t kColumnBlocks = 396;

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

/// Folds [pieces, outputs] partial results.
template <class F>
void finish(const F& f, const typename F::Acc* partial, int64_t pieces, int64_t outputs) {
  ColumnCut cut = cut_columns<1>(1, pieces, outputs);
  // Where blocks are few, fewer columns for each, and more lanes for these; 8 numbers are a sector.
  while (cut.width > 8 && cut.tiles < kBlocks / 16 && cut.lanes() * kBatch<F> < pieces) {
    cut.width /= 2;
    cut.tiles = ceil_div(outputs, cut.width);
  }
  launch_columns<1>(Finish<F>{f, partial}, nullptr, cut);
}

template <int W, class F>
void fold_columns_by(const F& f, int64_t outer, int64_t n, int64_t inner, Device device) {
  ColumnCut cut = cut_columns<W>(outer, n, inner);
  const int64_t blocks = outer * cut.tiles, least = 2 * kBatch<F> * cut.lanes();
  const int64_t cuts =
      blocks <= kColumnBlocks / 8 ? kColumnBlocks / blocks : ceil_div(kBlocks, blocks);
  const int64_t wanted = std::min({cuts, ceil_div(n, least), kPieces});
  if (wanted <= 1 || blocks >= kBlocks / 2) return launch_columns<W>(f, nullptr, cut);
  cut.piece = ceil_div(n, wanted);
  cut.pieces = ceil_div(n, cut.piece);
  const Tensor partial = partial_results<F>(cut.pieces, outer * inner, device);
  launch_columns<W>(f, accumulators<F>(partial), cut);
  finish(f, accumulators<F>(partial), cut.pieces, outer * inner);
}

}  // namespace fold_detail

/// Folds every row of [rows, columns]; output i is row i's. Returns the number of tallies.
template <class F>
int64_t fold_rows(const F& f, int64_t rows, int64_t columns, Device device) {
  using namespace fold_detail;
  if (rows == 0) return 0;
  typename F::Acc* const whole = nullptr;
  const auto run = [&]<int kTeam>(std::integral_constant<int, kTeam>) {
    int64_t blocks = ceil_div(rows, kFoldThreads / (kTeam > 0 ? kTeam : kFoldThreads));
    if constexpr (kTallies<F>) blocks = std::min(blocks, f.most_tallies);
    launch(fold_rows_kernel<kTeam, F>, one_block_each(blocks, kFoldThreads), f, whole, rows,
           columns, 1, columns);
    return blocks;
  };
  // The least team that has a row on its way at once.
  if (columns <= 4 * kBatch<F> * F::kPack) return run(std::integral_constant<int, 4>());
  if (columns <= 16 * kBatch<F> * F::kPack) return run(std::integral_constant<int, 16>());
  const int64_t batch = int64_t(kFoldThreads) * kBatch<F> * F::kPack;
  if (columns <= batch / 4) return run(std::integral_constant<int, kWarp>());
  const int64_t wanted = std::min({ceil_div(kPieces, rows), ceil_div(columns, batch), kPieces});
  if (wanted <= 1 || rows >= kBlocks / 2) return run(std::integral_constant<int, 0>());
  const int64_t piece = ceil_div(ceil_div(columns, wanted), batch) * batch;
  const int64_t pieces = ceil_div(columns, piece);
  const Tensor partial = partial_results<F>(pieces, rows, device);
  launch(fold_rows_kernel<0, F>, one_block_each(rows * pieces, kFoldThreads), f,
         accumulators<F>(partial), rows, columns, pieces, piece);
  finish(f, accumulators<F>(partial), pieces, rows);
  return rows;
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
  if (batch == 1) return void(fold_rows(f, channels, inner, device));
  const Tensor partial = partial_results<F>(batch, channels, device);
  fold_rows(Keep<F>{f, accumulators<F>(partial)}, batch * channels, inner, device);
  fold_columns(Finish<F>{f, accumulators<F>(partial)}, 1, batch, channels, device);
}

}  // namespace fg::cuda
