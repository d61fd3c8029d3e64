// y = row norm(chain(z)) and its gradients; z is [batch, groups * channels], a row one (batch, group).
//
// Rows of up to 4,096 elements are held by 4 lanes, a warp or a block, eight elements a thread, as in held_rows.cuh: z
// is read once in full packs, the chain computed once per element, and its values, in the type that is computed in, stay
// in registers for the mean, the squares about it and the result. Backward computes the chain again, and its gradient; a
// block walks down the batch over the same groups, so that its threads have their columns' parameters and all the sums
// over the batch in registers: weight's, bias', the chain's operands' and that of grad_z, which is the gradient of the
// producer's bias. Per block those are added up in shared memory and left to a fold of fixed order.
// Bytes: forward z read and y written; backward z and grad_y read and grad_z written, and 4 bytes per sum, column and
// block down the batch. Longer rows, and rows without a chain, take row_norm.cu's kernels behind the chain's.
#pragma once

#include "cuda/fused/chain.cuh"
#include "cuda/fused/stage_producers.cuh"
#include "cuda/kernels/row_norm_forward.cuh"

namespace fg::cuda::stage_detail {

inline constexpr int kRowElements = 8;     // per thread
inline constexpr int kBlockThreads = 512;  // at most, for rows of a block each: so that none spills
inline constexpr int64_t kRowsDown =
    8;  // that a team takes at least, so that sums of blocks stay few
inline constexpr int64_t kBlocksDown = 528;  // fill 132 multiprocessors; speed alone depends on it

template <class Row>
inline constexpr int kStageThreads = Row::kTeam > 0 ? kTeamThreads : kBlockThreads;

/// Calls body.operator()<Row>(launch shape) with the HeldRow for these rows; false if they are too long.
template <class T, class Body>
bool with_stage_rows(const NormShape& shape, const Body& body) {
  const Rows<T, 1> rows{{}, shape.rows(), shape.channels, true};
  if (shape.channels > kBlockThreads * kRowElements) return false;
  return with_row_width(rows, [&]<int W>() {
    return with_held_packs<T, 1, W, kRowElements, kRowElements>(rows.rows, rows.columns, body);
  });
}

/// W values of chain(z) from `column` on, whose channel operands begin at `channel`.
template <class C, class T>
struct RowChain {
  C chain;
  ChainOperands<C, Compute<T>> operands;  // on_border()

  static std::vector<Tensor> whole(const std::vector<Tensor>& operands) {
    std::vector<Tensor> result;
    for (int k = 0; k < C::num_channel_operands; ++k)
      result.push_back(on_border(operands[size_t(k)]));
    return result;
  }
};

/// A thread's share of a row's channel operands.
template <class C, class T, int W>
struct RowOperands {
  using A = ChainNumber<C, T>;
  static constexpr int kCount = C::num_channel_operands;
  Compute<T> at[ChainOperands<C, T>::kSlots][W];

