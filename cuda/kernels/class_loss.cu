// nll_loss and cross_entropy on rows of class scores.
//
// cross_entropy forward reads x once: a fold (fold.cuh) of each row into its maximum and its sum of exponentials,
// whatever its length, which also sums the losses per block; a second launch adds those up. Backward reads x and
// writes grad_x in one launch, 4 or 32 lanes or a block per row. nll_loss touches one element per row forward and
// writes grad_x backward. Losses, statistics and row weights are of the compute type, x and grad_x of any
// floating type. A target outside of [0, classes) that is not ignore_index is reported, and its row ignored.
#include "cuda/kernels/exp_sum.cuh"
#include "cuda/kernels/fold.cuh"
#include "cuda/kernels/word_packs.cuh"
#include "cuda/report.cuh"
#include "tensor/kernels/loss.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;

/// The rows' targets.
struct Targets {
  const int64_t* target;
  int64_t classes, ignore_index;
  Reporter reporter;

  /// The row's class, or -1 for a row that does not count.
  __device__ int64_t of(int64_t row) const {
    const int64_t t = target[row];
    if (t == ignore_index) return -1;
    if (t >= 0 && t < classes) return t;
    reporter.out_of_range(t, 0, classes);
    return -1;
  }
  /// The same without complaint, and without a branch that would wait for the target.
  __device__ int64_t checked(int64_t row) const {
    const int64_t t = target[row];
    return t != ignore_index && t >= 0 && t < classes ? t : -1;
  }
};

/// The losses of some rows, and how many of these count.
template <class C>
struct LossSum {
  C loss;
  int64_t count;
  __device__ LossSum operator+(const LossSum& other) const {
    return {loss + other.loss, count + other.count};
  }
};

template <class T>
struct CrossEntropyFold {
  using C = Compute<T>;
  using Acc = ExpSum<C>;
  using Tally = LossSum<C>;
  static constexpr int kPack = kFullPack<T>;
  const T* x;
  C* loss;        // may be null
  C* statistics;  // may be null
  Tally* sums;
  int64_t most_tallies;
  Targets targets;
  bool aligned;

  __device__ Acc identity() const { return Acc::none(); }
  __device__ Acc operator()(Acc a, Acc b) const { return JoinExpSums()(a, b); }
  template <int W>
  __device__ WordPack<T, W> fetch(const Place& at) const {
    return load_words<W>(x + at.flat, aligned);
  }
  template <int W>
  __device__ void terms(const Place&, const WordPack<T, W>& pack, Acc (&terms)[W]) const {
    C values[W];
    unpack(pack, values);
#pragma unroll
    for (int j = 0; j < W; ++j) terms[j] = Acc::of(values[j]);
  }
  template <int W>
  __device__ void take(Acc& acc, const Place&, const WordPack<T, W>& pack) const {
    C values[W];
    unpack(pack, values);
    acc.add(values);
  }
  __device__ Tally store(int64_t row, Acc acc) const {
    const C log_sum = acc.log_sum();
    const int64_t t = targets.of(row);
    const C value = t < 0 ? C(0) : log_sum - (C(x[row * targets.classes + t]) - acc.top);
    if (statistics) statistics[2 * row] = acc.top, statistics[2 * row + 1] = log_sum;
    if (loss) loss[row] = value;
    return {value, t >= 0};
  }
  __device__ void tally(int64_t number, Tally tally) const { sums[number] = tally; }
};

/// One block. y = the losses' sum, divided by the count if `total` takes it.
template <class T>
__global__ void __launch_bounds__(1024)
    loss_sum_kernel(T* y, Compute<T>* total, const LossSum<Compute<T>>* sums, int64_t count) {
  LossSum<Compute<T>> sum{};
  for (int64_t i = threadIdx.x; i < count; i += 1024) sum = sum + sums[i];
  sum = block_reduce<1024>(sum);
  if (threadIdx.x != 0) return;
  if (total) *total = Compute<T>(sum.count);
  *y = T(total ? sum.loss / *total : sum.loss);
}

