// Stochastic gradient descent.
#pragma once

#include "optim/optimizer.h"

namespace fg::optim {

struct SGDOptions : OptimizerCloneableOptions<SGDOptions> {
  SGDOptions(double lr = 1e-3) : lr_(lr) {}
  /// Learning rate, >= 0.
  FUSEGRAD_ARG(double, lr);
  /// Factor of the buffer of past gradients, >= 0; 0 keeps no buffer.
  FUSEGRAD_ARG(double, momentum) = 0;
  /// A new gradient enters the buffer with factor 1 - dampening.
  FUSEGRAD_ARG(double, dampening) = 0;
  /// L2 penalty, >= 0.
  FUSEGRAD_ARG(double, weight_decay) = 0;
  /// Nesterov's form; needs momentum > 0 and dampening 0.
  FUSEGRAD_ARG(bool, nesterov) = false;
  /// Ascends instead.
  FUSEGRAD_ARG(bool, maximize) = false;

 public:
  void check() const override;
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("lr", self.lr_);
    visit("momentum", self.momentum_);
    visit("dampening", self.dampening_);
    visit("weight_decay", self.weight_decay_);
    visit("nesterov", self.nesterov_);
    visit("maximize", self.maximize_);
  }
};

struct SGDParamState : OptimizerCloneableParamState<SGDParamState> {
  FUSEGRAD_ARG(Tensor, momentum_buffer);

 public:
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("momentum_buffer", self.momentum_buffer_);
  }
};

/// param -= lr * b, where b = momentum * b + (1 - dampening) * grad (b = grad on a parameter's
/// first step); with nesterov param -= lr * (grad + momentum * b).
class SGD : public Optimizer {
 public:
  explicit SGD(std::vector<OptimizerParamGroup> param_groups, SGDOptions defaults = {})
      : Optimizer(std::move(param_groups), std::make_unique<SGDOptions>(defaults)) {}
  explicit SGD(std::vector<Tensor> params, SGDOptions defaults = {})
      : Optimizer(std::move(params), std::make_unique<SGDOptions>(defaults)) {}

  Tensor step(LossClosure closure = nullptr) override;

 protected:
  std::unique_ptr<OptimizerParamState> make_state() const override;
};

}  // namespace fg::optim
