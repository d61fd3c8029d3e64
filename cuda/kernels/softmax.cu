// softmax and log_softmax over the middle of [outer, extent, inner], and logsumexp over rows.
//
// Rows (inner = 1) of up to 32,768 elements (16,384 of double, and where they are not moved in full packs; backward
// 12,288, of double 6,144, of 16-bit types 24,576) are held in registers by 4 lanes, a warp or a block: each operand is
// read once and the result written once. Longer rows take a block, which walks over them and keeps up to 222 KiB of each
// in shared memory; what is beyond is read twice. Columns (inner > 1): a block for 32 to 256 neighbours, which reads
// them twice, the second time mostly from cache. All of them pass twice over their elements: maximum and sum, then
// results. logsumexp reads once, by fold.cuh. 16-bit types compute in float. Sums have a fixed order; no atomics.
#include "cuda/kernels/cached_rows.cuh"
#include "cuda/kernels/logsumexp_fold.cuh"
#include "tensor/kernels/softmax.h"

namespace fg::cuda {
namespace {

// What is done to a row (held_rows.cuh) or column, of which the latter joins threads' sums by operator() and
// finished().
template <class Element, int N>
struct Softmax {
  using T = Element;
  static constexpr int kOperands = N;
  struct Context {};
  T* out;
  bool log;

  __device__ Context begin(int64_t, bool) const { return {}; }
  __device__ void end(int64_t) const {}
};

template <class Element>
struct Forward : Softmax<Element, 1> {
  using typename Softmax<Element, 1>::Context;
  using T = Element;
  using C = Compute<T>;
  using Acc = ExpSum<C>;

  /// y = exp(x - top) * scale, or x - top - log_sum.
  struct Total {
    C top, log_sum, scale;
  };

  __device__ Acc identity() const { return Acc::none(); }
  __device__ Acc operator()(Acc a, Acc b) const { return JoinExpSums()(a, b); }
  template <class Batch>
  __device__ Acc with(const Context&, Acc acc, const Batch& batch) const {
    constexpr int W = Batch::kWidth;
    C top = acc.top, sum = 0;
    batch.each([&](int, int64_t, const WordPack<T, W>(&packs)[1]) {
      C x[W];
      unpack(packs[0], x);
#pragma unroll
      for (int j = 0; j < W; ++j) top = Larger()(x[j], top);
    });
    // Where all are -inf, they add nothing: another thread may know a larger x.
    const C base = top == -functors::infinity<C>() ? C(0) : top;
    batch.each([&](int, int64_t, const WordPack<T, W>(&packs)[1]) {
      C x[W];
      unpack(packs[0], x);
#pragma unroll
      for (int j = 0; j < W; ++j) sum += exp_for<T>(x[j] - base);
    });
    return {top, acc.relative_to(top) + sum};
  }
  __device__ Total finished(Acc acc) const {
    const C log_sum = acc.log_sum();
    return {acc.top, log_sum, log_sum == log_sum ? 1 / acc.sum : log_sum};
  }
  template <int kTeam>
  __device__ Total total(const Context&, Acc acc, int64_t, bool) const {
    return finished(team_sum<kTeam>(acc));
  }
  template <int W>
  __device__ WordPack<T, W> results(const Context&, const Total& total, int, int64_t,
                                    const WordPack<T, W> (&packs)[1]) const {
    C x[W];
    unpack(packs[0], x);
    if (this->log) {
#pragma unroll
      for (int j = 0; j < W; ++j) x[j] = x[j] - total.top - total.log_sum;
    } else {
#pragma unroll
      for (int j = 0; j < W; ++j) x[j] = exp_for<T>(x[j] - total.top) * total.scale;
    }
    return packed<T>(x);
  }
};

/// The operands are grad_y and y.
template <class Element>
struct Backward : Softmax<Element, 2> {
  using typename Softmax<Element, 2>::Context;
  using T = Element;
  using C = Compute<T>;
  using Acc = C;
  using Total = C;

  __device__ Acc identity() const { return C(0); }
  __device__ Acc operator()(Acc a, Acc b) const { return a + b; }
  template <class Batch>
  __device__ Acc with(const Context&, Acc acc, const Batch& batch) const {
    constexpr int W = Batch::kWidth;
    C sum = 0;
    batch.each([&](int, int64_t, const WordPack<T, W>(&packs)[2]) {
      C g[W], y[W];
      unpack(packs[0], g);
      unpack(packs[1], y);
      if (this->log) {
#pragma unroll
        for (int j = 0; j < W; ++j) sum += g[j];
      } else {
#pragma unroll
        for (int j = 0; j < W; ++j) sum += g[j] * y[j];
      }
    });
    return acc + sum;
  }
  __device__ Total finished(Acc sum) const { return sum; }
  template <int kTeam>
  __device__ Total total(const Context&, Acc sum, int64_t, bool) const {
    return team_reduce<kTeam>(sum);
  }
  template <int W>
  __device__ WordPack<T, W> results(const Context&, const Total& sum, int, int64_t,
                                    const WordPack<T, W> (&packs)[2]) const {
    C g[W], y[W];
    unpack(packs[0], g);
    unpack(packs[1], y);
    if (this->log) {
#pragma unroll
      for (int j = 0; j < W; ++j) g[j] -= exp_for<T>(y[j]) * sum;
    } else {
#pragma unroll
      for (int j = 0; j < W; ++j) g[j] = y[j] * (g[j] - sum);
    }
    return packed<T>(g);
  }
};

template <class S, class Row>
__global__ void __launch_bounds__(Row::kThreads, Row::kBlocks)
    softmax_rows_kernel(S softmax, Rows<typename S::T, S::kOperands> rows) {
  Row::template run<false>(rows, RowTeam<Row::kTeam>(), softmax);
}

/// One column of [outer, extent, inner], for `lanes` threads.
template <class T, int N>
struct Column {
  static constexpr int kBatch = 8 / N;
  const T* const* arrays;
  int64_t start, extent, inner;
  int lane, lanes;

