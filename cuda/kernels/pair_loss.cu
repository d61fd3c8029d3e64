// Elementwise losses of (x, t): as they are, summed, and their gradients.
//
// Forward reads x and t and writes y; the sum reads both once, by fold.cuh (two launches beyond some thousand
// elements), and writes x's gradient on the way if that is wanted; backward reads both and writes each wanted
// gradient, in one launch. One pack per operand and step, of 16 bytes for the wider type. 16-bit types compute in
// float, and the sum rounds once. binary_cross_entropy reports an x outside of [0, 1].
#include <algorithm>

#include "cuda/kernels/fold.cuh"
#include "cuda/report.cuh"
#include "tensor/kernels/loss.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;

/// Complains about what the logarithms of binary_cross_entropy cannot take; NaN is no probability.
template <class Loss, class C>
__device__ void check_probability(const Reporter& reporter, C x) {
  if constexpr (std::is_same_v<Loss, functors::BceLoss>)
    if (!(x >= 0 && x <= 1)) reporter.not_a_probability(double(x));
}

/// Of X and T, neither of which is double unless both are.
template <class X, class T>
using Promoted = std::conditional_t<std::is_same_v<X, T>, X, float>;

template <class X, class T, class Loss>
struct Pairs {
  static constexpr int kPack = std::min(kFullPack<X>, kFullPack<T>);
  using C = Compute<X>;
  using Y = Promoted<X, T>;

  const X* x;
  const T* t;
  bool aligned;
  Loss loss;
  Reporter reporter;

  template <int W>
  struct Loaded {
    Pack<X, W> x;
    Pack<T, W> t;
  };
  template <int W>
  __device__ Loaded<W> load(int64_t i) const {
    return {load_pack<W>(x + i, aligned), load_pack<W>(t + i, aligned)};
  }
  /// f(j, x, t) for W pairs.
  template <int W, class F>
  __device__ void for_each(const Loaded<W>& pairs, F f) const {
#pragma unroll
    for (int j = 0; j < W; ++j) {
      check_probability<Loss>(reporter, C(pairs.x.at[j]));
      f(j, C(pairs.x.at[j]), C(pairs.t.at[j]));
    }
  }
};

template <class In>
struct Values {
  static constexpr int kPack = In::kPack;
  using Y = typename In::Y;
  In in;
  Y* y;

  template <int W>
  __device__ void write(int64_t i) const {
    Pack<Y, W> out;
    in.for_each(in.template load<W>(i),
                [&](int j, auto x, auto t) { out.at[j] = Y(in.loss.value(x, t)); });
    store_pack(y + i, out, in.aligned);
  }
};

template <class X, class T, class In>
struct Gradients {
  using C = typename In::C;
  static constexpr int kPack = In::kPack;
  In in;
  X* grad_x;
  T* grad_t;
  const typename In::Y* grad_y;
  bool one_gradient;
  C scale;  // of the one gradient

  template <int W>
  __device__ void write(int64_t i) const {
    Pack<typename In::Y, W> gs{};
    Pack<X, W> by_x;
    Pack<T, W> by_t;
    C one{};
    if (one_gradient)
      one = C(*grad_y) * scale;
    else
      gs = load_pack<W>(grad_y + i, in.aligned);
    in.for_each(in.template load<W>(i), [&](int j, C x, C t) {
      const C g = one_gradient ? one : C(gs.at[j]);
      if (grad_x) by_x.at[j] = X(in.loss.grad_x(g, x, t));
      if (grad_t) by_t.at[j] = T(in.loss.grad_t(g, x, t));
    });
    if (grad_x) store_pack(grad_x + i, by_x, in.aligned);
    if (grad_t) store_pack(grad_t + i, by_t, in.aligned);
  }
};

template <class E>
__global__ void __launch_bounds__(kThreads) pair_elements_kernel(E e, int64_t count) {
  constexpr int W = E::kPack;
  const int64_t thread = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t threads = int64_t(gridDim.x) * kThreads;
  for (int64_t p = thread; p < count / W; p += threads) e.template write<W>(p * W);
  for (int64_t i = count / W * W + thread; i < count; i += threads) e.template write<1>(i);
}

template <class E>
void run_elements(const E& e, int64_t count) {
  launch(pair_elements_kernel<E>, one_thread_each((count + E::kPack - 1) / E::kPack, kThreads), e,
         count);
}

template <class X, class In>
struct SumFold {
  using Acc = typename In::C;
  static constexpr int kPack = In::kPack;
  In in;
  bool aligned;
  typename In::Y* y;
  X* grad_x;
  double scale;

  __device__ Acc identity() const { return Acc(0); }
  __device__ Acc operator()(Acc a, Acc b) const { return a + b; }
  template <int W>
  __device__ auto fetch(const Place& at) const {
    return in.template load<W>(at.flat);
  }
  template <int W, class Loaded>
  __device__ void terms(const Place& at, const Loaded& pairs, Acc (&terms)[W]) const {
    Pack<X, W> by_x;
    in.for_each(pairs, [&](int j, Acc x, Acc t) {
      terms[j] = in.loss.value(x, t);
      if (grad_x) by_x.at[j] = X(in.loss.grad_x(Acc(scale), x, t));
    });
    if (grad_x) store_pack(grad_x + at.flat, by_x, aligned);
  }
  __device__ void store(int64_t, Acc sum) const { *y = typename In::Y(Acc(double(sum) * scale)); }
};

