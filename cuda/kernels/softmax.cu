// softmax and log_softmax over the middle of [outer, extent, inner], and logsumexp over rows.
//
// Rows (inner = 1) of up to 32,768 elements (16,384 of double; half of that backward) are held in registers
// by 4 lanes, a warp or a block: each operand is read once and the result written once. Longer rows take a
// block each, which finds maximum and sum in one pass, keeps up to 222 KiB of the row in shared memory and reads
// the rest again, from L2. Columns (inner > 1): a block for 32 to 256 neighbours, which reads them twice, the
// second time mostly from cache. logsumexp reads once, by fold.cuh. 16-bit types compute in float. Sums have a
// fixed order; no atomics.
#include "cuda/kernels/cached_rows.cuh"
#include "cuda/kernels/exp_sum.cuh"
#include "cuda/kernels/fold.cuh"
#include "cuda/kernels/held_rows.cuh"
#include "tensor/kernels/softmax.h"

namespace fg::cuda {
namespace {

constexpr int kHeldBytes = 128;         // of a thread's registers, for one operand
constexpr int kHeldBytesBackward = 64;  // for each of two

struct Larger {
  template <class C>
  __device__ C operator()(C a, C b) const {
    return a > b ? a : b;
  }
};

template <class T, int kTeam, int kPacks>
__global__ void __launch_bounds__(kTeam > 0 ? kTeamThreads : 1024)
    softmax_forward_kernel(T* y, const T* x, int64_t rows, int64_t columns, bool log,
                           bool aligned) {
  using C = Compute<T>;
  const RowTeam<kTeam> team;
  for (int64_t first = int64_t(blockIdx.x) * team.kTeams; first < rows;
       first += int64_t(gridDim.x) * team.kTeams) {
    HeldRow<T, kTeam, kPacks> row(team, first + team.team, rows, columns);
    row.load(x, aligned, -functors::infinity<C>());
    C top = -functors::infinity<C>(), sum = 0;
    row.for_each([&](int k, int j) { top = Larger()(row.at[k][j], top); });
    top = team_reduce<kTeam>(top, Larger());
    row.for_each([&](int k, int j) {
      row.at[k][j] -= top;
      const C e = functors::exp(row.at[k][j]);
      sum += e;
      if (!log) row.at[k][j] = e;
    });
    sum = team_reduce<kTeam>(sum);
    const C scale = log ? functors::log(sum) : 1 / sum;
    if (log)
      row.store(y, aligned, [&](int k, int j) { return row.at[k][j] - scale; });
    else
      row.store(y, aligned, [&](int k, int j) { return row.at[k][j] * scale; });
  }
}

template <class C>
__device__ C term_of_sum(C g, C y, bool log) {
  return log ? g : g * y;
}
template <class C>
__device__ C gradient(C g, C y, C sum, bool log) {
  return log ? g - functors::exp(y) * sum : y * (g - sum);
}

template <class T, int kTeam, int kPacks>
__global__ void __launch_bounds__(kTeam > 0 ? kTeamThreads : 1024)
    softmax_backward_kernel(T* grad_x, const T* grad_y, const T* y, int64_t rows, int64_t columns,
                            bool log, bool aligned) {
  using C = Compute<T>;
  const RowTeam<kTeam> team;
  for (int64_t first = int64_t(blockIdx.x) * team.kTeams; first < rows;
       first += int64_t(gridDim.x) * team.kTeams) {
    HeldRow<T, kTeam, kPacks> g(team, first + team.team, rows, columns), out = g;
    g.load(grad_y, aligned, C(0));
    out.load(y, aligned, C(0));
    C sum = 0;
    g.for_each([&](int k, int j) { sum += term_of_sum(g.at[k][j], out.at[k][j], log); });
    sum = team_reduce<kTeam>(sum);
    out.store(grad_x, aligned,
              [&](int k, int j) { return gradient(g.at[k][j], out.at[k][j], sum, log); });
  }
}

// What the kernels below do in two passes: folds with one more function, which makes W results of the operands'
// packs and the total.

template <class T, int N>
struct TwoPasses {
  using Element = T;
  static constexpr int kOperands = N, kPack = kFullPack<T>;
  T* out;
  const T* operands[N];
  bool log, aligned;

  template <int W>
  __device__ void load_packs(int64_t i, Pack<T, W> (&packs)[N]) const {
#pragma unroll
    for (int n = 0; n < N; ++n) packs[n] = load_pack<W>(operands[n] + i, aligned);
  }
};

template <class T>
struct Forward : TwoPasses<T, 1> {
  using C = Compute<T>;
  using Acc = ExpSum<C>;

