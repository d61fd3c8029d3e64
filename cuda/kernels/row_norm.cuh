// The kernels of row_norm.cu that hold a row in registers or keep it in shared memory.
#pragma once

#include "cuda/kernels/cached_rows.cuh"
#include "cuda/kernels/held_rows.cuh"
#include "cuda/kernels/norm_elements.cuh"

namespace fg::cuda {

/// Channels of a row's elements, by their place in the row.
struct RowChannels {
  IndexDivider inner;
  int64_t groups, channels;

  RowChannels(const NormShape& shape)
      : inner(shape.inner, shape.row_size()), groups(shape.groups), channels(shape.channels) {}

  /// A parameter's values for the W elements from `column` on; those outside of the row get anything.
  template <int W, class T>
  __device__ void load(const NormParameter<T>& parameter, int64_t row, int64_t column, bool whole,
                       Compute<T> (&out)[W]) const {
    const int64_t first = row % groups * channels;
    const bool each = inner.divisor() == 1;
    const int64_t channel = whole ? inner.quotient(column) : 0;
    if (whole && (each || column + W <= (channel + 1) * inner.divisor())) {
      parameter.load(first + channel, each ? 1 : 0, out);
      return;
    }
    const int64_t last = channels * inner.divisor() - 1;
#pragma unroll
    for (int j = 0; j < W; ++j) {
      const int64_t at = column + j < 0 ? 0 : column + j > last ? last : column + j;
      out[j] = parameter[first + inner.quotient(at)];
    }
  }
};

template <class T>
struct RowNormForward {
  using C = Compute<T>;
  T* y;
  C* mean;
  C* rstd;
  const T* x;
  NormParameter<T> weight, bias;
  RowChannels of;
  int64_t rows, columns;
  bool centered, aligned;
  C eps;
};

template <class T, int kTeam, int kPacks>
__global__ void __launch_bounds__(kTeam > 0 ? kTeamThreads : 1024)
    row_norm_forward_kernel(RowNormForward<T> p) {
  using C = Compute<T>;
  using Row = HeldRow<T, kTeam, kPacks>;
  const RowTeam<kTeam> team;
  for (int64_t first = int64_t(blockIdx.x) * team.kTeams; first < p.rows;
       first += int64_t(gridDim.x) * team.kTeams) {
    const int64_t index = first + team.team;
    Row row(team, index, p.rows, p.columns);
    row.load(p.x, p.aligned, C(0));
    C mean = 0, shift = 0, squares = 0;
    if (p.centered) {
      row.for_each([&](int k, int j) { mean += row.at[k][j]; });
      mean = team_reduce<kTeam>(mean) / C(p.columns);
    }
    row.for_each_held([&](int k, int j) {
      row.at[k][j] -= mean;
      shift += row.at[k][j];
      squares += row.at[k][j] * row.at[k][j];
    });
    squares = team_reduce<kTeam>(squares) / C(p.columns);
    // What rounding took from the mean (Chan, Golub and LeVeque 1983).
    shift = p.centered ? team_reduce<kTeam>(shift) / C(p.columns) : C(0);
    mean += shift;
    const C rstd = C(1) / functors::sqrt(squares - shift * shift + p.eps);
    if (team.lane == 0 && index < p.rows) {
      p.mean[index] = mean;
      p.rstd[index] = rstd;
    }
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int64_t i = row.place(k);
      if (!row.is_any(i)) continue;
      C w[Row::kWidth], b[Row::kWidth];
      p.of.load(p.weight, index, i - row.begin, row.is_whole(i), w);
      p.of.load(p.bias, index, i - row.begin, row.is_whole(i), b);
#pragma unroll
      for (int j = 0; j < Row::kWidth; ++j)
        row.at[k][j] = (row.at[k][j] - shift) * rstd * w[j] + b[j];
    }
    row.store(p.y, p.aligned, [&](int k, int j) { return row.at[k][j]; });
  }
}

template <class T>
struct RowNormBackward {
  using C = Compute<T>;
  T* grad_x;
  const T* grad_y;
  const T* x;
  const C* mean;
  const C* rstd;
  NormParameter<T> weight;
  RowChannels of;
  int64_t rows, columns;
  bool centered, aligned;
  GradientPair<C>* channel_sums;  // [rows, channels] of g = grad_y, or null
};

