// row_norm.cu's backward kernel: rows kept on the chip, in registers or shared memory (held_rows.cuh).
#pragma once

#include "cuda/kernels/cached_rows.cuh"
#include "cuda/kernels/norm_elements.cuh"

namespace fg::cuda {

template <class T>
struct RowNormBackward {
  using C = Compute<T>;
  T* grad_x;
  const C* mean;
  const C* rstd;
  NormParameter<T> weight;
  RowChannels of;
  bool centered;
  C share;  // 1 / elements of a row
};

// What a backward pass does about the parameters, a struct S<Row> with
//   static constexpr bool kWalks;   a team takes many rows
//   S(const RowNormBackward<T>&, const Rows<T, 2>&, GradientPair<C>* sums, const RowTeam&);
//   void weigh(int64_t channel, int k, int64_t column, C (&g)[W]) const;   times the weights, for a thread's k-th pack in
//                                                                          a row that begins with `channel`
//   void add(int k, int64_t column, const C (&g)[W], const C (&xhat)[W]);
//   void end_row(int64_t index);
//   void end();

/// Reads weights.
template <class Row>
struct NoParameterSums {
  using T = typename Row::T;
  using C = Compute<T>;
  static constexpr int W = Row::kWidth;
  static constexpr bool kWalks = false;
  const RowNormBackward<T>& p;

  __device__ NoParameterSums(const RowNormBackward<T>& p, const Rows<T, 2>&, GradientPair<C>*,
                             const RowTeam<Row::kTeam>&)
      : p(p) {}
  __device__ void weigh(int64_t channel, int, int64_t column, C (&g)[W]) const {
    const auto at = p.of.template place<W>(channel, column);
    if (at.left >= W) {
      const C w = p.weight[at.channel];
#pragma unroll
      for (int j = 0; j < W; ++j) g[j] *= w;
    } else {
      C w[W];
      p.of.load(p.weight, at, w);
#pragma unroll
      for (int j = 0; j < W; ++j) g[j] *= w[j];
    }
  }
  __device__ void add(int, int64_t, const C (&)[W], const C (&)[W]) {}
  __device__ void end_row(int64_t) {}
  __device__ void end() {}
};

/// Leaves sums[rows, channels], if no pack has two channels and a block has a row: by way of each pack's sums, in
/// shared memory.
template <class Row>
struct ChannelSums : NoParameterSums<Row> {
  using typename NoParameterSums<Row>::C;
  using NoParameterSums<Row>::W, NoParameterSums<Row>::p;
  GradientPair<C>* const sums;
  GradientPair<C>* const of_packs = dynamic_shared<GradientPair<C>>();

  __device__ ChannelSums(const RowNormBackward<typename Row::T>& p,
                         const Rows<typename Row::T, 2>& rows, GradientPair<C>* sums,
                         const RowTeam<Row::kTeam>& team)
      : NoParameterSums<Row>(p, rows, sums, team), sums(sums) {}
  __device__ void add(int, int64_t column, const C (&g)[W], const C (&xhat)[W]) {
    GradientPair<C> sum{0, 0};
#pragma unroll
    for (int j = 0; j < W; ++j) sum = AddPairs()(sum, {g[j] * xhat[j], g[j]});
    of_packs[column / W] = sum;
  }
  /// A warp per channel.
  __device__ void end_row(int64_t index) {
    __syncthreads();
    const int lane = int(threadIdx.x) % kWarp, warps = int(blockDim.x) / kWarp;
    const int packs = int(p.of.inner()) / W;  // per channel
    for (int c = int(threadIdx.x) / kWarp; c < p.of.channels(); c += warps) {
      GradientPair<C> sum{0, 0};
      for (int k = lane; k < packs; k += kWarp) sum = AddPairs()(sum, of_packs[c * packs + k]);
      sum = warp_reduce(sum, AddPairs());
      if (lane == 0) sums[index * p.of.channels() + c] = sum;
    }
    __syncthreads();  // before the next row's sums
  }
};

/// inner = groups = 1, so that a thread's columns are the same in every row: teams walk the rows in strides and keep
/// their columns' weights and sums, which go to sums[team][column].
template <class Row>
struct ColumnSums {
  using T = typename Row::T;
  using C = Compute<T>;
  static constexpr int W = Row::kWidth, kPacks = Row::kPacks;
  static constexpr bool kWalks = true;
  const RowTeam<Row::kTeam>& team;
  const int64_t columns;
  GradientPair<C>* const sums;
  C weight[kPacks][W];
  GradientPair<C> total[kPacks][W];