  __device__ void load(const RowChain<C, T>& chain, int64_t channel) {
#pragma unroll
    for (int k = 0; k < kCount; ++k) chain.operands.at[k].load_whole(channel, at[k]);
  }
  __device__ void of(int j, A (&c)[ChainOperands<C, T>::kSlots]) const {
#pragma unroll
    for (int k = 0; k < kCount; ++k) c[k] = A(at[k][j]);
  }
};

template <class Row, class C, class T = typename Row::T>
__global__ void __launch_bounds__(kStageThreads<Row>)
    row_normed_forward_kernel(const T* __restrict__ z, MixedArray<T> y, int64_t rows, int columns,
                              bool aligned, RowChain<C, T> chain, RowNormForward<Compute<T>> norm) {
  constexpr int W = Row::kWidth, kTeam = Row::kTeam;
  using V = Compute<T>;
  using A = ChainNumber<C, T>;
  const RowTeam<kTeam> team;
  for (int64_t first = int64_t(blockIdx.x) * team.kTeams; first < rows;
       first += int64_t(gridDim.x) * team.kTeams) {
    const int64_t index = first + team.team, begin = index * columns;
    const bool live = index < rows;
    const auto context = norm.begin(index, live);
    RowBatch<V, 1, W, Row::kPacks> batch;
    batch.first = int64_t(team.lane) * W;
    batch.lanes = team.lanes;
    batch.left = live ? columns / W - team.lane : 0;
    WordPack<T, W> packs[Row::kPacks];
#pragma unroll
    for (int k = 0; k < Row::kPacks; ++k)
      if (batch.has(k)) packs[k] = load_words<W>(z + begin + batch.column(k), aligned);
#pragma unroll
    for (int k = 0; k < Row::kPacks; ++k) {
      if (!batch.has(k)) continue;
      V values[W];
      unpack(packs[k], values);
      RowOperands<C, T, W> operands;
      operands.load(chain, context.channel + batch.column(k));
#pragma unroll
      for (int j = 0; j < W; ++j) {
        A c[ChainOperands<C, T>::kSlots];
        operands.of(j, c);
        batch.at[k][0].at[j] = V(chain.chain.forward(A(values[j]), c));
      }
    }
    const auto total = norm.template total<kTeam>(
        context, norm.with(context, norm.identity(), batch), index, live && team.lane == 0);
    batch.each([&](int k, int64_t column, const auto& held) {
      V values[W];
      unpack(norm.results(context, total, k, column, held), values);
      y.store(begin + column, aligned, values);
    });
  }
}

/// How a grid walks: a block takes `across` neighbouring groups of kTeams / across rows at a time.
struct DownTheBatch {
  int64_t batch, groups, tiles, slices;
  int across;