  __device__ int64_t place(int64_t k) const { return start + k * inner; }
  template <class F>
  __device__ void pass(F f) const {
    for (int64_t k = lane; k < extent; k += kBatch * lanes) {
      RowBatch<T, N, 1, kBatch> batch;
      batch.first = k;
      batch.lanes = lanes;
      batch.left = extent - k < kBatch * lanes ? int(extent - k) : kBatch * lanes;
#pragma unroll
      for (int u = 0; u < kBatch; ++u)
#pragma unroll
        for (int n = 0; n < N; ++n)
          if (batch.has(u)) batch.at[u][n].at[0] = arrays[n][place(batch.column(u))];
      f(batch);
    }
  }
};

/// A block takes `width` neighbouring columns, `lanes` threads each; a tile of columns per step.
template <class S>
__global__ void __launch_bounds__(256)
    softmax_columns_kernel(S softmax, Rows<typename S::T, S::kOperands> from, SoftmaxShape shape,
                           int width) {
  using Acc = typename S::Acc;
  __shared__ Acc shared[256];
  const int lanes = 256 / width;
  const int lane = int(threadIdx.x) / width, at = int(threadIdx.x) % width;
  const int64_t tiles = (shape.inner + width - 1) / width;
  for (int64_t unit = blockIdx.x; unit < shape.outer * tiles; unit += gridDim.x) {
    const int64_t index = unit % tiles * width + at;
    const Column<typename S::T, S::kOperands> column{
        from.arrays,
        unit / tiles * shape.extent * shape.inner + index,
        index < shape.inner ? shape.extent : 0,
        shape.inner,
        lane,
        lanes};
    Acc acc = softmax.identity();
    column.pass([&](const auto& batch) { acc = softmax.with({}, acc, batch); });
    __syncthreads();  // the last unit's results have been read
    shared[threadIdx.x] = acc;
    for (int half = lanes / 2; half > 0; half /= 2) {
      __syncthreads();
      if (lane < half)
        shared[threadIdx.x] = softmax(shared[threadIdx.x], shared[threadIdx.x + half * width]);
    }
    __syncthreads();
    const auto total = softmax.finished(shared[at]);
    column.pass([&](const auto& batch) {
      batch.each([&](int, int64_t k, const auto& packs) {
        softmax.out[column.place(k)] = softmax.results({}, total, 0, k, packs).at[0];
      });
    });
  }
}

template <class S>
void run(const S& softmax, const Rows<typename S::T, S::kOperands>& from,
         const SoftmaxShape& shape) {
  if (shape.inner == 1)
    return with_rows(from, [&]<class Row>(const auto& rows, const LaunchShape& grid) {
      launch(softmax_rows_kernel<S, Row>, grid, softmax, rows);
    });
  // Columns short enough for one thread each keep all threads on neighbouring addresses.
  const int width = shape.extent <= 64 && shape.inner >= 128 ? 256 : 32;
  const int64_t tiles = (shape.inner + width - 1) / width;
  launch(softmax_columns_kernel<S>, one_block_each(shape.outer * tiles, 256), softmax, from, shape,
         width);
}

template <class T>
struct Logsumexp : LogsumexpFold<T> {
  T* y;
  __device__ void store(int64_t row, ExpSum<Compute<T>> acc) const {
    y[row] = T(this->result(acc));
  }
};

}  // namespace

void softmax_forward(const Tensor& y, const Tensor& x, const SoftmaxShape& shape, bool log) {
  if (x.numel() == 0) return;
  dispatch_floating(x.dtype(), "softmax", [&]<class T>() {
    const T* xs = x.data_ptr<T>();
    T* ys = y.data_ptr<T>();
    run(Forward<T>{{ys, log}}, {{xs}, shape.outer, shape.extent, all_aligned(xs, ys)}, shape);
  });
}

void softmax_backward(const Tensor& grad_x, const Tensor& grad_y, const Tensor& y,
                      const SoftmaxShape& shape, bool log) {
  if (y.numel() == 0) return;
  dispatch_floating(y.dtype(), "softmax", [&]<class T>() {
    const T *gs = grad_y.data_ptr<T>(), *ys = y.data_ptr<T>();
    T* out = grad_x.data_ptr<T>();
    run(Backward<T>{{out, log}}, {{gs, ys}, shape.outer, shape.extent, all_aligned(gs, ys, out)},
        shape);
  });
}

void logsumexp_forward(const Tensor& y, const Tensor& x) {
  dispatch_floating(x.dtype(), "logsumexp", [&]<class T>() {
    const T* xs = x.data_ptr<T>();
    fold_rows(Logsumexp<T>{{xs, is_aligned(xs)}, y.data_ptr<T>()}, x.size(0), x.size(1),
              x.device());
  });
}

}  // namespace fg::cuda