  __device__ int64_t column(int k) const { return int64_t(team.lane + k * team.lanes) * W; }
  __device__ ColumnSums(const RowNormBackward<T>& p, const Rows<T, 2>& rows, GradientPair<C>* sums,
                        const RowTeam<Row::kTeam>& team)
      : team(team), columns(rows.columns), sums(sums) {
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      if (column(k) < columns) p.weight.load_whole(column(k), weight[k]);
#pragma unroll
      for (int j = 0; j < W; ++j) total[k][j] = {C(0), C(0)};
    }
  }
  __device__ void weigh(int64_t, int k, int64_t, C (&g)[W]) const {
#pragma unroll
    for (int j = 0; j < W; ++j) g[j] *= weight[k][j];
  }
  __device__ void add(int k, int64_t, const C (&g)[W], const C (&xhat)[W]) {
#pragma unroll
    for (int j = 0; j < W; ++j) total[k][j] = AddPairs()(total[k][j], {g[j] * xhat[j], g[j]});
  }
  __device__ void end_row(int64_t) {}
  __device__ void end() {
    const int64_t number = int64_t(blockIdx.x) * team.kTeams + team.team;
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      if (column(k) >= columns) continue;
#pragma unroll
      for (int j = 0; j < W; ++j) sums[number * columns + column(k) + j] = total[k][j];
    }
  }
};

template <class Row, class Sums>
struct BackwardOfRows {
  using T = typename Row::T;
  using C = Compute<T>;
  using Acc = GradientPair<C>;
  using Total = GradientPair<C>;  // means
  static constexpr int W = Row::kWidth;
  T* out;
  const RowNormBackward<T>& p;
  Sums& parameters;

  struct Context {
    C mean, rstd;
    int64_t channel;
  };

  __device__ Context begin(int64_t index, bool live) const {
    if (!live) return {C(0), C(0), 0};
    return {p.mean[index], p.rstd[index], p.of.first(index)};
  }
  __device__ Acc identity() const { return {C(0), C(0)}; }
  template <class Batch>
  __device__ Acc with(const Context& context, const Acc& acc, const Batch& batch) {
    Acc sums{C(0), C(0)};
    batch.each([&](int k, int64_t column, const WordPack<T, W>(&packs)[2]) {
      C g[W], xhat[W];
      load(context, packs, g, xhat);
      parameters.add(k, column, g, xhat);
      parameters.weigh(context.channel, k, column, g);
#pragma unroll
      for (int j = 0; j < W; ++j) sums = AddPairs()(sums, {g[j] * xhat[j], g[j]});
    });
    return AddPairs()(acc, sums);
  }
  template <int kTeam>
  __device__ Total total(const Context&, const Acc& acc, int64_t, bool) const {
    const Acc sums = team_reduce<kTeam>(acc, AddPairs());
    return {sums.along * p.share, p.centered ? sums.level * p.share : C(0)};
  }
  __device__ WordPack<T, W> results(const Context& context, const Total& means, int k,
                                    int64_t column, const WordPack<T, W> (&packs)[2]) const {
    C g[W], xhat[W];
    load(context, packs, g, xhat);
    parameters.weigh(context.channel, k, column, g);
#pragma unroll
    for (int j = 0; j < W; ++j) g[j] = normalised_grad(g[j], xhat[j], context.rstd, means);
    return packed<T>(g);
  }
  __device__ void end(int64_t index) { parameters.end_row(index); }

 private:
  __device__ void load(const Context& context, const WordPack<T, W> (&packs)[2], C (&g)[W],
                       C (&xhat)[W]) const {
    unpack(packs[0], g);
    unpack(packs[1], xhat);
#pragma unroll
    for (C& x : xhat) x = (x - context.mean) * context.rstd;
  }
};

/// The rows' operands are grad_y and x.
template <class Row, class Sums, class T = typename Row::T>
__global__ void __launch_bounds__(Row::kThreads, Row::kBlocks)
    row_norm_backward_kernel(Rows<T, 2> rows, RowNormBackward<T> p,
                             GradientPair<Compute<T>>* parameter_sums) {
  const RowTeam<Row::kTeam> team;
  Sums parameters(p, rows, parameter_sums, team);
  BackwardOfRows<Row, Sums> norm{p.grad_x, p, parameters};
  Row::template run<Sums::kWalks>(rows, team, norm);
  parameters.end();
}

}  // namespace fg::cuda