  DownTheBatch(const NormShape& shape, int teams) : batch(shape.batch), groups(shape.groups) {
    // Neighbours of a block: 2 KiB of floats, which is enough for whole lines of memory.
    across = 1;
    while (across < teams && across < groups && across * shape.channels < 512) across *= 2;
    tiles = (groups + across - 1) / across;
    const int64_t rows = kRowsDown * (teams / across);
    slices = std::clamp<int64_t>(kBlocksDown / tiles, 1,
                                 std::max<int64_t>(1, (batch + rows - 1) / rows));
  }
};

template <class T>
struct RowNormedGradients {
  using C = Compute<T>;
  T* grad_z;
  MixedArray<T> grad_y;
  const T* z;
  const C* mean;
  const C* rstd;
  NormParameter<C> weight;  // on_border()
  bool centered, aligned;
  int columns;  // of a row
  C share;      // 1 / columns
};

/// A column's sums over the batch: weight's and bias' gradient, grad_z, the operands' gradients.
template <class C, class T>
using ColumnTotals = Contributions<Compute<T>, 3 + C::num_channel_operands>;

/// The sums of the block's teams that have the same columns, to `sums` [slices, all channels].
template <class Row, class Totals>
__device__ void add_down(const RowTeam<Row::kTeam>& team, const DownTheBatch& walk, int64_t columns,
                         int64_t tile, int64_t slice, Totals (&totals)[Row::kPacks][Row::kWidth],
                         Totals* sums) {
  constexpr int W = Row::kWidth, kTeams = RowTeam<Row::kTeam>::kTeams;
  __shared__ Totals shared[kTeams > 1 ? kTeamThreads : 1];
  const int down = kTeams / walk.across, across_lanes = walk.across * team.lanes;
  const int64_t group = tile * walk.across + team.team % walk.across;
#pragma unroll
  for (int k = 0; k < Row::kPacks; ++k) {
    const int64_t column = int64_t(team.lane + k * team.lanes) * W;
#pragma unroll
    for (int j = 0; j < W; ++j) {
      Totals total = totals[k][j];
      if (down > 1) {
        __syncthreads();  // what was there has been read
        shared[threadIdx.x % (kTeams > 1 ? kTeamThreads : 1)] = total;
        __syncthreads();
        for (int d = 1; d < down && int(threadIdx.x) < across_lanes; ++d)
          total = AddContributions()(total, shared[d * across_lanes + int(threadIdx.x)]);
      }
      if (team.team < walk.across && group < walk.groups && column < columns)
        sums[(slice * walk.groups + group) * columns + column + j] = total;
    }
  }
}

template <class Row, class C, class T = typename Row::T>
__global__ void __launch_bounds__(kStageThreads<Row>, Row::kTeam > 0 && sizeof(T) < 8 ? 2 : 1)
    row_normed_backward_kernel(RowNormedGradients<T> p, RowChain<C, T> chain, DownTheBatch walk,
                               ColumnTotals<C, T>* sums) {
  constexpr int W = Row::kWidth, kPacks = Row::kPacks, kTeam = Row::kTeam;
  using V = Compute<T>;
  using A = ChainNumber<C, T>;
  using Totals = ColumnTotals<C, T>;
  const RowTeam<kTeam> team;
  const int down = team.kTeams / walk.across;
  const int64_t tile = blockIdx.x % walk.tiles, slice = blockIdx.x / walk.tiles;
  const int64_t group = tile * walk.across + team.team % walk.across;
  const bool in_groups = group < walk.groups;
  const auto column = [&](int k) { return (team.lane + k * team.lanes) * W; };
  const auto has = [&](int k) { return in_groups && column(k) < p.columns; };

  V weight[kPacks][W];
  RowOperands<C, T, W> operands[kPacks];
  Totals totals[kPacks][W] = {};
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    if (!has(k)) continue;
    p.weight.load_whole(group * p.columns + column(k), weight[k]);
    operands[k].load(chain, group * p.columns + column(k));
  }
  // All of a block's teams take as many steps, since they wait for each other.
  for (int64_t first = slice * down; first < walk.batch; first += walk.slices * down) {
    const int64_t n = first + team.team / walk.across, index = n * walk.groups + group;
    const bool live = in_groups && n < walk.batch;
    WordPack<T, W> z_packs[kPacks];
    V xhat[kPacks][W], g[kPacks][W];
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      if (!live || !has(k)) continue;
      z_packs[k] = load_words<W>(p.z + index * p.columns + column(k), p.aligned);
      p.grad_y.load(index * p.columns + column(k), p.aligned, g[k]);
    }
    const V mean = live ? p.mean[index] : V(0), rstd = live ? p.rstd[index] : V(0);
    GradientPair<V> pair{V(0), V(0)};
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      if (!live || !has(k)) continue;
      V z[W];
      unpack(z_packs[k], z);
#pragma unroll
      for (int j = 0; j < W; ++j) {
        A c[ChainOperands<C, T>::kSlots];
        operands[k].of(j, c);
        xhat[k][j] = (V(chain.chain.forward(A(z[j]), c)) - mean) * rstd;
        totals[k][j].at[0] += g[k][j] * xhat[k][j];
        totals[k][j].at[1] += g[k][j];
        g[k][j] *= weight[k][j];
        pair = AddPairs()(pair, {g[k][j] * xhat[k][j], g[k][j]});
      }
    }
    pair = team_reduce<kTeam>(pair, AddPairs());
    const GradientPair<V> means{pair.along * p.share, p.centered ? pair.level * p.share : V(0)};
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      if (!live || !has(k)) continue;
      V z[W], out[W];
      unpack(z_packs[k], z);
#pragma unroll
      for (int j = 0; j < W; ++j) {
        A c[ChainOperands<C, T>::kSlots], grad_c[ChainOperands<C, T>::kSlots];
        operands[k].of(j, c);
        const V grad = normalised_grad(g[k][j], xhat[k][j], rstd, means);
        out[j] = V(chain.chain.backward(A(grad), A(z[j]), c, grad_c));
        totals[k][j].at[2] += out[j];
#pragma unroll
        for (int i = 0; i < C::num_channel_operands; ++i) totals[k][j].at[3 + i] += V(grad_c[i]);
      }
      store_words<W>(p.grad_z + index * p.columns + column(k), packed<T>(out), p.aligned);
    }
  }
  add_down<Row>(team, walk, p.columns, tile, slice, totals, sums);
}