/// The sum of partial sums: one for all losses.
template <class Y>
struct TotalFold {
  using Acc = Compute<Y>;
  static constexpr int kPack = 1;
  const Acc* partial;
  Y* y;
  double scale;

  __device__ Acc identity() const { return Acc(0); }
  __device__ Acc operator()(Acc a, Acc b) const { return a + b; }
  template <int W>
  __device__ Acc fetch(const Place& at) const {
    return partial[at.flat];
  }
  template <int W>
  __device__ void terms(const Place&, const Acc& fetched, Acc (&terms)[W]) const {
    terms[0] = fetched;
  }
  __device__ void store(int64_t, Acc sum) const { *y = Y(Acc(double(sum) * scale)); }
};

/// Pieces of a sum. Blocks that have one batch of loads each move through memory side by side: with 4096 blocks that
/// walk longer pieces, the sum with its gradient took 1.3 times as long over 236 M pairs.
constexpr int64_t kMostPieces = 1 << 15;

/// fold_rows of one row, by fewer kernels: there are many losses and types, and each kernel costs its compilation.
template <class X, class In>
void fold_all(const SumFold<X, In>& f, int64_t count, Device device) {
  using namespace fold_detail;
  using Fold = SumFold<X, In>;
  const int64_t batch = int64_t(kFoldThreads) * kBatch<Fold> * Fold::kPack;
  const int64_t wanted = std::clamp<int64_t>(ceil_div(count, batch), 1, kMostPieces);
  const int64_t piece = std::max<int64_t>(1, ceil_div(ceil_div(count, wanted), batch)) * batch;
  const int64_t pieces = std::max<int64_t>(1, ceil_div(count, piece));
  const Tensor partial = pieces > 1 ? partial_results<Fold>(pieces, 1, device) : Tensor();
  auto* const sums = partial.defined() ? accumulators<Fold>(partial) : nullptr;
  launch(fold_rows_kernel<0, Fold>, one_block_each(pieces, kFoldThreads), f, sums, 1, count, pieces,
         piece);
  if (pieces == 1) return;
  const TotalFold<typename In::Y> total{sums, f.y, f.scale};
  launch(fold_rows_kernel<0, TotalFold<typename In::Y>>, one_block_each(1, kFoldThreads), total,
         decltype(sums)(nullptr), 1, pieces, 1, pieces);
}

/// body(X(), T(), Pairs) for the tensors' types and the loss; `aligned`: whether the other operands are.
template <class Body>
void dispatch(const Tensor& x, const Tensor& t, PairLoss loss, bool aligned, Body body) {
  const auto run = [&]<class X, class T, class Loss>(X, T, const Loss& functor) {
    const X* const xs = x.data_ptr<X>();
    const T* const ts = t.data_ptr<T>();
    body(X(), T(),
         Pairs<X, T, Loss>{xs, ts, aligned && all_aligned(xs, ts), functor,
                           Reporter("binary_cross_entropy", "input")});
  };
  dispatch_floating(x.dtype(), "loss", [&]<class X>() {
    if (x.dtype() == t.dtype())
      return functors::dispatch_pair_loss(loss,
                                          [&](const auto& functor) { run(X(), X(), functor); });
    dispatch_floating(t.dtype(), "loss", [&]<class T>() {
      if constexpr (!std::is_same_v<X, T> && sizeof(X) < 8 && sizeof(T) < 8)
        run(X(), T(), functors::MseLoss());
    });
  });
}

bool starts_aligned(const Tensor& t) { return !t.defined() || is_aligned(t.data_ptr()); }

template <class T>
T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data_ptr<T>() : nullptr;
}

}  // namespace

void pair_loss_forward(const Tensor& y, const Tensor& x, const Tensor& t, PairLoss loss) {
  dispatch(x, t, loss, starts_aligned(y), [&]<class In>(auto, auto, const In& in) {
    run_elements(Values<In>{in, y.data_ptr<typename In::Y>()}, x.numel());
  });
}

void pair_loss_sum(const Tensor& y, const Tensor& grad_x, const Tensor& x, const Tensor& t,
                   PairLoss loss, double scale) {
  dispatch(x, t, loss, starts_aligned(grad_x), [&]<class X, class In>(X, auto, const In& in) {
    const SumFold<X, In> fold{in, in.aligned, y.data_ptr<typename In::Y>(), data_or_null<X>(grad_x),
                              scale};
    fold_all(fold, x.numel(), x.device());
  });
}

void pair_loss_backward(const Tensor& grad_x, const Tensor& grad_t, const Tensor& grad_y,
                        const Tensor& x, const Tensor& t, PairLoss loss, double scale) {
  const bool one = grad_y.numel() == 1;
  const bool aligned =
      starts_aligned(grad_x) && starts_aligned(grad_t) && (one || starts_aligned(grad_y));
  dispatch(x, t, loss, aligned, [&]<class X, class T, class In>(X, T, const In& in) {
    using C = typename In::C;
    run_elements(Gradients<X, T, In>{in, data_or_null<X>(grad_x), data_or_null<T>(grad_t),
                                     grad_y.data_ptr<typename In::Y>(), one, C(scale)},
                 x.numel());
  });
}

}  // namespace fg::cuda