/// What the rows of grad_x are made of.
template <class T>
struct CrossEntropyGradient {
  using C = Compute<T>;
  T* grad_x;
  const T* grad_loss;  // of each row, or one for all
  const T* x;
  const C* statistics;
  const C* total;  // divides the gradient; may be null
  Targets targets;
  bool one_gradient, aligned;

  template <int W>
  __device__ WordPack<T, W> fetch(const Place& at) const {
    return load_words<W>(x + at.flat, aligned);
  }
};

/// A team of lanes per row (kTeam; a block if 0).
template <int kTeam, class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_backward_kernel(CrossEntropyGradient<T> f, int64_t rows) {
  using C = Compute<T>;
  constexpr int W = kFullPack<T>, kLanes = kTeam > 0 ? kTeam : int(kThreads);
  const int64_t classes = f.targets.classes;
  const int lane = int(threadIdx.x) % kLanes;
  for (int64_t row = (int64_t(blockIdx.x) * kThreads + threadIdx.x) / kLanes; row < rows;
       row += int64_t(gridDim.x) * (kThreads / kLanes)) {
    const int64_t begin = row * classes, end = begin + classes;
    const int64_t first = (begin + W - 1) & -W, last = end & -W;
    const int64_t t = f.targets.checked(row), hit = begin + t;
    const C top = f.statistics[2 * row], log_sum = f.statistics[2 * row + 1];
    C g = C(f.grad_loss[f.one_gradient ? 0 : row]);
    if (f.total) g /= *f.total;
    const auto gradient = [&](C value) { return exp_for<T>(value - top - log_sum) * g; };
    const auto pack_place = [&](int p) { return Place{first + int64_t(p) * W, row, 0, 0, 1}; };
    fold_detail::for_each_pack<W, 4>(f, lane, kLanes, int((last - first) / W), pack_place,
                                     [&](const Place& at, const WordPack<T, W>& pack) {
                                       C result[W]{};
                                       if (t >= 0) {
                                         unpack(pack, result);
#pragma unroll
                                         for (int j = 0; j < W; ++j)
                                           result[j] = gradient(result[j]);
                                         if (hit >= at.flat && hit < at.flat + W)
#pragma unroll
                                           for (int j = 0; j < W; ++j)
                                             result[j] -= hit == at.flat + j ? g : C(0);
                                       }
                                       store_whole(f.grad_x + at.flat, packed<T, W>(result),
                                                   f.aligned);
                                     });
    if (W == 1 || ((begin | end) & (W - 1)) == 0) continue;
    fold_detail::for_each_end<W>(lane, kLanes, begin, end, [&](int64_t i) {
      const C share = t < 0 ? C(0) : gradient(C(f.x[i]));
      f.grad_x[i] = T(t >= 0 && i == hit ? share - g : share);
    });
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    nll_forward_kernel(Compute<T>* loss, Compute<T>* row_weight, const T* x,
                       const Compute<T>* weight, Targets targets, int64_t rows) {
  using C = Compute<T>;
  for (int64_t row = int64_t(blockIdx.x) * kThreads + threadIdx.x; row < rows;
       row += int64_t(gridDim.x) * kThreads) {
    const int64_t t = targets.of(row);
    const C w = t < 0 ? C(0) : weight ? weight[t] : C(1);
    row_weight[row] = w;
    loss[row] = t < 0 ? C(0) : -w * C(x[row * targets.classes + t]);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    nll_backward_kernel(T* grad_x, const Compute<T>* grad_loss, const Compute<T>* row_weight,
                        Targets targets, int64_t count) {
  using C = Compute<T>;
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    const int64_t row = i / targets.classes;
    const bool hit = targets.of(row) == i - row * targets.classes;
    grad_x[i] = hit ? T(-grad_loss[row] * row_weight[row]) : T(C(0));
  }
}

Targets targets_of(const Tensor& target, int64_t classes, int64_t ignore_index, const char* op) {
  return {target.data_ptr<int64_t>(), classes, ignore_index, Reporter(op, "target")};
}

}  // namespace

void nll_forward(const Tensor& loss, const Tensor& row_weight, const Tensor& x,
                 const Tensor& target, const Tensor& weight, int64_t ignore_index) {
  dispatch_floating(x.dtype(), "nll_loss", [&]<class T>() {
    using C = Compute<T>;
    launch(nll_forward_kernel<T>, one_thread_each(target.numel(), kThreads), loss.data_ptr<C>(),
           row_weight.data_ptr<C>(), x.data_ptr<T>(),
           weight.defined() ? weight.data_ptr<C>() : nullptr,
           targets_of(target, x.size(1), ignore_index, "nll_loss"), target.numel());
  });
}

void nll_backward(const Tensor& grad_x, const Tensor& grad_loss, const Tensor& row_weight,
                  const Tensor& target, int64_t ignore_index) {
  dispatch_floating(grad_x.dtype(), "nll_loss", [&]<class T>() {
    using C = Compute<T>;
    launch(nll_backward_kernel<T>, one_thread_each(grad_x.numel(), kThreads), grad_x.data_ptr<T>(),
           grad_loss.data_ptr<C>(), row_weight.data_ptr<C>(),
           targets_of(target, grad_x.size(1), ignore_index, "nll_loss"), grad_x.numel());
  });
}

void cross_entropy_forward(const Tensor& y, const Tensor& total, const Tensor& loss,
                           const Tensor& statistics, const Tensor& x, const Tensor& target,
                           int64_t ignore_index) {
  dispatch_floating(x.dtype(), "cross_entropy", [&]<class T>() {
    using C = Compute<T>;
    using Fold = CrossEntropyFold<T>;
    const auto data = [](const Tensor& t) { return t.defined() ? t.data_ptr<C>() : nullptr; };
    const T* xs = x.data_ptr<T>();
    constexpr int64_t kMaxTallies = 2112;  // blocks: 132 multiprocessors four times over
    const Tensor scratch = empty({kMaxTallies * int64_t(sizeof(typename Fold::Tally))},
                                 TensorOptions(kByte).device(x.device()));
    auto* const sums = static_cast<typename Fold::Tally*>(scratch.data_ptr());
    const Fold fold{xs,
                    data(loss),
                    data(statistics),
                    sums,
                    kMaxTallies,
                    targets_of(target, x.size(1), ignore_index, "cross_entropy"),
                    is_aligned(xs)};
    const int64_t count = fold_rows(fold, x.size(0), x.size(1), x.device());
    if (y.defined())
      launch(loss_sum_kernel<T>, one_block_each(1, 1024), y.data_ptr<T>(), data(total), sums,
             count);
  });
}

void cross_entropy_backward(const Tensor& grad_x, const Tensor& grad_loss, const Tensor& x,
                            const Tensor& target, const Tensor& statistics, const Tensor& total,
                            int64_t ignore_index) {
  const int64_t rows = x.size(0), classes = x.size(1);
  if (x.numel() == 0) return;
  dispatch_floating(x.dtype(), "cross_entropy", [&]<class T>() {
    using C = Compute<T>;
    const T* xs = x.data_ptr<T>();
    T* out = grad_x.data_ptr<T>();
    const CrossEntropyGradient<T> f{out,
                                    grad_loss.data_ptr<T>(),
                                    xs,
                                    statistics.data_ptr<C>(),
                                    total.defined() ? total.data_ptr<C>() : nullptr,
                                    targets_of(target, classes, ignore_index, "cross_entropy"),
                                    grad_loss.numel() == 1,
                                    all_aligned(xs, out)};
    const auto run = [&]<int kTeam>(std::integral_constant<int, kTeam>) {
      const int64_t teams = kTeam > 0 ? kThreads / kTeam : 1;
      launch(cross_entropy_backward_kernel<kTeam, T>,
             one_block_each((rows + teams - 1) / teams, kThreads), f, rows);
    };
    const int64_t packs = classes / kFullPack<T>;
    if (packs <= 16)
      run(std::integral_constant<int, 4>());
    else if (packs <= 512)
      run(std::integral_constant<int, kWarp>());
    else
      run(std::integral_constant<int, 0>());
  });
}

}  // namespace fg::cuda