/// The fold of the blocks' sums; gradients that are not wanted go nowhere.
template <class C, class T>
struct FinishTotals {
  using Acc = ColumnTotals<C, T>;
  static constexpr int kPack = 1, kSums = 3 + C::num_channel_operands;
  const Acc* sums;
  ParameterGradient<T> gradients[kSums];

  __device__ Acc identity() const { return Acc{}; }
  __device__ Acc operator()(const Acc& a, const Acc& b) const { return AddContributions()(a, b); }
  template <int W>
  __device__ void load(const Place& at, Acc (&terms)[W]) const {
    terms[0] = sums[at.flat];
  }
  __device__ void store(int64_t channel, const Acc& acc) const {
#pragma unroll
    for (int k = 0; k < kSums; ++k) gradients[k].store(channel, acc.at[k]);
  }
};

/// A norm's weight and bias, behind the chain's operands.
template <class C>
const Tensor& norm_parameter(const std::vector<Tensor>& operands, int which) {
  return operands[size_t(C::num_channel_operands + which)];
}
/// The chain's own.
template <class C>
std::vector<Tensor> chain_operands(const std::vector<Tensor>& operands) {
  return {operands.begin(), operands.begin() + C::num_channel_operands};
}

template <class T, class C>
bool row_normed_forward(const StageTensors& t, const Tensor& z, const stage::RowNormed<C>& tail,
                        const NormShape& shape) {
  using V = Compute<T>;
  const Tensor weight = on_border(norm_parameter<C>(t.operands, 0));
  const Tensor bias = on_border(norm_parameter<C>(t.operands, 1));
  const auto whole = RowChain<C, T>::whole(t.operands);
  const T* const from = z.data_ptr<T>();
  const MixedArray<T> to(t.y);
  const RowNormForward<V> norm{nullptr,
                               t.statistics[0].data_ptr<V>(),
                               t.statistics[1].data_ptr<V>(),
                               NormParameter<V>(weight, V(1)),
                               NormParameter<V>(bias, V(0)),
                               RowChannels(shape),
                               tail.centered,
                               V(tail.eps),
                               V(1) / V(shape.channels)};
  return with_stage_rows<T>(shape, [&]<class Row>(const LaunchShape& grid) {
    launch(row_normed_forward_kernel<Row, C>, grid, from, to, shape.rows(), int(shape.channels),
           all_aligned(from, to.data), RowChain<C, T>{tail.chain, ChainOperands<C, V>(whole)},
           norm);
  });
}

template <class T, class C>
bool row_normed_backward(const StageTensors& t, const Tensor& grad_z, const Tensor& z,
                         const Tensor& grad_bias, const stage::RowNormed<C>& tail,
                         const NormShape& shape) {
  using V = Compute<T>;
  const Tensor weight = on_border(norm_parameter<C>(t.operands, 0));
  const auto whole = RowChain<C, T>::whole(t.operands);
  RowNormedGradients<T> p{grad_z.data_ptr<T>(),
                          MixedArray<T>(t.grad_y),
                          z.data_ptr<T>(),
                          t.statistics[0].data_ptr<V>(),
                          t.statistics[1].data_ptr<V>(),
                          NormParameter<V>(weight, V(1)),
                          tail.centered,
                          false,
                          int(shape.channels),
                          V(1) / V(shape.channels)};
  p.aligned = all_aligned(p.grad_z, p.grad_y.data, p.z);
  return with_stage_rows<T>(shape, [&]<class Row>(const LaunchShape& grid) {
    const DownTheBatch walk(shape, RowTeam<Row::kTeam>::kTeams);
    const int64_t all = shape.all_channels();
    const Tensor sums = empty({walk.slices * all * int64_t(sizeof(ColumnTotals<C, T>))},
                              t.grad_y.options().dtype(kByte));
    auto* const totals = static_cast<ColumnTotals<C, T>*>(sums.data_ptr());
    launch(row_normed_backward_kernel<Row, C>,
           one_block_each(walk.tiles * walk.slices, grid.block.x), p,
           RowChain<C, T>{tail.chain, ChainOperands<C, V>(whole)}, walk, totals);
    FinishTotals<C, T> fold{totals, {}};
    fold.gradients[0] = ParameterGradient<T>(norm_parameter<C>(t.grad_operands, 0));
    fold.gradients[1] = ParameterGradient<T>(norm_parameter<C>(t.grad_operands, 1));
    fold.gradients[2] = ParameterGradient<T>(grad_bias);
    for (size_t k = 0; k < size_t(C::num_channel_operands); ++k)
      fold.gradients[3 + k] = ParameterGradient<T>(t.grad_operands[k]);
    fold_columns(fold, 1, walk.slices, all, z.device());
  });
}

