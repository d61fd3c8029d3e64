// Losses with kernels of their own, declared once for both devices: elementwise losses of a pair
// (input, target) with the reduction fused in, and the classification losses. Tensors are contiguous, and
// Float or Double. On CUDA x, t, y and their gradients may be 16-bit: the classification losses' rows, row
// weights, weights, statistics and grad_loss are then Float. For Mse on CUDA, x and t may also be two of Float and
// the 16-bit types: y and grad_y are then Float, grad_x and grad_t of x's and t's dtype. What a launcher throws for
// bad values is reported on CUDA (cuda/report.h).
#pragma once

#include "tensor/kernels/activation_ops.h"
#include "tensor/tensor.h"

namespace fg {

/// An elementwise loss; `parameter` is SmoothL1's beta or Huber's delta.
struct PairLoss {
  enum Kind : int8_t { Mse, L1, SmoothL1, Huber, Bce, BceWithLogits } kind;
  double parameter = 0;
};

namespace functors {

/// max(x, low) for numbers; for a Tensor lookup finds the public op.
template <class T>
requires std::is_arithmetic_v<T>
constexpr T clamp_min(T x, double low) { return x < T(low) ? T(low) : x; }

// Each has value(x, t) and the gradients times g. The gradients also run on Tensor (second order).
struct MseLoss {
  template <class T>
  constexpr T value(const T& x, const T& t) const {
    return (x - t) * (x - t);
  }
  template <class T>
  constexpr T grad_x(const T& g, const T& x, const T& t) const {
    return g * ((x - t) * lit<T>(2));
  }
  template <class T>
  constexpr T grad_t(const T& g, const T& x, const T& t) const {
    return g * ((t - x) * lit<T>(2));
  }
};
/// Losses of the difference alone: grad_t = -grad_x.
template <class Derived>
struct DifferenceLoss {
  template <class T>
  constexpr T grad_t(const T& g, const T& x, const T& t) const {
    return -static_cast<const Derived&>(*this).grad_x(g, x, t);
  }
};
struct L1Loss : DifferenceLoss<L1Loss> {
  template <class T>
  constexpr T value(const T& x, const T& t) const {
    return abs(x - t);
  }
  template <class T>
  constexpr T grad_x(const T& g, const T& x, const T& t) const {
    return choose(x > t, g, choose(x < t, -g, g * lit<T>(0)));
  }
};
struct SmoothL1Loss : DifferenceLoss<SmoothL1Loss> {
  double beta;
  explicit constexpr SmoothL1Loss(double value) : beta(value) {}
  template <class T>
  constexpr T value(const T& x, const T& t) const {
    const T d = abs(x - t);
    return choose(d < T(beta), d * d * T(0.5 / beta), d - T(0.5 * beta));
  }
  template <class T>
  constexpr T grad_x(const T& g, const T& x, const T& t) const {
    const T d = x - t;
    return choose(abs(d) < lit<T>(beta), g * (d * lit<T>(1 / beta)), L1Loss().grad_x(g, x, t));
  }
};
struct HuberLoss : DifferenceLoss<HuberLoss> {
  double delta;
  explicit constexpr HuberLoss(double value) : delta(value) {}
  template <class T>
  constexpr T value(const T& x, const T& t) const {
    const T d = abs(x - t);
    return choose(d <= T(delta), d * d * T(0.5), (d - T(0.5 * delta)) * T(delta));
  }
  template <class T>
  constexpr T grad_x(const T& g, const T& x, const T& t) const {
    const T d = x - t;
    return choose(abs(d) <= lit<T>(delta), g * d, L1Loss().grad_x(g, x, t) * lit<T>(delta));
  }
};
/// Logarithms are kept above -100 and the gradient's denominator above 1e-12, as in PyTorch.
struct BceLoss {
  template <class T>
  constexpr T value(const T& x, const T& t) const {
    return (t - T(1)) * clamp_min(log1p(-x), -100) - t * clamp_min(log(x), -100);
  }
  template <class T>
  constexpr T grad_x(const T& g, const T& x, const T& t) const {
    return g * ((x - t) / clamp_min((lit<T>(1) - x) * x, 1e-12));
  }
  template <class T>
  constexpr T grad_t(const T& g, const T& x, const T&) const {
    return g * (clamp_min(log1p(-x), -100) - clamp_min(log(x), -100));
  }
};
/// Sigmoid and Bce in one, without the sigmoid's rounding to 0 or 1.
struct BceWithLogitsLoss {
  template <class T>
  constexpr T value(const T& x, const T& t) const {
    return (T(1) - t) * x - LogSigmoid().forward(x);
  }
  template <class T>
  constexpr T grad_x(const T& g, const T& x, const T& t) const {
    return g * (sigmoid_from(x, exp_minus_abs(x)) - t);
  }
  template <class T>
  constexpr T grad_t(const T& g, const T& x, const T&) const {
    return -g * x;
  }
};

/// Calls body(functor) for the loss that `loss` names.
template <class Body>
decltype(auto) dispatch_pair_loss(const PairLoss& loss, Body&& body) {
  switch (loss.kind) {
    case PairLoss::L1:
      return body(L1Loss());
    case PairLoss::SmoothL1:
      return body(SmoothL1Loss(loss.parameter));
    case PairLoss::Huber:
      return body(HuberLoss(loss.parameter));
    case PairLoss::Bce:
      return body(BceLoss());
    case PairLoss::BceWithLogits:
      return body(BceWithLogitsLoss());
    case PairLoss::Mse:
      break;
  }
  return body(MseLoss());
}

}  // namespace functors

/// y = loss(x, t) per element. Throws for Bce where x is outside [0, 1]; so do the others.
using PairLossForwardKernel = void(const Tensor& y, const Tensor& x, const Tensor& t,
                                   PairLoss loss);
/// y (one element) = scale * sum of loss(x, t); grad_x, unless undefined, is y's gradient by x.
using PairLossSumKernel = void(const Tensor& y, const Tensor& grad_x, const Tensor& x,
                               const Tensor& t, PairLoss loss, double scale);
/// Gradients times scale, those that are defined; grad_y has x's elements, or one for all of them.
using PairLossBackwardKernel = void(const Tensor& grad_x, const Tensor& grad_t,
                                    const Tensor& grad_y, const Tensor& x, const Tensor& t,
                                    PairLoss loss, double scale);

/// loss[i] = -weight[target[i]] * x[i, target[i]] and row_weight[i] = weight[target[i]], x being
/// [rows, classes]; both 0 where target[i] = ignore_index. Throws IndexError on other targets outside
/// [0, classes). `weight` may be undefined.
using NllForwardKernel = void(const Tensor& loss, const Tensor& row_weight, const Tensor& x,
                              const Tensor& target, const Tensor& weight, int64_t ignore_index);
/// grad_x = 0 except grad_x[i, target[i]] = -grad_loss[i] * row_weight[i].
using NllBackwardKernel = void(const Tensor& grad_x, const Tensor& grad_loss,
                               const Tensor& row_weight, const Tensor& target,
                               int64_t ignore_index);
/// loss[i] = -log softmax(x[i])[target[i]], and per row the maximum and the logarithm of the sum of
/// exp(x - maximum): statistics is [rows, 2]. Either may be undefined. y, if defined, is one element of x's type:
/// the sum of the losses; if `total` (one element of the compute type) is defined, it becomes the number of rows
/// that count, and y the mean over these. Ignored rows and errors as in NllForwardKernel.
using CrossEntropyForwardKernel = void(const Tensor& y, const Tensor& total, const Tensor& loss,
                                       const Tensor& statistics, const Tensor& x,
                                       const Tensor& target, int64_t ignore_index);
/// grad_x = (softmax(x) - onehot(target)) * grad_loss[i], divided by `total` if that is defined; 0 in ignored
/// rows. grad_loss is of x's type, of each row or one for all.
using CrossEntropyBackwardKernel = void(const Tensor& grad_x, const Tensor& grad_loss,
                                        const Tensor& x, const Tensor& target,
                                        const Tensor& statistics, const Tensor& total,
                                        int64_t ignore_index);

namespace cpu {
PairLossForwardKernel pair_loss_forward;
PairLossSumKernel pair_loss_sum;
PairLossBackwardKernel pair_loss_backward;
NllForwardKernel nll_forward;
NllBackwardKernel nll_backward;
CrossEntropyForwardKernel cross_entropy_forward;
CrossEntropyBackwardKernel cross_entropy_backward;
}  // namespace cpu
namespace cuda {
PairLossForwardKernel pair_loss_forward;
PairLossSumKernel pair_loss_sum;
PairLossBackwardKernel pair_loss_backward;
NllForwardKernel nll_forward;
NllBackwardKernel nll_backward;
CrossEntropyForwardKernel cross_entropy_forward;
CrossEntropyBackwardKernel cross_entropy_backward;
}  // namespace cuda

}  // namespace fg
