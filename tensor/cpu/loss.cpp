// Elementwise losses on the CPU; classification losses are in class_loss.cpp.
#include "tensor/cpu/simd_math.h"
// simd_math.h must come before any loop that calls math.
#include "tensor/cpu/sums.h"
#include "tensor/kernels/loss.h"

namespace fg::cpu {

namespace {

/// The logarithms of binary_cross_entropy want probabilities; NaN is none.
void check_probabilities(const Tensor& x) {
  dispatch_float_double(x.dtype(), "binary_cross_entropy", [&]<class T>() {
    const T* xs = x.data_ptr<T>();
    const T* bad = std::find_if(xs, xs + x.numel(), [](T p) { return !(p >= 0 && p <= 1); });
    ENSURE(bad == xs + x.numel(), "binary_cross_entropy: input must lie in [0, 1], got ", *bad,
           " at flat position ", bad - xs);
  });
}

/// body(functor, x, t, count) with typed pointers; refuses what the loss is not defined on.
template <class Body>
void dispatch(const Tensor& x, const Tensor& t, PairLoss loss, Body body) {
  if (loss.kind == PairLoss::Bce) check_probabilities(x);
  dispatch_float_double(x.dtype(), "loss", [&]<class T>() {
    functors::dispatch_pair_loss(
        loss, [&](auto functor) { body(functor, x.data_ptr<T>(), t.data_ptr<T>(), x.numel()); });
  });
}

}  // namespace

void pair_loss_forward(const Tensor& y, const Tensor& x, const Tensor& t, PairLoss loss) {
  dispatch(x, t, loss, [&]<class T>(auto functor, const T* xs, const T* ts, int64_t count) {
    T* out = y.data_ptr<T>();
    parallel_chunks(count, [&](int64_t, int64_t begin, int64_t end) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) out[i] = functor.value(xs[i], ts[i]);
    });
  });
}

void pair_loss_sum(const Tensor& y, const Tensor& grad_x, const Tensor& x, const Tensor& t,
                   PairLoss loss, double scale) {
  dispatch(x, t, loss, [&]<class T>(auto functor, const T* xs, const T* ts, int64_t count) {
    const auto sum = [&](auto terms) {
      const Sums total = parallel_sums<T>(count, terms);
      *y.data_ptr<T>() = T(total.first * scale);
    };
    if (!grad_x.defined())
      return sum([=](int64_t i) { return Terms<T>{functor.value(xs[i], ts[i])}; });
    sum([=, g = T(scale), grads = grad_x.data_ptr<T>()](int64_t i) {
      grads[i] = functor.grad_x(g, xs[i], ts[i]);
      return Terms<T>{functor.value(xs[i], ts[i])};
    });
  });
}

void pair_loss_backward(const Tensor& grad_x, const Tensor& grad_t, const Tensor& grad_y,
                        const Tensor& x, const Tensor& t, PairLoss loss, double scale) {
  dispatch(x, t, loss, [&]<class T>(auto functor, const T* xs, const T* ts, int64_t count) {
    const T* gs = grad_y.data_ptr<T>();
    const int64_t step = grad_y.numel() == 1 ? 0 : 1;
    const auto run = [&](const Tensor& grad, auto gradient) {
      if (!grad.defined()) return;
      T* out = grad.data_ptr<T>();
      parallel_chunks(count, [&](int64_t, int64_t begin, int64_t end) {
        if (step == 0) {
          const T g = T(double(gs[0]) * scale);
#pragma omp simd
          for (int64_t i = begin; i < end; ++i) out[i] = gradient(g, xs[i], ts[i]);
        } else {
#pragma omp simd
          for (int64_t i = begin; i < end; ++i) out[i] = gradient(gs[i], xs[i], ts[i]);
        }
      });
    };
    run(grad_x, [&](T g, T a, T b) { return functor.grad_x(g, a, b); });
    run(grad_t, [&](T g, T a, T b) { return functor.grad_t(g, a, b); });
  });
}

}  // namespace fg::cpu
