// The optimizers' update rules: one functor each, on one element. The CPU's loop and a CUDA kernel
// run the same formula.
//
// A functor gets the parameter, its gradient and one reference per state tensor; which state
// tensors there are selects the overload. Hyper-parameters are doubles, rounded to T once per loop.
// The order of the operations is that of PyTorch's single-tensor implementation (torch/optim/*.py),
// so that results agree to rounding.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace fg {

namespace detail {
/// The gradient to descend along: negated to maximize, plus the L2 penalty's gradient.
template <class T>
constexpr T descent_direction(T grad, T param, bool maximize, double weight_decay) {
  if (maximize) grad = -grad;
  // A zero weight must not multiply an infinite parameter.
  if (weight_decay != 0) grad += T(weight_decay) * param;
  return grad;
}
}  // namespace detail

/// Stochastic gradient descent, with momentum when there is a buffer.
struct SgdUpdate {
  double lr;
  double weight_decay;
  double momentum;
  /// Factors of the buffer's old value and of the gradient: momentum and 1 - dampening, but 0 and 1
  /// on a parameter's first step.
  double buffer_decay;
  double grad_factor;
  bool nesterov;
  bool maximize;

  bool operator==(const SgdUpdate&) const = default;

  template <class T>
  constexpr void operator()(T& param, T grad) const {
    param -= T(lr) * detail::descent_direction(grad, param, maximize, weight_decay);
  }
  template <class T>
  constexpr void operator()(T& param, T grad, T& buffer) const {
    grad = detail::descent_direction(grad, param, maximize, weight_decay);
    buffer = buffer * T(buffer_decay) + T(grad_factor) * grad;
    param -= T(lr) * (nesterov ? grad + T(momentum) * buffer : buffer);
  }
};

/// Adam and AdamW (Kingma & Ba 2015; Loshchilov & Hutter 2019), with AMSGrad when there is a
/// maximum.
struct AdamUpdate {
  double weight_decay;  // of the L2 penalty
  double param_decay;   // 1 - lr * weight_decay for AdamW, else 1
  double beta1;
  double beta2;
  double eps;
  double step_size;              // lr / (1 - beta1^step)
  double bias_correction2_sqrt;  // sqrt(1 - beta2^step)
  bool maximize;

  bool operator==(const AdamUpdate&) const = default;

  template <class T>
  constexpr void operator()(T& param, T grad, T& exp_avg, T& exp_avg_sq) const {
    update_averages(param, grad, exp_avg, exp_avg_sq);
    move(param, exp_avg, exp_avg_sq);
  }
  template <class T>
  constexpr void operator()(T& param, T grad, T& exp_avg, T& exp_avg_sq, T& max_exp_avg_sq) const {
    update_averages(param, grad, exp_avg, exp_avg_sq);
    // In this order a NaN in the average gets into the maximum.
    max_exp_avg_sq = max_exp_avg_sq >= exp_avg_sq ? max_exp_avg_sq : exp_avg_sq;
    move(param, exp_avg, max_exp_avg_sq);
  }

 private:
  template <class T>
  constexpr void update_averages(T& param, T grad, T& exp_avg, T& exp_avg_sq) const {
    grad = detail::descent_direction(grad, param, maximize, weight_decay);
    param *= T(param_decay);
    exp_avg += T(1 - beta1) * (grad - exp_avg);
    exp_avg_sq = exp_avg_sq * T(beta2) + T(1 - beta2) * grad * grad;
  }
  template <class T>
  constexpr void move(T& param, T exp_avg, T second_moment) const {
    using std::sqrt;
    const T denominator = sqrt(second_moment) / T(bias_correction2_sqrt) + T(eps);
    param -= T(step_size) * exp_avg / denominator;
  }
};

/// RMSprop (Hinton, lecture 6e); kCentered divides by the standard deviation (Graves 2013).
template <bool kCentered>
struct RmspropUpdate {
  double lr;
  double alpha;
  double eps;
  double weight_decay;
  double momentum;
  bool maximize;

