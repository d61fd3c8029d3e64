// row_norm.cu's forward kernel: rows kept on the chip, in registers or shared memory (held_rows.cuh).
#pragma once

#include "cuda/kernels/cached_rows.cuh"
#include "cuda/kernels/norm_parameters.cuh"
#include "tensor/kernels/math.h"

namespace fg::cuda {

/// Sums of the distances from some number and of their squares.
template <class C>
struct Deviations {
  C shift, squares;
};
struct AddDeviations {
  template <class C>
  __device__ Deviations<C> operator()(Deviations<C> a, Deviations<C> b) const {
    return {a.shift + b.shift, a.squares + b.squares};
  }
};

template <class Element>
struct RowNormForward {
  using T = Element;
  using C = Compute<T>;
  T* out;
  C* mean;
  C* rstd;
  NormParameter<T> weight, bias;
  RowChannels of;
  bool centered;
  C eps, share;  // share: 1 / elements of a row

  struct Context {
    int64_t channel;
  };
  /// Of `count` elements: sums of x - reference and of its square.
  struct Acc {
    C count, reference, shift, squares;
  };
  /// What rounding took from the mean is in `shift` (Chan, Golub and LeVeque 1983).
  struct Total {
    C mean, shift, rstd;
  };

  __device__ Context begin(int64_t index, bool) const { return {of.first(index)}; }
  __device__ Acc identity() const { return {0, 0, 0, 0}; }
  /// The reference is the mean of the thread's first batch, which is near that of the row.
  template <class Batch>
  __device__ Acc with(const Context&, Acc acc, const Batch& batch) const {
    constexpr int W = Batch::kWidth;
    if (acc.count == 0 && centered) {
      C sum = 0, count = 0;
      batch.each([&](int, int64_t, const WordPack<T, W>(&packs)[1]) {
        C x[W];
        unpack(packs[0], x);
#pragma unroll
        for (int j = 0; j < W; ++j) sum += x[j];
        count += C(W);
      });
      if (count > 0) acc.reference = sum / count;
    }
    batch.each([&](int, int64_t, const WordPack<T, W>(&packs)[1]) {
      C x[W];
      unpack(packs[0], x);
#pragma unroll
      for (int j = 0; j < W; ++j) {
        const C distance = x[j] - acc.reference;
        acc.shift += distance;
        acc.squares += distance * distance;
      }
      acc.count += C(W);
    });
    return acc;
  }
  /// The sums relative to the row's mean.
  template <int kTeam>
  __device__ Total total(const Context&, const Acc& acc, int64_t index, bool leads) const {
    const C sum = team_reduce<kTeam, 0>(acc.count * acc.reference + acc.shift);
    Total total{centered ? sum * share : C(0), C(0), C(0)};
    const C step = acc.reference - total.mean;
    const Deviations<C> sums = team_reduce<kTeam, 1>(
        Deviations<C>{acc.shift + acc.count * step,
                      acc.squares + step * (2 * acc.shift + acc.count * step)},
        AddDeviations());
    const C squares = sums.squares * share;
    if (centered) total.shift = sums.shift * share;
    total.rstd = C(1) / functors::sqrt(squares - total.shift * total.shift + eps);
    if (leads) {
      mean[index] = total.mean + total.shift;
      rstd[index] = total.rstd;
    }
    return total;
  }
  template <int W>
  __device__ WordPack<T, W> results(const Context& context, const Total& total, int, int64_t column,
                                    const WordPack<T, W> (&packs)[1]) const {
    C x[W];
    unpack(packs[0], x);
    const auto scale = [&](const auto& w, const auto& b) {
#pragma unroll
      for (int j = 0; j < W; ++j)
        x[j] = (x[j] - total.mean - total.shift) * (total.rstd * w[j]) + b[j];
    };
    const auto at = of.template place<W>(context.channel, column);
    if (at.left >= W) {
      scale(Same<C>{weight[at.channel]}, Same<C>{bias[at.channel]});
    } else {
      C w[W], b[W];
      of.load(weight, at, w);
      of.load(bias, at, b);
      scale(w, b);
    }
    return packed<T>(x);
  }
  __device__ void end(int64_t) const {}
};

template <class Row, class T = typename Row::T>
__global__ void __launch_bounds__(Row::kThreads, Row::kBlocks)
    row_norm_forward_kernel(Rows<T, 1> rows, RowNormForward<T> norm) {
  Row::template run<false>(rows, RowTeam<Row::kTeam>(), norm);
}

}  // namespace fg::cuda