  __device__ Acc identity() const { return Acc::none(); }
  __device__ Acc operator()(Acc a, Acc b) const { return JoinExpSums()(a, b); }
  __device__ T fill() const { return T(-functors::infinity<C>()); }
  template <int W>
  __device__ void terms(const Pack<T, W> (&x)[1], Acc (&result)[W]) const {
#pragma unroll
    for (int j = 0; j < W; ++j) result[j] = Acc::of(C(x[0].at[j]));
  }
  template <int W>
  __device__ void load(const Place& at, Acc (&result)[W]) const {
    Pack<T, W> x[1];
    this->load_packs(at.flat, x);
    terms(x, result);
  }
  template <int W>
  __device__ Pack<T, W> results(const Pack<T, W> (&x)[1], Acc total) const {
    const C log_sum = total.log_sum();
    Pack<T, W> y;
#pragma unroll
    for (int j = 0; j < W; ++j) {
      const C value = C(x[0].at[j]) - total.top - log_sum;
      y.at[j] = T(this->log ? value : functors::exp(value));
    }
    return y;
  }
};

/// The operands are grad_y and y.
template <class T>
struct Backward : TwoPasses<T, 2> {
  using C = Compute<T>;
  using Acc = C;

  __device__ Acc identity() const { return C(0); }
  __device__ Acc operator()(Acc a, Acc b) const { return a + b; }
  __device__ T fill() const { return T(C(0)); }
  template <int W>
  __device__ void terms(const Pack<T, W> (&g)[2], Acc (&result)[W]) const {
#pragma unroll
    for (int j = 0; j < W; ++j) result[j] = term_of_sum(C(g[0].at[j]), C(g[1].at[j]), this->log);
  }
  template <int W>
  __device__ void load(const Place& at, Acc (&result)[W]) const {
    Pack<T, W> g[2];
    this->load_packs(at.flat, g);
    terms(g, result);
  }
  template <int W>
  __device__ Pack<T, W> results(const Pack<T, W> (&g)[2], Acc sum) const {
    Pack<T, W> out;
#pragma unroll
    for (int j = 0; j < W; ++j)
      out.at[j] = T(gradient(C(g[0].at[j]), C(g[1].at[j]), sum, this->log));
    return out;
  }
};

/// A block per row, which it reads once as far as shared memory keeps it.
template <class F>
__global__ void __launch_bounds__(1024)
    long_rows_kernel(F f, int64_t rows, int64_t columns, int64_t kept) {
  using T = typename F::Element;
  constexpr int W = F::kPack;
  for (int64_t index = blockIdx.x; index < rows; index += gridDim.x) {
    const CachedRow<T, F::kOperands> row(f.operands, index, columns, kept, f.aligned);
    typename F::Acc total = f.identity();
    row.template pass<true>(f.fill(), [&](int64_t, const auto& packs) {
      typename F::Acc terms[W];
      f.terms(packs, terms);
      fold_detail::combine_tree<W>(f, terms);
      total = f(total, terms[0]);
    });
    total = block_reduce_any(total, f);
    row.template pass<false>(f.fill(), [&](int64_t i, const auto& packs) {
      row.store(f.out, i, f.results(packs, total));
    });
  }
}

/// A block takes `width` neighbouring columns, `lanes` threads each; a tile of columns per step.
template <class F>
__global__ void __launch_bounds__(256)
    columns_kernel(F f, int64_t outer, int64_t extent, int64_t inner, int width) {
  using Acc = typename F::Acc;
  __shared__ Acc shared[256];
  const int lanes = 256 / width;
  const int lane = int(threadIdx.x) / width, at = int(threadIdx.x) % width;
  const int64_t tiles = (inner + width - 1) / width;
  for (int64_t unit = blockIdx.x; unit < outer * tiles; unit += gridDim.x) {
    const int64_t column = unit % tiles * width + at;
    const int64_t start = unit / tiles * extent * inner + column;
    const int64_t end = column < inner ? extent : 0;
    Acc acc = f.identity();
#pragma unroll 4
    for (int64_t k = lane; k < end; k += lanes) {
      Acc term[1];
      f.template load<1>(Place{start + k * inner, 0, 0, 0, 0}, term);
      acc = f(acc, term[0]);
    }
    __syncthreads();  // the last unit's results have been read
    shared[threadIdx.x] = acc;
    for (int half = lanes / 2; half > 0; half /= 2) {
      __syncthreads();
      if (lane < half)
        shared[threadIdx.x] = f(shared[threadIdx.x], shared[threadIdx.x + half * width]);
    }
    __syncthreads();
    const Acc total = shared[at];
#pragma unroll 4
    for (int64_t k = lane; k < end; k += lanes) {
      Pack<typename F::Element, 1> packs[F::kOperands];
      f.load_packs(start + k * inner, packs);
      f.out[start + k * inner] = f.results(packs, total).at[0];
    }
  }
}

/// The two-pass forms, for what does not fit into registers.
template <class F>
void run_two_passes(const F& f, const SoftmaxShape& shape) {
  if (shape.inner == 1) {
    int64_t kept = 0;
    const LaunchShape grid =
        cached_rows<typename F::Element, F::kOperands>(shape.outer, shape.extent, kept);
    return launch(long_rows_kernel<F>, grid, f, shape.outer, shape.extent, kept);
  }
  // Columns short enough for one thread each keep all threads on neighbouring addresses.
  const int width = shape.extent <= 64 && shape.inner >= 128 ? 256 : 32;
  const int64_t tiles = (shape.inner + width - 1) / width;
  launch(columns_kernel<F>, one_block_each(shape.outer * tiles, 256), f, shape.outer, shape.extent,
         shape.inner, width);
}

template <class T>
struct Logsumexp {
  using C = Compute<T>;
  using Acc = ExpSum<C>;
  static constexpr int kPack = kFullPack<T>;
  T* y;
  Forward<T> terms;

