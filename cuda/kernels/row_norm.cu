// layer_norm, group_norm, instance_norm and rms_norm: one mean and variance per row of [batch, groups, channels,
// inner].
//
// Forward. Rows of up to 32,768 elements (16,384 of double, and where they are not moved in full packs) are held in
// registers by 4 lanes, a warp or a block: x is read once. Of many longer ones a block takes every so-manieth and keeps
// up to 222 KiB of it in shared memory; what is beyond is read twice. Threads sum distances from the mean of their first
// elements, which become those from the row's mean. Few long rows are cut into pieces by fold.cuh, moments in one pass,
// and an elementwise pass follows.
// Backward. The same, with 12,288 elements (6,144 of double, 24,576 of 16-bit types) held. The parameters' gradients
// come out of the same pass for layer_norm (up to 8,192 columns) and for group_norm (inner a multiple of the pack, held
// rows): sums per team of threads, or per row and channel, and a fold of those in fixed order. For other shapes a fold
// reads grad_y and x once more. No atomics; the order depends on the shape alone.
// Statistics are of the compute type; parameters and their gradients of either type.
#include "cuda/kernels/row_norm_backward.cuh"
#include "cuda/kernels/row_norm_forward.cuh"

namespace fg::cuda {
namespace {

constexpr int kSummedElements = 8;  // of a row per thread, where it has their weights and sums too
constexpr int64_t kResident =
    132 * 1024;  // threads that share the rows then: half of what fits; speed only
constexpr int64_t kRowsForBlocks = 64;  // as many long rows keep a GPU busy with a block each
constexpr int64_t kRowsPerTeam = 8;     // at least, so that the partial sums stay few

/// Whether the rows are long but too few for a block each.
template <class T, int N>
bool is_for_pieces(const Rows<T, N>& rows) {
  return rows.rows < kRowsForBlocks && !with_held_rows(rows, [&]<class Row>(const LaunchShape&) {});
}

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
  Rows<T, 2> rows;
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
    if (shape.inner != 1 || shape.groups != 1) return false;
    const auto body = [&]<class Row>(LaunchShape grid) {
      const int64_t lanes = Row::kTeam > 0 ? Row::kTeam : grid.block.x;
      const int64_t wanted =
          std::min((rows.rows + kRowsPerTeam - 1) / kRowsPerTeam, kResident / lanes);
      const int64_t per_block = grid.block.x / lanes;
      const int64_t blocks = (wanted + per_block - 1) / per_block;
      grid.grid.x = unsigned(blocks);
      const Tensor sums = scratch_pairs<C>(blocks * per_block * rows.columns, mean);
      launch(row_norm_backward_kernel<Row, ColumnSums<Row>>, grid, rows, p, pairs<C>(sums));
      finish(sums, blocks * per_block);
    };
    return with_row_width(rows, [&]<int W>() {
      return with_held_packs<T, 2, W, kSummedElements, kSummedElements>(rows.rows, rows.columns,
                                                                        body);
    });
  }

  bool channels_in_one_pass() const {
    constexpr int W = kFullPack<T>;
    if (shape.inner == 1 || shape.inner % W != 0) return false;
    using Row = HeldRow<T, 2, W, 0, held_elements<T, 2, W>(true) / W>;
    const int64_t packs = rows.columns / W, threads = (packs + Row::kPacks - 1) / Row::kPacks;
    if (threads > kRowThreads) return false;
    const Tensor sums = scratch_pairs<C>(rows.rows * shape.channels, mean);
    launch(row_norm_backward_kernel<Row, ChannelSums<Row>>,
           one_block_each(rows.rows, unsigned((threads + kWarp - 1) / kWarp * kWarp),
                          size_t(packs) * sizeof(GradientPair<C>)),
           rows, p, pairs<C>(sums));
    finish(sums, shape.batch);
    return true;
  }

  void by_rows() const {
    if (!is_for_pieces<T, 2>(rows))
      return with_rows(rows, [&]<class Row>(const Rows<T, 2>& on_chip, const LaunchShape& grid) {
        launch(row_norm_backward_kernel<Row, NoParameterSums<Row>>, grid, on_chip, p, nullptr);
      });
    const auto of = by_row<T>(mean, rstd, shape);
    const Tensor scratch = scratch_pairs<C>(rows.rows, mean);
    const RowMeans<T> fold{{rows.arrays[0], rows.arrays[1], p.weight, of, rows.aligned},
                           pairs<C>(scratch),
                           C(rows.columns),
                           p.centered};
    fold_rows(fold, rows.rows, rows.columns, mean.device());
    run_norm_elements(NormBackwardElements<T>{p.grad_x, rows.arrays[0], rows.arrays[1], p.weight,
                                              of, pairs<C>(scratch), rows.aligned},
                      rows.rows * rows.columns);
  }

  void parameters() const {
    const ParameterGradientFold<T> fold{
        {rows.arrays[0], rows.arrays[1], NormParameter<T>(Tensor(), C(1)),
         by_row<T>(mean, rstd, shape), rows.aligned},
        ParameterGradient<T>(grad_weight),
        ParameterGradient<T>(grad_bias)};
    fold_channels(fold, shape.batch, shape.all_channels(), shape.inner, mean.device());
  }

  void run() {
    if (p.grad_x && wants_parameters() && rows.rows > 0 &&
        (columns_in_one_pass() || channels_in_one_pass()))
      return;
    if (p.grad_x && rows.rows * rows.columns > 0) by_rows();
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
    const Rows<T, 1> rows{{xs},
                          shape.rows(),
                          shape.row_size(),
                          all_aligned(xs, ys),
                          RowChannels::is_for_packs<kFullPack<T>>(shape)};
    const Tensor whole_weight = on_border(weight), whole_bias = on_border(bias);
    const RowNormForward<T> p{ys,
                              mean.data_ptr<C>(),
                              rstd.data_ptr<C>(),
                              NormParameter<T>(whole_weight, C(1)),
                              NormParameter<T>(whole_bias, C(0)),
                              RowChannels(shape),
                              centered,
                              C(eps),
                              C(1) / C(shape.row_size())};
    if (!is_for_pieces<T, 1>(rows))
      return with_rows(rows, [&]<class Row>(const Rows<T, 1>& on_chip, const LaunchShape& grid) {
        launch(row_norm_forward_kernel<Row>, grid, on_chip, p);
      });
    const RowStatistics<T> fold{{xs, rows.aligned, centered}, p.mean, p.rstd, p.eps};
    fold_rows(fold, rows.rows, rows.columns, x.device());
    run_norm_elements(NormForwardElements<T>{ys, xs, p.weight, p.bias, by_row<T>(mean, rstd, shape),
                                             rows.aligned},
                      rows.rows * rows.columns);
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
    const Tensor whole_weight = on_border(weight);
    const RowNormBackward<T> p{out,
                               mean.data_ptr<C>(),
                               rstd.data_ptr<C>(),
                               NormParameter<T>(whole_weight, C(1)),
                               RowChannels(shape),
                               centered,
                               C(1) / C(shape.row_size())};
    const Rows<T, 2> rows{{gs, xs},
                          shape.rows(),
                          shape.row_size(),
                          all_aligned(out, gs, xs),
                          RowChannels::is_for_packs<kFullPack<T>>(shape)};
    Backward<T>{p, rows, shape, grad_weight, grad_bias, mean, rstd}.run();
  });
}

}  // namespace fg::cuda
