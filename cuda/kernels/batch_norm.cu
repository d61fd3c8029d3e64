// batch_norm over [batch, channels, inner]: one mean and variance per channel.
//
// Statistics read x once (fold.cuh: columns if inner is 1, which is also channels-last memory; else segments of
// `inner`, then over the batch). Forward reads x and writes y. Backward folds the two gradient sums of each channel
// (reads grad_y and x), then writes grad_x (reads them again). Statistics are of the compute type. Fixed order, no
// atomics.
#include "cuda/kernels/norm_elements.cuh"

namespace fg::cuda {
namespace {

template <class T>
struct BatchStatistics : MomentsFold<T> {
  using C = Compute<T>;
  C* mean;
  C* var;
  __device__ void store(int64_t channel, Moments<C> m) const {
    mean[channel] = m.mean;
    var[channel] = m.squares / m.count;
  }
};

/// Gradients of the parameters, and what NormBackwardElements wants of each channel.
template <class T>
struct BatchGradients : ParameterGradientFold<T> {
  using C = Compute<T>;
  NormParameter<T> scale;
  GradientPair<C>* means;  // may be null
  C count;
  __device__ void store(int64_t channel, GradientPair<C> sums) const {
    ParameterGradientFold<T>::store(channel, sums);
    if (!means) return;
    const C factor = scale[channel] / count;
    means[channel] = {sums.along * factor, sums.level * factor};
  }
};

template <class T>
Normalised<T> by_channel(const Tensor& mean, const Tensor& rstd, const NormShape& shape) {
  using C = Compute<T>;
  return {mean.data_ptr<C>(), rstd.data_ptr<C>(), NormIndex(shape), true};
}

}  // namespace

void batch_norm_statistics(const Tensor& mean, const Tensor& var, const Tensor& x,
                           const NormShape& shape) {
  dispatch_floating(x.dtype(), "batch_norm", [&]<class T>() {
    using C = Compute<T>;
    const T* xs = x.data_ptr<T>();
    const BatchStatistics<T> fold{
        {xs, is_aligned(xs), true}, mean.data_ptr<C>(), var.data_ptr<C>()};
    fold_channels(fold, shape.batch, shape.channels, shape.inner, x.device());
  });
}

void batch_norm_forward(const Tensor& y, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                        const Tensor& weight, const Tensor& bias, const NormShape& shape) {
  dispatch_floating(x.dtype(), "batch_norm", [&]<class T>() {
    using C = Compute<T>;
    const T* xs = x.data_ptr<T>();
    T* ys = y.data_ptr<T>();
    run_norm_elements(
        NormForwardElements<T>{ys, xs, NormParameter<T>(weight, C(1)), NormParameter<T>(bias, C(0)),
                               by_channel<T>(mean, rstd, shape), all_aligned(xs, ys)},
        x.numel());
  });
}

void batch_norm_backward(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
                         const Tensor& grad_y, const Tensor& x, const Tensor& mean,
                         const Tensor& rstd, const Tensor& weight, const NormShape& shape,
                         bool training) {
  dispatch_floating(x.dtype(), "batch_norm", [&]<class T>() {
    using C = Compute<T>;
    const T *xs = x.data_ptr<T>(), *gs = grad_y.data_ptr<T>();
    const auto of = by_channel<T>(mean, rstd, shape);
    const NormParameter<T> one(Tensor(), C(1)), scale(weight, C(1));
    const bool with_means = training && grad_x.defined();
    Tensor scratch;
    GradientPair<C>* means = nullptr;
    if (with_means) {
      scratch = empty({shape.channels, 2}, mean.options());
      means = static_cast<GradientPair<C>*>(scratch.data_ptr());
    }
    if (with_means || grad_weight.defined() || grad_bias.defined()) {
      const BatchGradients<T> fold{{{gs, xs, one, of, all_aligned(gs, xs)},
                                    ParameterGradient<T>(grad_weight),
                                    ParameterGradient<T>(grad_bias)},
                                   scale,
                                   means,
                                   C(shape.batch * shape.inner)};
      fold_channels(fold, shape.batch, shape.channels, shape.inner, x.device());
    }
    if (!grad_x.defined()) return;
    T* out = grad_x.data_ptr<T>();
    run_norm_elements(
        NormBackwardElements<T>{out, gs, xs, scale, of, means, all_aligned(out, gs, xs)},
        x.numel());
  });
}

}  // namespace fg::cuda
