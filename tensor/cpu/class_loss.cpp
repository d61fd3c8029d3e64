// nll_loss and cross_entropy on the CPU, one row of class scores per sample.
#include <algorithm>
#include <cmath>

#include "tensor/cpu/row_softmax.h"
#include "tensor/factories.h"
#include "tensor/kernels/loss.h"
#include "tensor/kernels/reduce.h"

namespace fg::cpu {

namespace {

/// Checked before the parallel loops, which must not throw.
void check_targets(const Tensor& target, int64_t classes, int64_t ignore_index, const char* op) {
  const int64_t* t = target.data_ptr<int64_t>();
  for (int64_t i = 0; i < target.numel(); ++i) {
    if (t[i] == ignore_index || (t[i] >= 0 && t[i] < classes)) continue;
    detail::fail<IndexError>(str(op, ": target must lie in [0, ", classes,
                                 ") (classes) or be ignore_index ", ignore_index, ", got ", t[i],
                                 " at flat position ", i));
  }
}

}  // namespace

void nll_forward(const Tensor& loss, const Tensor& row_weight, const Tensor& x,
                 const Tensor& target, const Tensor& weight, int64_t ignore_index) {
  const int64_t classes = x.size(1);
  check_targets(target, classes, ignore_index, "nll_loss");
  dispatch_float_double(x.dtype(), "nll_loss", [&]<class T>() {
    const int64_t* t = target.data_ptr<int64_t>();
    const T* w = weight.defined() ? weight.data_ptr<T>() : nullptr;
    const T* xs = x.data_ptr<T>();
    T *losses = loss.data_ptr<T>(), *row_weights = row_weight.data_ptr<T>();
    for (int64_t i = 0; i < target.numel(); ++i) {
      const bool counts = t[i] != ignore_index;
      row_weights[i] = !counts ? T(0) : w ? w[t[i]] : T(1);
      losses[i] = counts ? -row_weights[i] * xs[i * classes + t[i]] : T(0);
    }
  });
}

void nll_backward(const Tensor& grad_x, const Tensor& grad_loss, const Tensor& row_weight,
                  const Tensor& target, int64_t ignore_index) {
  const int64_t classes = grad_x.size(1);
  dispatch_float_double(grad_x.dtype(), "nll_loss", [&]<class T>() {
    const int64_t* t = target.data_ptr<int64_t>();
    const T *gs = grad_loss.data_ptr<T>(), *row_weights = row_weight.data_ptr<T>();
    T* out = grad_x.data_ptr<T>();
    parallel_for(0, target.numel(), grain_for(classes), [&](int64_t begin, int64_t end) {
      std::fill(out + begin * classes, out + end * classes, T(0));
      for (int64_t i = begin; i < end; ++i)
        if (t[i] != ignore_index) out[i * classes + t[i]] = -gs[i] * row_weights[i];
    });
  });
}

void cross_entropy_forward(const Tensor& y, const Tensor& total, const Tensor& loss,
                           const Tensor& statistics, const Tensor& x, const Tensor& target,
                           int64_t ignore_index) {
  const int64_t rows = x.size(0), classes = x.size(1);
  const Tensor each = loss.defined() ? loss : empty({rows}, x.options());
  check_targets(target, classes, ignore_index, "cross_entropy");
  dispatch_float_double(x.dtype(), "cross_entropy", [&]<class T>() {
    const int64_t* t = target.data_ptr<int64_t>();
    const T* xs = x.data_ptr<T>();
    T *losses = each.data_ptr<T>(),
      *saved = statistics.defined() ? statistics.data_ptr<T>() : nullptr;
    parallel_for(0, rows, grain_for(classes), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* row = xs + i * classes;
        const T top = row_max(row, classes);
        const T log_sum = T(std::log(exp_sum(row, classes, top)));
        if (saved) saved[2 * i] = top, saved[2 * i + 1] = log_sum;
        losses[i] = t[i] == ignore_index ? T(0) : log_sum - (row[t[i]] - top);
      }
    });
    if (!y.defined()) return;
    reduce(y.view({1, 1}), each.view({1, rows, 1}), ReduceKind::sum);
    if (!total.defined()) return;
    *total.data_ptr<T>() = T(rows - std::count(t, t + rows, ignore_index));
    *y.data_ptr<T>() /= *total.data_ptr<T>();
  });
}

void cross_entropy_backward(const Tensor& grad_x, const Tensor& grad_loss, const Tensor& x,
                            const Tensor& target, const Tensor& statistics, const Tensor& total,
                            int64_t ignore_index) {
  const int64_t classes = x.size(1);
  dispatch_float_double(x.dtype(), "cross_entropy", [&]<class T>() {
    const int64_t* t = target.data_ptr<int64_t>();
    const T *xs = x.data_ptr<T>(), *gs = grad_loss.data_ptr<T>();
    const T* saved = statistics.data_ptr<T>();
    const bool one = grad_loss.numel() == 1;
    const T divisor = total.defined() ? *total.data_ptr<T>() : T(1);
    T* grads = grad_x.data_ptr<T>();
    parallel_for(0, target.numel(), grain_for(classes), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T* out = grads + i * classes;
        if (t[i] == ignore_index) {
          std::fill_n(out, classes, T(0));
          continue;
        }
        const T* row = xs + i * classes;
        const T g = gs[one ? 0 : i] / divisor, top = saved[2 * i], log_sum = saved[2 * i + 1];
#pragma omp simd
        for (int64_t c = 0; c < classes; ++c) out[c] = functors::exp(row[c] - top - log_sum) * g;
        out[t[i]] -= g;
      }
    });
  });
}

}  // namespace fg::cpu
