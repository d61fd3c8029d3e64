// Adam and AdamW.
#pragma once

#include "optim/optimizer.h"

namespace fg::optim {

struct AdamOptions : OptimizerCloneableOptions<AdamOptions> {
  using betas_t = std::tuple<double, double>;
  AdamOptions(double lr = 1e-3) : lr_(lr) {}
  /// Learning rate, >= 0.
  FUSEGRAD_ARG(double, lr);
  /// Decay of the running averages of the gradient and of its square, each in [0, 1).
  FUSEGRAD_ARG(betas_t, betas) = {0.9, 0.999};
  /// Added to the denominator, >= 0.
  FUSEGRAD_ARG(double, eps) = 1e-8;
  /// L2 penalty, >= 0.
  FUSEGRAD_ARG(double, weight_decay) = 0;
  /// Divides by the largest second moment so far.
  FUSEGRAD_ARG(bool, amsgrad) = false;
  /// Ascends instead.
  FUSEGRAD_ARG(bool, maximize) = false;

 public:
  void check() const override;
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("lr", self.lr());
    visit("betas", self.betas());
    visit("eps", self.eps());
    visit("weight_decay", self.weight_decay());
    visit("amsgrad", self.amsgrad());
    visit("maximize", self.maximize());
  }
};

/// As AdamOptions, but the weight decay is decoupled: param *= 1 - lr * weight_decay.
struct AdamWOptions : OptimizerCloneableOptions<AdamWOptions> {
  using betas_t = std::tuple<double, double>;
  AdamWOptions(double lr = 1e-3) : lr_(lr) {}
  FUSEGRAD_ARG(double, lr);
  FUSEGRAD_ARG(betas_t, betas) = {0.9, 0.999};
  FUSEGRAD_ARG(double, eps) = 1e-8;
  FUSEGRAD_ARG(double, weight_decay) = 1e-2;
  FUSEGRAD_ARG(bool, amsgrad) = false;
  FUSEGRAD_ARG(bool, maximize) = false;

 public:
  void check() const override;
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    AdamOptions::visit_fields(self, visit);
  }
};

struct AdamParamState : OptimizerCloneableParamState<AdamParamState> {
  FUSEGRAD_ARG(int64_t, step) = 0;
  FUSEGRAD_ARG(Tensor, exp_avg);
  FUSEGRAD_ARG(Tensor, exp_avg_sq);
  FUSEGRAD_ARG(Tensor, max_exp_avg_sq);

 public:
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("step", self.step_);
    visit("exp_avg", self.exp_avg_);
    visit("exp_avg_sq", self.exp_avg_sq_);
    visit("max_exp_avg_sq", self.max_exp_avg_sq_);
  }
};
using AdamWParamState = AdamParamState;

/// param -= lr * m / (sqrt(v) + eps), where m and v are bias-corrected running averages of the
/// gradient and of its square.
class Adam : public Optimizer {
 public:
  explicit Adam(std::vector<OptimizerParamGroup> param_groups, AdamOptions defaults = {})
      : Optimizer(std::move(param_groups), std::make_unique<AdamOptions>(defaults)) {}
  explicit Adam(std::vector<Tensor> params, AdamOptions defaults = {})
      : Optimizer(std::move(params), std::make_unique<AdamOptions>(defaults)) {}

  Tensor step(LossClosure closure = nullptr) override;

 protected:
  std::unique_ptr<OptimizerParamState> make_state() const override;
};

/// Adam with decoupled weight decay.
class AdamW : public Optimizer {
 public:
  explicit AdamW(std::vector<OptimizerParamGroup> param_groups, AdamWOptions defaults = {})
      : Optimizer(std::move(param_groups), std::make_unique<AdamWOptions>(defaults)) {}
  explicit AdamW(std::vector<Tensor> params, AdamWOptions defaults = {})
      : Optimizer(std::move(params), std::make_unique<AdamWOptions>(defaults)) {}

  Tensor step(LossClosure closure = nullptr) override;

 protected:
  std::unique_ptr<OptimizerParamState> make_state() const override;
};

}  // namespace fg::optim