  __device__ Acc identity() const { return terms.identity(); }
  __device__ Acc operator()(Acc a, Acc b) const { return terms(a, b); }
  template <int W>
  __device__ void load(const Place& at, Acc (&result)[W]) const {
    terms.template load<W>(at, result);
  }
  /// An infinite maximum is the result, unless there is a NaN.
  __device__ void store(int64_t row, Acc acc) const {
    y[row] = T(functors::log(acc.sum) + acc.top);
  }
};

}  // namespace

void softmax_forward(const Tensor& y, const Tensor& x, const SoftmaxShape& shape, bool log) {
  if (x.numel() == 0) return;
  dispatch_floating(x.dtype(), "softmax", [&]<class T>() {
    const T* xs = x.data_ptr<T>();
    T* ys = y.data_ptr<T>();
    const bool aligned = all_aligned(xs, ys);
    const auto held = [&]<int kTeam, int kPacks>(const LaunchShape& grid) {
      launch(softmax_forward_kernel<T, kTeam, kPacks>, grid, ys, xs, shape.outer, shape.extent, log,
             aligned);
    };
    if (shape.inner == 1 && with_held_rows<T, kHeldBytes>(shape.outer, shape.extent, 1024, held))
      return;
    run_two_passes(Forward<T>{{ys, {xs}, log, aligned}}, shape);
  });
}

void softmax_backward(const Tensor& grad_x, const Tensor& grad_y, const Tensor& y,
                      const SoftmaxShape& shape, bool log) {
  if (y.numel() == 0) return;
  dispatch_floating(y.dtype(), "softmax", [&]<class T>() {
    const T *gs = grad_y.data_ptr<T>(), *ys = y.data_ptr<T>();
    T* out = grad_x.data_ptr<T>();
    const bool aligned = all_aligned(gs, ys, out);
    const auto held = [&]<int kTeam, int kPacks>(const LaunchShape& grid) {
      launch(softmax_backward_kernel<T, kTeam, kPacks>, grid, out, gs, ys, shape.outer,
             shape.extent, log, aligned);
    };
    if (shape.inner == 1 &&
        with_held_rows<T, kHeldBytesBackward>(shape.outer, shape.extent, 1024, held))
      return;
    run_two_passes(Backward<T>{{out, {gs, ys}, log, aligned}}, shape);
  });
}

void logsumexp_forward(const Tensor& y, const Tensor& x) {
  dispatch_floating(x.dtype(), "logsumexp", [&]<class T>() {
    const T* xs = x.data_ptr<T>();
    const Forward<T> terms{{nullptr, {xs}, false, is_aligned(xs)}};
    fold_rows(Logsumexp<T>{y.data_ptr<T>(), terms}, x.size(0), x.size(1), x.device());
  });
}

}  // namespace fg::cuda
