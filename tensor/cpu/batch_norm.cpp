// batch_norm on the CPU: one mean and variance per channel of [batch, channels, inner].
#include <cmath>

#include "tensor/cpu/norm_parameters.h"
#include "tensor/cpu/sums.h"
#include "tensor/kernels/norm.h"

namespace fg::cpu {

namespace {

/// out[i] = f(c, i) for the elements i of every channel c, samples in parallel.
template <class F>
void for_each_element(const NormShape& shape, F f) {
  const int64_t sample = shape.channels * shape.inner;
  parallel_for(0, shape.batch, grain_for(sample), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n)
      for_each_in_channels(shape.channels, shape.inner,
                           [&](int64_t c, int64_t i) { f(c, n * sample + i); });
  });
}

}  // namespace

void batch_norm_statistics(const Tensor& mean, const Tensor& var, const Tensor& x,
                           const NormShape& shape) {
  dispatch_float_double(x.dtype(), "batch_norm", [&]<class T>() {
    const T* xs = x.data_ptr<T>();
    T *means = mean.data_ptr<T>(), *vars = var.data_ptr<T>();
    const double count = double(shape.batch * shape.inner);
    std::vector<double> first(shape.channels), second(shape.channels);
    channel_sums<T>(shape.batch, shape.channels, shape.inner, first.data(), second.data(),
                    [&](int64_t, int64_t, int64_t i) { return Terms<T>{xs[i]}; });
    for (int64_t c = 0; c < shape.channels; ++c) means[c] = T(first[c] / count);
    channel_sums<T>(shape.batch, shape.channels, shape.inner, first.data(), second.data(),
                    [&](int64_t, int64_t c, int64_t i) {
                      const T d = xs[i] - means[c];
                      return Terms<T>{d * d, d};
                    });
    for (int64_t c = 0; c < shape.channels; ++c) {
      const double shift = second[c] / count;  // what rounding took from the mean
      vars[c] = T(first[c] / count - shift * shift);
    }
  });
}

void batch_norm_forward(const Tensor& y, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                        const Tensor& weight, const Tensor& bias, const NormShape& shape) {
  dispatch_float_double(x.dtype(), "batch_norm", [&]<class T>() {
    const T *xs = x.data_ptr<T>(), *m = mean.data_ptr<T>(), *r = rstd.data_ptr<T>();
    const Tensor scale = or_constant(weight, 1, shape.channels, x.dtype());
    const Tensor offset = or_constant(bias, 0, shape.channels, x.dtype());
    const T *w = scale.data_ptr<T>(), *b = offset.data_ptr<T>();
    T* ys = y.data_ptr<T>();
    for_each_element(shape,
                     [&](int64_t c, int64_t i) { ys[i] = (xs[i] - m[c]) * (r[c] * w[c]) + b[c]; });
  });
}

void batch_norm_backward(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
                         const Tensor& grad_y, const Tensor& x, const Tensor& mean,
                         const Tensor& rstd, const Tensor& weight, const NormShape& shape,
                         bool training) {
  dispatch_float_double(x.dtype(), "batch_norm", [&]<class T>() {
    const T *xs = x.data_ptr<T>(), *gs = grad_y.data_ptr<T>();
    const T *m = mean.data_ptr<T>(), *r = rstd.data_ptr<T>();
    const int64_t channels = shape.channels;
    std::vector<double> along(channels), level(channels);
    channel_sums<T>(shape.batch, channels, shape.inner, along.data(), level.data(),
                    [&](int64_t, int64_t c, int64_t i) {
                      return Terms<T>{gs[i] * ((xs[i] - m[c]) * r[c]), gs[i]};
                    });
    if (grad_weight.defined()) std::copy(along.begin(), along.end(), grad_weight.data_ptr<T>());
    if (grad_bias.defined()) std::copy(level.begin(), level.end(), grad_bias.data_ptr<T>());
    if (!grad_x.defined()) return;
    const Tensor scale = or_constant(weight, 1, channels, x.dtype());
    const T* w = scale.data_ptr<T>();
    // grad_x = rstd * weight * (g - mean(g) - xhat * mean(g * xhat)); constant statistics drop the means.
    const double count = double(shape.batch * shape.inner);
    std::vector<T> mean_along(channels), mean_level(channels);
    for (int64_t c = 0; training && c < channels; ++c)
      mean_along[c] = T(along[c] / count), mean_level[c] = T(level[c] / count);
    const T *ma = mean_along.data(), *ml = mean_level.data();
    T* out = grad_x.data_ptr<T>();
    for_each_element(shape, [&](int64_t c, int64_t i) {
      out[i] = (r[c] * w[c]) * (gs[i] - ml[c] - (xs[i] - m[c]) * r[c] * ma[c]);
    });
  });
}

}  // namespace fg::cpu
