// layer_norm, group_norm and rms_norm on the CPU: rows in parallel, each with its own statistics.
#include "tensor/cpu/norm_parameters.h"
#include "tensor/cpu/row_norm.h"

namespace fg::cpu {

void row_norm_forward(const Tensor& y, const Tensor& mean, const Tensor& rstd, const Tensor& x,
                      const Tensor& weight, const Tensor& bias, const NormShape& shape,
                      bool centered, double eps) {
  dispatch_float_double(x.dtype(), "row_norm", [&]<class T>() {
    const Tensor scale = or_constant(weight, 1, shape.all_channels(), x.dtype());
    const Tensor offset = or_constant(bias, 0, shape.all_channels(), x.dtype());
    const T *xs = x.data_ptr<T>(), *w = scale.data_ptr<T>(), *b = offset.data_ptr<T>();
    T *ys = y.data_ptr<T>(), *means = mean.data_ptr<T>(), *rstds = rstd.data_ptr<T>();
    parallel_for(0, shape.rows(), grain_for(shape.row_size()), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* x_row = xs + row * shape.row_size();
        T* y_row = ys + row * shape.row_size();
        const Sums statistics = row_statistics(x_row, shape.row_size(), centered, eps);
        const T m = means[row] = T(statistics.first), r = rstds[row] = T(statistics.second);
        const int64_t channel = row % shape.groups * shape.channels;
        const T *w_row = w + channel, *b_row = b + channel;
        for_each_in_channels(shape.channels, shape.inner, [&](int64_t c, int64_t i) {
          y_row[i] = (x_row[i] - m) * r * w_row[c] + b_row[c];
        });
      }
    });
  });
}

void row_norm_backward(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
                       const Tensor& grad_y, const Tensor& x, const Tensor& mean,
                       const Tensor& rstd, const Tensor& weight, const NormShape& shape,
                       bool centered) {
  dispatch_float_double(x.dtype(), "row_norm", [&]<class T>() {
    const T *xs = x.data_ptr<T>(), *gs = grad_y.data_ptr<T>();
    const T *means = mean.data_ptr<T>(), *rstds = rstd.data_ptr<T>();
    if (grad_x.defined()) {
      const Tensor scale = or_constant(weight, 1, shape.all_channels(), x.dtype());
      const T* w = scale.data_ptr<T>();
      T* out = grad_x.data_ptr<T>();
      parallel_for(0, shape.rows(), grain_for(shape.row_size()), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const int64_t start = row * shape.row_size();
          row_grad_x(out + start, gs + start, xs + start, means[row], rstds[row],
                     w + row % shape.groups * shape.channels, shape, centered);
        }
      });
    }
    if (!grad_weight.defined() && !grad_bias.defined()) return;
    const int64_t channels = shape.all_channels();
    std::vector<double> along(channels), level(channels);
    const auto sum_with = [&](auto row_of) {
      channel_sums<T>(shape.batch, channels, shape.inner, along.data(), level.data(),
                      [&](int64_t n, int64_t c, int64_t i) {
                        const int64_t row = row_of(n, c);
                        return Terms<T>{gs[i] * ((xs[i] - means[row]) * rstds[row]), gs[i]};
                      });
    };
    // Without groups the row does not depend on the channel, so that loops over channels vectorise.
    if (shape.groups == 1)
      sum_with([](int64_t n, int64_t) { return n; });
    else
      sum_with([&](int64_t n, int64_t c) { return n * shape.groups + c / shape.channels; });
    if (grad_weight.defined()) std::copy(along.begin(), along.end(), grad_weight.data_ptr<T>());
    if (grad_bias.defined()) std::copy(level.begin(), level.end(), grad_bias.data_ptr<T>());
  });
}

}  // namespace fg::cpu