  bool operator==(const RmspropUpdate&) const = default;

  template <class T>
  requires(!kCentered) constexpr void operator()(T& param, T grad, T& square_avg) const {
    grad = update_average(grad, param, square_avg);
    param -= T(lr) * grad / denominator(square_avg);
  }
  template <class T>
  requires(!kCentered) constexpr void operator()(T& param, T grad, T& square_avg, T& buffer) const {
    grad = update_average(grad, param, square_avg);
    buffer = buffer * T(momentum) + grad / denominator(square_avg);
    param -= T(lr) * buffer;
  }
  template <class T>
  requires kCentered constexpr void operator()(T& param, T grad, T& square_avg, T& grad_avg) const {
    grad = update_average(grad, param, square_avg);
    grad_avg += T(1 - alpha) * (grad - grad_avg);
    param -= T(lr) * grad / denominator(square_avg - grad_avg * grad_avg);
  }
  template <class T>
  requires kCentered constexpr void operator()(T& param, T grad, T& square_avg, T& grad_avg,
                                               T& buffer) const {
    grad = update_average(grad, param, square_avg);
    grad_avg += T(1 - alpha) * (grad - grad_avg);
    buffer = buffer * T(momentum) + grad / denominator(square_avg - grad_avg * grad_avg);
    param -= T(lr) * buffer;
  }

 private:
  template <class T>
  constexpr T update_average(T grad, T param, T& square_avg) const {
    grad = detail::descent_direction(grad, param, maximize, weight_decay);
    square_avg = square_avg * T(alpha) + T(1 - alpha) * grad * grad;
    return grad;
  }
  template <class T>
  constexpr T denominator(T variance) const {
    using std::sqrt;
    return sqrt(variance) + T(eps);
  }
};

/// Adagrad (Duchi, Hazan & Singer 2011).
struct AdagradUpdate {
  double step_size;  // lr / (1 + (step - 1) * lr_decay)
  double weight_decay;
  double eps;
  bool maximize;

  bool operator==(const AdagradUpdate&) const = default;

  template <class T>
  constexpr void operator()(T& param, T grad, T& sum) const {
    using std::sqrt;
    grad = detail::descent_direction(grad, param, maximize, weight_decay);
    sum += grad * grad;
    param -= T(step_size) * grad / (sqrt(sum) + T(eps));
  }
};

/// Not an optimizer, but clipping's part in a step: scales the gradient, which is passed as the parameter.
struct ScaleUpdate {
  double factor;

  bool operator==(const ScaleUpdate&) const = default;

  template <class T>
  constexpr void operator()(T& grad, T) const {
    grad *= T(factor);
  }
};

/// A loss scale after a step (torch.amp.GradScaler's rule): it falls where a gradient was not finite, and grows after
/// growth_interval steps in a row without that, up to the largest float.
struct LossScaleUpdate {
  double growth_factor;
  double backoff_factor;
  int64_t growth_interval;

  constexpr void operator()(float& scale, int32_t& growth_tracker, float found_inf) const {
    if (found_inf != 0) {
      scale = float(scale * backoff_factor);
      growth_tracker = 0;
      return;
    }
    if (++growth_tracker != growth_interval) return;
    const float grown = float(scale * growth_factor);
    if (grown <= std::numeric_limits<float>::max()) scale = grown;
    growth_tracker = 0;
  }
};

/// X(Update): every update rule, for the declarations and instances of each device's kernel.
#define FOR_EACH_OPTIM_UPDATE(X) \
  X(SgdUpdate)                   \
  X(AdamUpdate)                  \
  X(RmspropUpdate<false>)        \
  X(RmspropUpdate<true>)         \
  X(AdagradUpdate)               \
  X(ScaleUpdate)

}  // namespace fg