/// What a block with channel_sums does besides: the sums of each pack, then a warp per channel.
template <class T, class Row>
__device__ void sum_channels(const RowNormBackward<T>& p, int64_t index,
                             const GradientPair<Compute<T>>* pack_sums) {
  using Pair = GradientPair<Compute<T>>;
  const int lane = int(threadIdx.x) % kWarp, warps = int(blockDim.x) / kWarp;
  const int packs = int(p.of.inner.divisor()) / Row::kWidth;  // per channel
  for (int c = int(threadIdx.x) / kWarp; c < p.of.channels; c += warps) {
    Pair sum{0, 0};
    for (int k = lane; k < packs; k += kWarp) {
      sum.along += pack_sums[c * packs + k].along;
      sum.level += pack_sums[c * packs + k].level;
    }
    sum = {warp_reduce(sum.along), warp_reduce(sum.level)};
    if (lane == 0) p.channel_sums[index * p.of.channels + c] = sum;
  }
}

template <class T, int kTeam, int kPacks>
__global__ void __launch_bounds__(kTeam > 0 ? kTeamThreads : 1024)
    row_norm_backward_kernel(RowNormBackward<T> p) {
  using C = Compute<T>;
  using Pair = GradientPair<C>;
  using Row = HeldRow<T, kTeam, kPacks>;
  constexpr int W = Row::kWidth;
  Pair* const pack_sums = dynamic_shared<Pair>();
  const RowTeam<kTeam> team;
  for (int64_t first = int64_t(blockIdx.x) * team.kTeams; first < p.rows;
       first += int64_t(gridDim.x) * team.kTeams) {
    const int64_t index = first + team.team;
    Row g(team, index, p.rows, p.columns), xhat = g;
    g.load(p.grad_y, p.aligned, C(0));
    xhat.load(p.x, p.aligned, C(0));
    const bool live = index < p.rows;
    const C mean = live ? p.mean[index] : C(0), rstd = live ? p.rstd[index] : C(0);
    Pair sums{0, 0};
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int64_t i = g.place(k);
      if (!g.is_any(i)) continue;
      Pair plain{0, 0};
      C w[W];
      p.of.load(p.weight, index, i - g.begin, g.is_whole(i), w);
#pragma unroll
      for (int j = 0; j < W; ++j) {
        xhat.at[k][j] = (xhat.at[k][j] - mean) * rstd;
        if (!g.holds(i + j)) continue;
        plain.along += g.at[k][j] * xhat.at[k][j];
        plain.level += g.at[k][j];
        g.at[k][j] *= w[j];
        sums.along += g.at[k][j] * xhat.at[k][j];
        sums.level += g.at[k][j];
      }
      if (kTeam == 0 && p.channel_sums) pack_sums[(i - g.begin) / W] = plain;
    }
    const C along = team_reduce<kTeam>(sums.along) / C(p.columns);
    const C level = p.centered ? team_reduce<kTeam>(sums.level) / C(p.columns) : C(0);
    g.store(p.grad_x, p.aligned,
            [&](int k, int j) { return rstd * (g.at[k][j] - level - xhat.at[k][j] * along); });
    if constexpr (kTeam == 0) {
      if (!p.channel_sums) continue;
      __syncthreads();
      sum_channels<T, Row>(p, index, pack_sums);
      __syncthreads();  // before the next row's sums
    }
  }
}

/// A block per row, which it reads once as far as shared memory keeps it: moments in one pass, then y.
template <class T>
__global__ void __launch_bounds__(1024)
    row_norm_cached_forward_kernel(RowNormForward<T> p, int64_t kept) {
  using C = Compute<T>;
  using Row = CachedRow<T, 1>;
  constexpr int W = Row::kWidth;
  const MomentsFold<T> fold{p.x, p.aligned, p.centered};
  for (int64_t index = blockIdx.x; index < p.rows; index += gridDim.x) {
    const Row row(&p.x, index, p.columns, kept, p.aligned);
    Moments<C> moments = fold.identity();
    row.template pass<true>(T(C(0)), [&](int64_t i, const auto& packs) {
      Moments<C> terms[W];
#pragma unroll
      for (int j = 0; j < W; ++j)
        terms[j] =
            row.is_whole(i) || row.holds(i + j) ? fold.term(C(packs[0].at[j])) : fold.identity();
      fold_detail::combine_tree<W>(fold, terms);
      moments = fold(moments, terms[0]);
    });
    moments = block_reduce_any(moments, fold);
    const C mean = moments.mean,
            rstd = C(1) / functors::sqrt(moments.squares / moments.count + p.eps);
    if (threadIdx.x == 0) {
      p.mean[index] = mean;
      p.rstd[index] = rstd;
    }
    row.template pass<false>(T(C(0)), [&](int64_t i, const auto& packs) {
      C w[W], b[W];
      p.of.load(p.weight, index, i - index * p.columns, row.is_whole(i), w);
      p.of.load(p.bias, index, i - index * p.columns, row.is_whole(i), b);
      Pack<T, W> out;
#pragma unroll
      for (int j = 0; j < W; ++j) out.at[j] = T((C(packs[0].at[j]) - mean) * rstd * w[j] + b[j]);
      row.store(p.y, i, out);
    });
  }
}

