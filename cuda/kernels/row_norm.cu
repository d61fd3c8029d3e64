// layer_norm, group_norm, instance_norm and rms_norm: one mean and variance per row of [batch, groups, channels,
// inner].
//
// Forward. Rows of up to 32,768 elements (16,384 of double) are held in registers by 4 lanes, a warp or a block:
// x is read once, the variance is that about the mean. Longer rows take moments in one pass: many rows a block
// each, which keeps up to 222 KiB of its row in shared memory and reads the rest again, from L2; few rows are cut
// into pieces by fold.cuh, and an elementwise pass follows.
// Backward. Rows of up to 16,384 elements (8,192 of double): one pass that reads grad_y and x once and writes
// grad_x; longer ones as above. The parameters' gradients come out of the same
// pass for layer_norm (columns a multiple of the pack, at most 8,192; double 4,096) and for group_norm (inner a
// multiple of the pack, held rows): sums per team of threads, or per row and channel, and a fold of those in fixed
// order. For other shapes a fold reads grad_y and x once more. No atomics; the order depends on the shape alone.
// Statistics are of the compute type; parameters and their gradients of either type.
#include "cuda/kernels/row_norm.cuh"

namespace fg::cuda {
namespace {

constexpr int kForwardBytes = 128;  // of a thread's registers, for x
constexpr int kBackwardBytes = 64;  // for each of grad_y and x
constexpr int kColumnsBytes = 32;   // the same where there are sums as well
constexpr int64_t kResident =
    132 * 1024;  // threads that share the rows then: half of what fits; speed only
constexpr int64_t kRowsForBlocks = 64;  // as many long rows keep a GPU busy with a block each
constexpr int64_t kRowsPerTeam = 8;     // at least, so that the partial sums stay few

template <class T>
struct RowStatistics : MomentsFold<T> {
  using C = Compute<T>;
  C* mean;
  C* rstd;
  C eps;
  __device__ void store(int64_t row, Moments<C> m) const {
    mean[row] = m.mean;
    rstd[row] = C(1) / functors::sqrt(m.squares / m.count + eps);
  }
};

template <class T>
struct RowMeans : GradientFold<T> {
  using C = Compute<T>;
  GradientPair<C>* means;
  C count;
  bool centered;
  __device__ void store(int64_t row, GradientPair<C> sums) const {
    means[row] = {sums.along / count, centered ? sums.level / count : C(0)};
  }
};

/// The last fold of sums that a kernel has left behind.
template <class T>
struct ParameterSums {
  using Acc = GradientPair<Compute<T>>;
  static constexpr int kPack = 1;
  const Acc* sums;
  ParameterGradient<T> grad_weight, grad_bias;
  __device__ Acc identity() const { return {0, 0}; }
  __device__ Acc operator()(Acc a, Acc b) const { return AddPairs()(a, b); }
  template <int W>
  __device__ void load(const Place& at, Acc (&terms)[W]) const {
    terms[0] = sums[at.flat];
  }
  __device__ void store(int64_t channel, Acc acc) const {
    grad_weight.store(channel, acc.along);
    grad_bias.store(channel, acc.level);
  }
};

template <class T>
Normalised<T> by_row(const Tensor& mean, const Tensor& rstd, const NormShape& shape) {
  using C = Compute<T>;
  return {mean.data_ptr<C>(), rstd.data_ptr<C>(), NormIndex(shape), false};
}

template <class C>
Tensor scratch_pairs(int64_t count, const Tensor& like) {
  return empty({count, 2}, like.options());
}
template <class C>
GradientPair<C>* pairs(const Tensor& scratch) {
  return static_cast<GradientPair<C>*>(scratch.data_ptr());
}

/// One backward pass: the operands, and where the parameters' gradients go.
template <class T>
struct Backward {
  using C = Compute<T>;
  RowNormBackward<T> p;
  const NormShape& shape;
  const Tensor &grad_weight, &grad_bias, &mean, &rstd;

  bool wants_parameters() const { return grad_weight.defined() || grad_bias.defined(); }

  /// Folds [number, all channels] sums.
  void finish(const Tensor& sums, int64_t number) const {
    const ParameterSums<T> fold{pairs<C>(sums), ParameterGradient<T>(grad_weight),
                                ParameterGradient<T>(grad_bias)};
    fold_columns(fold, 1, number, shape.all_channels(), sums.device());
  }

  bool columns_in_one_pass() const {
    if (shape.inner != 1 || shape.groups != 1 || p.columns % kFullPack<T> != 0) return false;
    const auto body = [&]<int kTeam, int kPacks>(LaunchShape grid) {
      const int64_t lanes = kTeam > 0 ? kTeam : grid.block.x;
      const int64_t wanted =
          std::min((p.rows + kRowsPerTeam - 1) / kRowsPerTeam, kResident / lanes);
      const int64_t per_block = grid.block.x / lanes;
      const int64_t blocks = (wanted + per_block - 1) / per_block;
      grid.grid.x = unsigned(blocks);
      const Tensor sums = scratch_pairs<C>(blocks * per_block * p.columns, mean);
      launch(layer_norm_backward_kernel<T, kTeam, kPacks>, grid, p, pairs<C>(sums));
      finish(sums, blocks * per_block);
    };
    return with_held_rows<T, kColumnsBytes>(p.rows, p.columns, 1024, body);
  }

