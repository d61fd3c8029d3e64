// RMSprop.
#pragma once

#include "optim/optimizer.h"

namespace fg::optim {

struct RMSpropOptions : OptimizerCloneableOptions<RMSpropOptions> {
  RMSpropOptions(double lr = 1e-2) : lr_(lr) {}
  /// Learning rate, >= 0.
  FUSEGRAD_ARG(double, lr);
  /// Decay of the running averages, >= 0.
  FUSEGRAD_ARG(double, alpha) = 0.99;
  /// Added to the denominator, >= 0.
  FUSEGRAD_ARG(double, eps) = 1e-8;
  /// L2 penalty, >= 0.
  FUSEGRAD_ARG(double, weight_decay) = 0;
  /// Factor of the buffer of past steps, >= 0; 0 keeps no buffer.
  FUSEGRAD_ARG(double, momentum) = 0;
  /// Divides by the standard deviation rather than the root mean square.
  FUSEGRAD_ARG(bool, centered) = false;
  /// Ascends instead.
  FUSEGRAD_ARG(bool, maximize) = false;

 public:
  void check() const override;
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("lr", self.lr_);
    visit("alpha", self.alpha_);
    visit("eps", self.eps_);
    visit("weight_decay", self.weight_decay_);
    visit("momentum", self.momentum_);
    visit("centered", self.centered_);
    visit("maximize", self.maximize_);
  }
};

struct RMSpropParamState : OptimizerCloneableParamState<RMSpropParamState> {
  FUSEGRAD_ARG(int64_t, step) = 0;
  FUSEGRAD_ARG(Tensor, square_avg);
  FUSEGRAD_ARG(Tensor, momentum_buffer);
  FUSEGRAD_ARG(Tensor, grad_avg);

 public:
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("step", self.step_);
    visit("square_avg", self.square_avg_);
    visit("momentum_buffer", self.momentum_buffer_);
    visit("grad_avg", self.grad_avg_);
  }
};

/// param -= lr * grad / (sqrt(v) + eps), where v is a running average of the squared gradient (of
/// its variance, if centered); with momentum the quotients are gathered in a buffer first.
class RMSprop : public Optimizer {
 public:
  explicit RMSprop(std::vector<OptimizerParamGroup> param_groups, RMSpropOptions defaults = {})
      : Optimizer(std::move(param_groups), std::make_unique<RMSpropOptions>(defaults)) {}
  explicit RMSprop(std::vector<Tensor> params, RMSpropOptions defaults = {})
      : Optimizer(std::move(params), std::make_unique<RMSpropOptions>(defaults)) {}

  Tensor step(LossClosure closure = nullptr) override;

 protected:
  std::unique_ptr<OptimizerParamState> make_state() const override;
};

}  // namespace fg::optim
