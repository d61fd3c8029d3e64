// row_norm.cu's forward kernel: rows kept on the chip, in registers or shared memory (held_rows.cuh).
#pragma once

#include "cuda/kernels/cached_rows.cuh"
#include "cuda/kernels/norm_parameters.cuh"
#include "tensor/kernels/math.h"

namespace fg::cuda {

template <class T>
struct RowNormForward {
  using C = Compute<T>;
  T* y;
  C* mean;
  C* rstd;
  NormParameter<T> weight, bias;
  RowChannels of;
  bool centered;
  C eps;
};

/// Sums of x - mean and of its square.
template <class C>
struct Deviations {
  C shift, squares;
  __device__ Deviations operator()(const Deviations& a, const Deviations& b) const {
    return {a.shift + b.shift, a.squares + b.squares};
  }
};

template <class Row, class T>
__device__ Compute<T> sum_of_row(const Row& row) {
  using C = Compute<T>;
  C sum = 0;
  row.template pass<Pass::first>([&](const auto& batch) {
    C part = 0;
    batch.each([&](int, int64_t, const auto& packs) {
      C x[Row::kWidth];
      unpack<T>(packs[0], x);
#pragma unroll
      for (const C value : x) part += value;
    });
    sum += part;
  });
  return team_reduce<Row::kTeam>(sum);
}

template <class Row, class T>
__device__ Deviations<Compute<T>> deviations_of_row(const Row& row, Compute<T> mean) {
  using C = Compute<T>;
  Deviations<C> sums{0, 0};
  row.template pass<Pass::middle>([&](const auto& batch) {
    Deviations<C> part{0, 0};
    batch.each([&](int, int64_t, const auto& packs) {
      C x[Row::kWidth];
      unpack<T>(packs[0], x);
#pragma unroll
      for (const C value : x) {
        const C distance = value - mean;
        part.shift += distance;
        part.squares += distance * distance;
      }
    });
    sums = sums(sums, part);
  });
  return team_reduce<Row::kTeam>(sums, sums);
}

template <class Row, class T = typename Row::T>
__global__ void __launch_bounds__(Row::kThreads, Row::kBlocks)
    row_norm_forward_kernel(Rows<T, 1> rows, RowNormForward<T> p) {
  using C = Compute<T>;
  constexpr int W = Row::kWidth;
  const RowTeam<Row::kTeam> team;
  for_each_row<Row, false>(rows, team, [&](const Row& row, int64_t index) {
    const int64_t channel = p.of.first(index);
    const C count = C(rows.columns);
    const C sum = sum_of_row<Row, T>(row), mean = p.centered ? sum / count : C(0);
    const Deviations<C> sums = deviations_of_row<Row, T>(row, mean);
    // What rounding took from the mean (Chan, Golub and LeVeque 1983).
    const C shift = p.centered ? sums.shift / count : C(0);
    const C rstd = C(1) / functors::sqrt(sums.squares / count - shift * shift + p.eps);
    if (team.lane == 0 && index < rows.rows) {
      p.mean[index] = mean + shift;
      p.rstd[index] = rstd;
    }
    row.template pass<Pass::last>([&](const auto& batch) {
      batch.each([&](int, int64_t column, const auto& packs) {
        C x[W], w[W], b[W];
        unpack<T>(packs[0], x);
        p.of.load(p.weight, channel, column, w);
        p.of.load(p.bias, channel, column, b);
#pragma unroll
        for (int j = 0; j < W; ++j) x[j] = (x[j] - mean - shift) * rstd * w[j] + b[j];
        row.store(p.y, column, packed<T>(x));
      });
    });
  });
}

}  // namespace fg::cuda
