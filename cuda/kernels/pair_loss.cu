// Elementwise losses of (x, t): as they are, summed, and their gradients.
//
// Forward reads x and t and writes y; the sum reads both once, by fold.cuh (two launches beyond some thousand
// elements); backward reads both and writes each wanted gradient, in one launch. One pack of 16 bytes per operand
// and step. 16-bit types compute in float, and the sum rounds once. binary_cross_entropy reports an x outside of
// [0, 1].
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

template <class T, class Loss>
struct Pairs {
  const T* x;
  const T* t;
  bool aligned;
  Loss loss;
  Reporter reporter;

  /// f(j, x, t) for the W pairs at i.
  template <int W, class F>
  __device__ void for_each(int64_t i, F f) const {
    using C = Compute<T>;
    const Pack<T, W> xs = load_pack<W>(x + i, aligned), ts = load_pack<W>(t + i, aligned);
#pragma unroll
    for (int j = 0; j < W; ++j) {
      check_probability<Loss>(reporter, C(xs.at[j]));
      f(j, C(xs.at[j]), C(ts.at[j]));
    }
  }
};

template <class T, class Loss>
struct Values {
  static constexpr int kPack = kFullPack<T>;
  Pairs<T, Loss> in;
  T* y;

  template <int W>
  __device__ void write(int64_t i) const {
    Pack<T, W> out;
    in.template for_each<W>(i, [&](int j, auto x, auto t) { out.at[j] = T(in.loss.value(x, t)); });
    store_pack(y + i, out, in.aligned);
  }
};

template <class T, class Loss>
struct Gradients {
  using C = Compute<T>;
  static constexpr int kPack = kFullPack<T>;
  Pairs<T, Loss> in;
  T* grad_x;
  T* grad_t;
  const T* grad_y;
  bool one_gradient;
  C scale;  // of the one gradient

  template <int W>
  __device__ void write(int64_t i) const {
    Pack<T, W> gs{}, by_x, by_t;
    C one{};
    if (one_gradient)
      one = C(*grad_y) * scale;
    else
      gs = load_pack<W>(grad_y + i, in.aligned);
    in.template for_each<W>(i, [&](int j, C x, C t) {
      const C g = one_gradient ? one : C(gs.at[j]);
      if (grad_x) by_x.at[j] = T(in.loss.grad_x(g, x, t));
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

template <class T, class Loss>
struct SumFold {
  using Acc = Compute<T>;
  static constexpr int kPack = kFullPack<T>;
  Pairs<T, Loss> in;
  T* y;
  double scale;

  __device__ Acc identity() const { return Acc(0); }
  __device__ Acc operator()(Acc a, Acc b) const { return a + b; }
  template <int W>
  __device__ void load(const Place& at, Acc (&terms)[W]) const {
    in.template for_each<W>(at.flat, [&](int j, Acc x, Acc t) { terms[j] = in.loss.value(x, t); });
  }
  __device__ void store(int64_t, Acc sum) const { *y = T(Acc(double(sum) * scale)); }
};

/// body(T(), Pairs) for the tensors' type and the loss; `others` are the remaining operands' memory.
template <class Body>
void dispatch(const Tensor& x, const Tensor& t, PairLoss loss, bool aligned, Body body) {
  dispatch_floating(x.dtype(), "loss", [&]<class T>() {
    functors::dispatch_pair_loss(loss, [&]<class Loss>(const Loss& functor) {
      const T *xs = x.data_ptr<T>(), *ts = t.data_ptr<T>();
      body(T(), Pairs<T, Loss>{xs, ts, aligned && all_aligned(xs, ts), functor,
                               Reporter("binary_cross_entropy", "input")});
    });
  });
}

bool starts_aligned(const Tensor& t) { return !t.defined() || is_aligned(t.data_ptr()); }

}  // namespace

void pair_loss_forward(const Tensor& y, const Tensor& x, const Tensor& t, PairLoss loss) {
  dispatch(x, t, loss, starts_aligned(y), [&]<class T, class Loss>(T, const Pairs<T, Loss>& in) {
    run_elements(Values<T, Loss>{in, y.data_ptr<T>()}, x.numel());
  });
}

void pair_loss_sum(const Tensor& y, const Tensor& x, const Tensor& t, PairLoss loss, double scale) {
  dispatch(x, t, loss, true, [&]<class T, class Loss>(T, const Pairs<T, Loss>& in) {
    fold_rows(SumFold<T, Loss>{in, y.data_ptr<T>(), scale}, 1, x.numel(), x.device());
  });
}

void pair_loss_backward(const Tensor& grad_x, const Tensor& grad_t, const Tensor& grad_y,
                        const Tensor& x, const Tensor& t, PairLoss loss, double scale) {
  const bool one = grad_y.numel() == 1;
  const bool aligned =
      starts_aligned(grad_x) && starts_aligned(grad_t) && (one || starts_aligned(grad_y));
  dispatch(x, t, loss, aligned, [&]<class T, class Loss>(T, const Pairs<T, Loss>& in) {
    const auto data = [](const Tensor& g) { return g.defined() ? g.data_ptr<T>() : nullptr; };
    run_elements(Gradients<T, Loss>{in, data(grad_x), data(grad_t), grad_y.data_ptr<T>(), one,
                                    Compute<T>(scale)},
                 x.numel());
  });
}

}  // namespace fg::cuda