template <class T>
__global__ void __launch_bounds__(1024)
    row_norm_cached_backward_kernel(RowNormBackward<T> p, int64_t kept) {
  using C = Compute<T>;
  using Pair = GradientPair<C>;
  using Row = CachedRow<T, 2>;
  constexpr int W = Row::kWidth;
  for (int64_t index = blockIdx.x; index < p.rows; index += gridDim.x) {
    const T* const operands[] = {p.grad_y, p.x};
    const Row row(operands, index, p.columns, kept, p.aligned);
    const C mean = p.mean[index], rstd = p.rstd[index];
    Pair sums{0, 0};
    row.template pass<true>(T(C(0)), [&](int64_t i, const auto& packs) {
      C w[W];
      p.of.load(p.weight, index, i - index * p.columns, row.is_whole(i), w);
#pragma unroll
      for (int j = 0; j < W; ++j) {
        const C g = C(packs[0].at[j]) * w[j];  // 0 where it is not the row's
        sums.along += g * ((C(packs[1].at[j]) - mean) * rstd);
        sums.level += g;
      }
    });
    sums = block_reduce_any(sums, AddPairs());
    const C along = sums.along / C(p.columns);
    const C level = p.centered ? sums.level / C(p.columns) : C(0);
    row.template pass<false>(T(C(0)), [&](int64_t i, const auto& packs) {
      C w[W];
      p.of.load(p.weight, index, i - index * p.columns, row.is_whole(i), w);
      Pack<T, W> out;
#pragma unroll
      for (int j = 0; j < W; ++j) {
        const C xhat = (C(packs[1].at[j]) - mean) * rstd;
        out.at[j] = T(rstd * (C(packs[0].at[j]) * w[j] - level - xhat * along));
      }
      row.store(p.grad_x, i, out);
    });
  }
}

/// inner = groups = 1 and whole packs only, so that a thread's columns are the same in every row: teams walk
/// the rows in strides and keep their columns' sums, which go to partial[team][column].
template <class T, int kTeam, int kPacks>
__global__ void __launch_bounds__(kTeam > 0 ? kTeamThreads : 1024)
    layer_norm_backward_kernel(RowNormBackward<T> p, GradientPair<Compute<T>>* partial) {
  using C = Compute<T>;
  using Pair = GradientPair<C>;
  using Row = HeldRow<T, kTeam, kPacks>;
  constexpr int W = Row::kWidth;
  const RowTeam<kTeam> team;
  C w[kPacks][W];
  Pair total[kPacks][W];
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int64_t column = int64_t(team.lane + k * team.lanes) * W;
    if (column < p.columns) p.weight.load(column, 1, w[k]);
#pragma unroll
    for (int j = 0; j < W; ++j) total[k][j] = {C(0), C(0)};
  }
  for (int64_t first = int64_t(blockIdx.x) * team.kTeams; first < p.rows;
       first += int64_t(gridDim.x) * team.kTeams) {
    const int64_t index = first + team.team;
    Row g(team, index, p.rows, p.columns), xhat = g;
    g.load(p.grad_y, p.aligned, C(0));
    xhat.load(p.x, p.aligned, C(0));
    const bool live = index < p.rows;
    const C mean = live ? p.mean[index] : C(0), rstd = live ? p.rstd[index] : C(0);
    C along = 0, level = 0;
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      if (!g.is_any(g.place(k))) continue;
#pragma unroll
      for (int j = 0; j < W; ++j) {
        xhat.at[k][j] = (xhat.at[k][j] - mean) * rstd;
        total[k][j].along += g.at[k][j] * xhat.at[k][j];
        total[k][j].level += g.at[k][j];
        g.at[k][j] *= w[k][j];
        along += g.at[k][j] * xhat.at[k][j];
        level += g.at[k][j];
      }
    }
    along = team_reduce<kTeam>(along) / C(p.columns);
    level = p.centered ? team_reduce<kTeam>(level) / C(p.columns) : C(0);
    g.store(p.grad_x, p.aligned,
            [&](int k, int j) { return rstd * (g.at[k][j] - level - xhat.at[k][j] * along); });
  }
  const int64_t number = int64_t(blockIdx.x) * team.kTeams + team.team;
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int64_t column = int64_t(team.lane + k * team.lanes) * W;
    if (column >= p.columns) continue;
#pragma unroll
    for (int j = 0; j < W; ++j) partial[number * p.columns + column + j] = total[k][j];
  }
}

}  // namespace fg::cuda
