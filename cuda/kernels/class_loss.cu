// nll_loss and cross_entropy on rows of class scores.
//
// cross_entropy forward reads x once: a fold (fold.cuh) of each row into its maximum and its sum of exponentials,
// whatever its length. Backward reads x and writes grad_x. nll_loss touches one element per row forward and
// writes grad_x backward. Losses, statistics and row weights are of the compute type, x and grad_x of any
// floating type. A target outside of [0, classes) that is not ignore_index is reported, and its row ignored.
#include "cuda/kernels/exp_sum.cuh"
#include "cuda/kernels/fold.cuh"
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
};

template <class T>
struct CrossEntropyFold {
  using C = Compute<T>;
  using Acc = ExpSum<C>;
  static constexpr int kPack = kFullPack<T>;
  const T* x;
  C* loss;
  C* statistics;
  Targets targets;
  bool aligned;

  __device__ Acc identity() const { return Acc::none(); }
  __device__ Acc operator()(Acc a, Acc b) const { return JoinExpSums()(a, b); }
  template <int W>
  __device__ void load(const Place& at, Acc (&terms)[W]) const {
    const Pack<T, W> pack = load_pack<W>(x + at.flat, aligned);
#pragma unroll
    for (int j = 0; j < W; ++j) terms[j] = Acc::of(C(pack.at[j]));
  }
  __device__ void store(int64_t row, Acc acc) const {
    const C log_sum = acc.log_sum();
    statistics[2 * row] = acc.top;
    statistics[2 * row + 1] = log_sum;
    const int64_t t = targets.of(row);
    loss[row] = t < 0 ? C(0) : log_sum - (C(x[row * targets.classes + t]) - acc.top);
  }
};

/// A block per row, or per part of a row where there are few.
template <class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_backward_kernel(T* grad_x, const Compute<T>* grad_loss, const T* x,
                                  const Compute<T>* statistics, Targets targets, int64_t rows,
                                  int64_t parts, int64_t part, bool aligned) {
  using C = Compute<T>;
  constexpr int W = kFullPack<T>;
  const int64_t classes = targets.classes;
  for (int64_t unit = blockIdx.x; unit < rows * parts; unit += gridDim.x) {
    const int64_t row = unit / parts, start = row * classes;
    const int64_t begin = start + unit % parts * part;
    const int64_t end = begin + part < start + classes ? begin + part : start + classes;
    const int64_t t = targets.of(row);
    const C g = grad_loss[row], top = statistics[2 * row], log_sum = statistics[2 * row + 1];
    const auto gradient = [&](C value, int64_t i) {
      if (t < 0) return C(0);
      const C share = functors::exp(value - top - log_sum) * g;
      return i == start + t ? share - g : share;
    };
    for (int64_t i = (begin / W + threadIdx.x) * W; i < end; i += int64_t(kThreads) * W) {
      if (i >= begin && i + W <= end) {
        Pack<T, W> pack = load_pack<W>(x + i, aligned);
#pragma unroll
        for (int j = 0; j < W; ++j) pack.at[j] = T(gradient(C(pack.at[j]), i + j));
        store_pack(grad_x + i, pack, aligned);
      } else {
        for (int64_t e = i < begin ? begin : i; e < i + W && e < end; ++e)
          grad_x[e] = T(gradient(C(x[e]), e));
      }
    }
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

void cross_entropy_forward(const Tensor& loss, const Tensor& statistics, const Tensor& x,
                           const Tensor& target, int64_t ignore_index) {
  dispatch_floating(x.dtype(), "cross_entropy", [&]<class T>() {
    using C = Compute<T>;
    const T* xs = x.data_ptr<T>();
    const CrossEntropyFold<T> fold{xs, loss.data_ptr<C>(), statistics.data_ptr<C>(),
                                   targets_of(target, x.size(1), ignore_index, "cross_entropy"),
                                   is_aligned(xs)};
    fold_rows(fold, x.size(0), x.size(1), x.device());
  });
}

void cross_entropy_backward(const Tensor& grad_x, const Tensor& grad_loss, const Tensor& x,
                            const Tensor& target, const Tensor& statistics, int64_t ignore_index) {
  const int64_t rows = x.size(0), classes = x.size(1);
  if (x.numel() == 0) return;
  dispatch_floating(x.dtype(), "cross_entropy", [&]<class T>() {
    using C = Compute<T>;
    const T* xs = x.data_ptr<T>();
    T* out = grad_x.data_ptr<T>();
    // About four packs per thread, unless the rows are shorter.
    const int64_t part = 4 * int64_t(kThreads) * kFullPack<T>;
    const int64_t parts = (classes + part - 1) / part;
    launch(cross_entropy_backward_kernel<T>, one_block_each(rows * parts, kThreads), out,
           grad_loss.data_ptr<C>(), xs, statistics.data_ptr<C>(),
           targets_of(target, classes, ignore_index, "cross_entropy"), rows, parts, part,
           all_aligned(xs, out));
  });
}

}  // namespace fg::cuda
