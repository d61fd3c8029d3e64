// Adagrad.
#pragma once

#include "optim/optimizer.h"

namespace fg::optim {

struct AdagradOptions : OptimizerCloneableOptions<AdagradOptions> {
  AdagradOptions(double lr = 1e-2) : lr_(lr) {}
  /// Learning rate, >= 0; at step t it is lr / (1 + (t - 1) * lr_decay).
  FUSEGRAD_ARG(double, lr);
  FUSEGRAD_ARG(double, lr_decay) = 0;
  /// L2 penalty, >= 0.
  FUSEGRAD_ARG(double, weight_decay) = 0;
  /// Start of the sum of squared gradients, >= 0.
  FUSEGRAD_ARG(double, initial_accumulator_value) = 0;
  /// Added to the denominator, >= 0.
  FUSEGRAD_ARG(double, eps) = 1e-10;
  /// Ascends instead.
  FUSEGRAD_ARG(bool, maximize) = false;

 public:
  void check() const override;
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("lr", self.lr_);
    visit("lr_decay", self.lr_decay_);
    visit("weight_decay", self.weight_decay_);
    visit("initial_accumulator_value", self.initial_accumulator_value_);
    visit("eps", self.eps_);
    visit("maximize", self.maximize_);
  }
};

struct AdagradParamState : OptimizerCloneableParamState<AdagradParamState> {
  FUSEGRAD_ARG(Tensor, sum);
  FUSEGRAD_ARG(int64_t, step) = 0;

 public:
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("step", self.step_);
    visit("sum", self.sum_);
  }
};

/// param -= lr * grad / (sqrt(sum) + eps), where sum gathers the squared gradients.
class Adagrad : public Optimizer {
 public:
  explicit Adagrad(std::vector<OptimizerParamGroup> param_groups, AdagradOptions defaults = {})
      : Optimizer(std::move(param_groups), std::make_unique<AdagradOptions>(defaults)) {}
  explicit Adagrad(std::vector<Tensor> params, AdagradOptions defaults = {})
      : Optimizer(std::move(params), std::make_unique<AdagradOptions>(defaults)) {}

  Tensor step(LossClosure closure = nullptr) override;

 protected:
  std::unique_ptr<OptimizerParamState> make_state() const override;
};

}  // namespace fg::optim
