// softmax, log_softmax and logsumexp on the CPU. Rows (inner = 1) run along the extent; otherwise strips
// of neighbouring columns run down it, so that the innermost loop is contiguous either way.
#include "tensor/kernels/softmax.h"

#include <cmath>

#include "tensor/cpu/row_softmax.h"

namespace fg::cpu {

namespace {

template <class T>
void row_forward(T* y, const T* x, int64_t extent, bool log) {
  const T top = row_max(x, extent);
  if (log) {
    const T log_sum = T(std::log(exp_sum(x, extent, top)));
#pragma omp simd
    for (int64_t i = 0; i < extent; ++i) y[i] = x[i] - top - log_sum;
    return;
  }
  const Sums sum = blocked_sums<T>(extent, [&](int64_t i) {
    const T e = functors::exp(x[i] - top);
    y[i] = e;
    return Terms<T>{e};
  });
  const T factor = T(1 / sum.first);
#pragma omp simd
  for (int64_t i = 0; i < extent; ++i) y[i] *= factor;
}

template <class T>
void row_backward(T* grad_x, const T* grad_y, const T* y, int64_t extent, bool log) {
  const T sum = T(blocked_sums<T>(extent,
                                  [&](int64_t i) {
                                    return Terms<T>{grad_y[i] * y[i], grad_y[i]};
                                  }).*
                  (log ? &Sums::second : &Sums::first));
  if (log) {
#pragma omp simd
    for (int64_t i = 0; i < extent; ++i) grad_x[i] = grad_y[i] - functors::exp(y[i]) * sum;
  } else {
#pragma omp simd
    for (int64_t i = 0; i < extent; ++i) grad_x[i] = y[i] * (grad_y[i] - sum);
  }
}

constexpr int64_t kStrip = 64;

/// Visits the elements of a strip: f(i, c) with the flat index and the column within the strip.
template <class F>
void for_each_in_strip(const SoftmaxShape& shape, int64_t width, F f) {
  for (int64_t j = 0; j < shape.extent; ++j) {
#pragma omp simd
    for (int64_t c = 0; c < width; ++c) f(j * shape.inner + c, c);
  }
}

template <class T>
void strip_forward(T* y, const T* x, const SoftmaxShape& shape, int64_t width, bool log) {
  T top[kStrip], offset[kStrip];
  double sum[kStrip] = {};
  std::fill_n(top, kStrip, -std::numeric_limits<T>::infinity());
  for_each_in_strip(shape, width,
                    [&](int64_t i, int64_t c) { top[c] = x[i] > top[c] ? x[i] : top[c]; });
  for_each_in_strip(shape, width, [&](int64_t i, int64_t c) {
    y[i] = functors::exp(x[i] - top[c]);
    sum[c] += double(y[i]);
  });
  for (int64_t c = 0; c < width; ++c) offset[c] = T(log ? std::log(sum[c]) : 1 / sum[c]);
  if (log) {
    for_each_in_strip(shape, width,
                      [&](int64_t i, int64_t c) { y[i] = x[i] - top[c] - offset[c]; });
  } else {
    for_each_in_strip(shape, width, [&](int64_t i, int64_t c) { y[i] *= offset[c]; });
  }
}

template <class T>
void strip_backward(T* grad_x, const T* grad_y, const T* y, const SoftmaxShape& shape,
                    int64_t width, bool log) {
  double sum[kStrip] = {};
  T level[kStrip];
  for_each_in_strip(shape, width, [&](int64_t i, int64_t c) {
    sum[c] += double(grad_y[i]) * (log ? 1.0 : double(y[i]));
  });
  for (int64_t c = 0; c < width; ++c) level[c] = T(sum[c]);
  if (log) {
    for_each_in_strip(shape, width, [&](int64_t i, int64_t c) {
      grad_x[i] = grad_y[i] - functors::exp(y[i]) * level[c];
    });
  } else {
    for_each_in_strip(shape, width,
                      [&](int64_t i, int64_t c) { grad_x[i] = y[i] * (grad_y[i] - level[c]); });
  }
}

/// Calls row(offset) for each row, or strip(offset, width) for each strip of columns.
template <class Row, class Strip>
void for_each_slice(const SoftmaxShape& shape, Row row, Strip strip) {
  const int64_t strips = shape.inner == 1 ? 1 : (shape.inner + kStrip - 1) / kStrip;
  const int64_t grain = grain_for(shape.extent * std::min(shape.inner, kStrip));
  parallel_for(0, shape.outer * strips, grain, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t column = item % strips * kStrip;
      const int64_t offset = item / strips * shape.extent * shape.inner + column;
      if (shape.inner == 1)
        row(offset);
      else
        strip(offset, std::min(kStrip, shape.inner - column));
    }
  });
}

}  // namespace

void softmax_forward(const Tensor& y, const Tensor& x, const SoftmaxShape& shape, bool log) {
  dispatch_float_double(x.dtype(), "softmax", [&]<class T>() {
    const T* xs = x.data_ptr<T>();
    T* ys = y.data_ptr<T>();
    for_each_slice(
        shape, [&](int64_t at) { row_forward(ys + at, xs + at, shape.extent, log); },
        [&](int64_t at, int64_t width) { strip_forward(ys + at, xs + at, shape, width, log); });
  });
}

void softmax_backward(const Tensor& grad_x, const Tensor& grad_y, const Tensor& y,
                      const SoftmaxShape& shape, bool log) {
  dispatch_float_double(y.dtype(), "softmax", [&]<class T>() {
    const T *gs = grad_y.data_ptr<T>(), *ys = y.data_ptr<T>();
    T* out = grad_x.data_ptr<T>();
    for_each_slice(
        shape, [&](int64_t at) { row_backward(out + at, gs + at, ys + at, shape.extent, log); },
        [&](int64_t at, int64_t width) {
          strip_backward(out + at, gs + at, ys + at, shape, width, log);
        });
  });
}

void logsumexp_forward(const Tensor& y, const Tensor& x) {
  dispatch_float_double(x.dtype(), "logsumexp", [&]<class T>() {
    const int64_t rows = x.size(0), extent = x.size(1);
    const T* xs = x.data_ptr<T>();
    T* ys = y.data_ptr<T>();
    parallel_for(0, rows, grain_for(extent), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        ys[row] = row_logsumexp(xs + row * extent, extent);
    });
  });
}

}  // namespace fg::cpu