/// chain(z) in memory, of y's dtype.
template <class C>
Tensor chain_values(const Tensor& z, ScalarType type, const std::vector<Tensor>& operands,
                    const stage::RowNormed<C>& tail) {
  constexpr bool kPlain = std::is_same_v<C, functors::Chain<>>;
  if (kPlain && z.dtype() == type) return z;
  const Tensor x = empty(z.sizes(), z.options().dtype(type));
  if constexpr (kPlain)
    copy(x, z);
  else
    chain_forward(x.unsqueeze(2), z.unsqueeze(2), chain_operands<C>(operands), tail.chain);
  return x;
}

template <class C>
void tail_forward(const StageTensors& t, const Tensor& z, const stage::RowNormed<C>& tail) {
  const NormShape shape = tail.shape(z);
  if constexpr (!std::is_same_v<C, functors::Chain<>>) {
    const bool done = dispatch_floating(
        z.dtype(), "stage", [&]<class T>() { return row_normed_forward<T>(t, z, tail, shape); });
    if (done) return;
  }
  row_norm_forward(t.y, t.statistics[0], t.statistics[1],
                   chain_values(z, t.y.dtype(), t.operands, tail), norm_parameter<C>(t.operands, 0),
                   norm_parameter<C>(t.operands, 1), shape, tail.centered, tail.eps);
}

template <class C>
bool tail_backward(const StageTensors& t, const Tensor& grad_z, const Tensor& z,
                   const Tensor& grad_bias, const stage::RowNormed<C>& tail) {
  const NormShape shape = tail.shape(z);
  const ScalarType type = t.grad_y.dtype();
  const auto norm_backward = [&](const Tensor& grad_x) {
    row_norm_backward(grad_x, norm_parameter<C>(t.grad_operands, 0),
                      norm_parameter<C>(t.grad_operands, 1), t.grad_y,
                      chain_values(z, type, t.operands, tail), t.statistics[0], t.statistics[1],
                      norm_parameter<C>(t.operands, 0), shape, tail.centered);
  };
  if constexpr (std::is_same_v<C, functors::Chain<>>) {
    converted(grad_z, type, norm_backward);
    return false;
  } else {
    const bool done = dispatch_floating(z.dtype(), "stage backward", [&]<class T>() {
      return row_normed_backward<T>(t, grad_z, z, grad_bias, tail, shape);
    });
    if (done) return true;
    const Tensor grad_x = empty(z.sizes(), t.grad_y.options());
    norm_backward(grad_x);
    chain_backward_summed(grad_z.unsqueeze(2), grad_bias, chain_operands<C>(t.grad_operands),
                          grad_x.unsqueeze(2), z.unsqueeze(2), chain_operands<C>(t.operands),
                          tail.chain);
    return true;
  }
}

}  // namespace fg::cuda::stage_detail