  bool channels_in_one_pass() {
    constexpr int kMany = packs_in<T>(kBackwardBytes);
    if (shape.inner == 1 || shape.inner % kFullPack<T> != 0) return false;
    const int64_t packs = p.columns / kFullPack<T>, threads = (packs + kMany - 1) / kMany;
    if (threads > 1024) return false;
    const Tensor sums = scratch_pairs<C>(p.rows * shape.channels, mean);
    p.channel_sums = pairs<C>(sums);
    launch(row_norm_backward_kernel<T, 0, kMany>,
           one_block_each(p.rows, unsigned((threads + kWarp - 1) / kWarp * kWarp),
                          size_t(packs) * sizeof(GradientPair<C>)),
           p);
    finish(sums, shape.batch);
    return true;
  }

  void rows() const {
    const auto held = [&]<int kTeam, int kPacks>(const LaunchShape& grid) {
      launch(row_norm_backward_kernel<T, kTeam, kPacks>, grid, p);
    };
    if (with_held_rows<T, kBackwardBytes>(p.rows, p.columns, 1024, held)) return;
    if (p.rows >= kRowsForBlocks) {
      int64_t kept = 0;
      const LaunchShape grid = cached_rows<T, 2>(p.rows, p.columns, kept);
      return launch(row_norm_cached_backward_kernel<T>, grid, p, kept);
    }
    const auto of = by_row<T>(mean, rstd, shape);
    const Tensor scratch = scratch_pairs<C>(p.rows, mean);
    const RowMeans<T> fold{
        {p.grad_y, p.x, p.weight, of, p.aligned}, pairs<C>(scratch), C(p.columns), p.centered};
    fold_rows(fold, p.rows, p.columns, mean.device());
    run_norm_elements(NormBackwardElements<T>{p.grad_x, p.grad_y, p.x, p.weight, of,
                                              pairs<C>(scratch), p.aligned},
                      p.rows * p.columns);
  }

  void parameters() const {
    const ParameterGradientFold<T> fold{
        {p.grad_y, p.x, NormParameter<T>(Tensor(), C(1)), by_row<T>(mean, rstd, shape), p.aligned},
        ParameterGradient<T>(grad_weight),
        ParameterGradient<T>(grad_bias)};
    fold_channels(fold, shape.batch, shape.all_channels(), shape.inner, mean.device());
  }

  void run() {
    if (p.grad_x && wants_parameters() && p.rows > 0 &&
        (columns_in_one_pass() || channels_in_one_pass()))
      return;
    if (p.grad_x && p.rows * p.columns > 0) rows();
    if (wants_parameters()) parameters();
  }
};

}  // namespace

void row_norm_forward(const Tensor& y, const Tensor& mean, const Tensor& rstd, const Tensor& x,
                      const Tensor& weight, const Tensor& bias, const NormShape& shape,
                      bool centered, double eps) {
  dispatch_floating(x.dtype(), "row_norm", [&]<class T>() {
    using C = Compute<T>;
    const T* xs = x.data_ptr<T>();
    T* ys = y.data_ptr<T>();
    const RowNormForward<T> p{ys,
                              mean.data_ptr<C>(),
                              rstd.data_ptr<C>(),
                              xs,
                              NormParameter<T>(weight, C(1)),
                              NormParameter<T>(bias, C(0)),
                              RowChannels(shape),
                              shape.rows(),
                              shape.row_size(),
                              centered,
                              all_aligned(xs, ys),
                              C(eps)};
    const auto held = [&]<int kTeam, int kPacks>(const LaunchShape& grid) {
      launch(row_norm_forward_kernel<T, kTeam, kPacks>, grid, p);
    };
    if (with_held_rows<T, kForwardBytes>(p.rows, p.columns, 1024, held)) return;
    if (p.rows >= kRowsForBlocks) {
      int64_t kept = 0;
      const LaunchShape grid = cached_rows<T, 1>(p.rows, p.columns, kept);
      return launch(row_norm_cached_forward_kernel<T>, grid, p, kept);
    }
    const RowStatistics<T> fold{{xs, p.aligned, centered}, p.mean, p.rstd, p.eps};
    fold_rows(fold, p.rows, p.columns, x.device());
    run_norm_elements(
        NormForwardElements<T>{ys, xs, p.weight, p.bias, by_row<T>(mean, rstd, shape), p.aligned},
        p.rows * p.columns);
  });
}

void row_norm_backward(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
                       const Tensor& grad_y, const Tensor& x, const Tensor& mean,
                       const Tensor& rstd, const Tensor& weight, const NormShape& shape,
                       bool centered) {
  dispatch_floating(x.dtype(), "row_norm", [&]<class T>() {
    using C = Compute<T>;
    const T *xs = x.data_ptr<T>(), *gs = grad_y.data_ptr<T>();
    T* const out = grad_x.defined() ? grad_x.data_ptr<T>() : nullptr;
    const RowNormBackward<T> p{out,
                               gs,
                               xs,
                               mean.data_ptr<C>(),
                               rstd.data_ptr<C>(),
                               NormParameter<T>(weight, C(1)),
                               RowChannels(shape),
                               shape.rows(),
                               shape.row_size(),
                               centered,
                               all_aligned(out, gs, xs),
                               nullptr};
    Backward<T>{p, shape, grad_weight, grad_bias, mean, rstd}.run();
  });
}

}  // namespace fg::cuda
