// L-BFGS.
#pragma once

#include <deque>

#include "optim/optimizer.h"

namespace fg::optim {

struct LBFGSOptions : OptimizerCloneableOptions<LBFGSOptions> {
  LBFGSOptions(double lr = 1) : lr_(lr) {}
  /// Step length, >= 0; the first trial step if there is a line search.
  FUSEGRAD_ARG(double, lr);
  /// Iterations in one step().
  FUSEGRAD_ARG(int64_t, max_iter) = 20;
  /// Evaluations of the closure in one step(); default max_iter * 5 / 4.
  FUSEGRAD_ARG(optional<int64_t>, max_eval) = nullopt;
  /// Stops when no gradient is larger than this.
  FUSEGRAD_ARG(double, tolerance_grad) = 1e-7;
  /// Stops when loss or parameters change less than this.
  FUSEGRAD_ARG(double, tolerance_change) = 1e-9;
  /// Pairs of steps and gradient changes that approximate the Hessian.
  FUSEGRAD_ARG(int64_t, history_size) = 100;
  /// "strong_wolfe", or absent for steps of fixed length.
  FUSEGRAD_ARG(optional<std::string>, line_search_fn) = nullopt;
  /// Ascends instead.
  FUSEGRAD_ARG(bool, maximize) = false;

 public:
  void check() const override;
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("lr", self.lr_);
    visit("max_iter", self.max_iter_);
    visit("max_eval", self.max_eval_);
    visit("tolerance_grad", self.tolerance_grad_);
    visit("tolerance_change", self.tolerance_change_);
    visit("history_size", self.history_size_);
    visit("line_search_fn", self.line_search_fn_);
    visit("maximize", self.maximize_);
  }
};

/// One state for all parameters, kept with the first. Tensors span all parameters, flattened.
struct LBFGSParamState : OptimizerCloneableParamState<LBFGSParamState> {
  FUSEGRAD_ARG(int64_t, func_evals) = 0;
  FUSEGRAD_ARG(int64_t, n_iter) = 0;
  FUSEGRAD_ARG(double, t) = 0;
  FUSEGRAD_ARG(double, prev_loss) = 0;
  FUSEGRAD_ARG(Tensor, d);
  FUSEGRAD_ARG(Tensor, H_diag);
  FUSEGRAD_ARG(Tensor, prev_flat_grad);
  FUSEGRAD_ARG(std::deque<Tensor>, old_dirs);
  FUSEGRAD_ARG(std::deque<Tensor>, old_stps);
  FUSEGRAD_ARG(std::deque<Tensor>, ro);
  FUSEGRAD_ARG(optional<std::vector<Tensor>>, al) = nullopt;

 public:
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("func_evals", self.func_evals_);
    visit("n_iter", self.n_iter_);
    visit("t", self.t_);
    visit("prev_loss", self.prev_loss_);
    visit.any_shape("d", self.d_);
    visit.any_shape("H_diag", self.H_diag_);
    visit.any_shape("prev_flat_grad", self.prev_flat_grad_);
    visit.list("old_dirs", self.old_dirs_);
    visit.list("old_stps", self.old_stps_);
    visit.list("ro", self.ro_);
  }
};

/// Limited-memory BFGS (Nocedal & Wright, Numerical Optimization, algorithms 7.4 and 7.5). step()
/// needs a closure that clears the gradients, computes the loss and calls backward; it is called
/// several times. One parameter group only; all parameters of one dtype and on one device.
class LBFGS : public Optimizer {
 public:
  explicit LBFGS(std::vector<OptimizerParamGroup> param_groups, LBFGSOptions defaults = {});
  explicit LBFGS(std::vector<Tensor> params, LBFGSOptions defaults = {})
      : LBFGS(std::vector{OptimizerParamGroup(std::move(params))}, std::move(defaults)) {}

  /// Returns the loss at the start of the step.
  Tensor step(LossClosure closure) override;

 protected:
  std::unique_ptr<OptimizerParamState> make_state() const override;

 private:
  struct Evaluation {
    double loss;
    Tensor grad;          // of all parameters, flattened; loss and gradient are negated to maximize
    int64_t evaluations;  // of the closure, that it took
  };
  const LBFGSOptions& options() const;
  Tensor flat_grad() const;
  Evaluation evaluate_here(const LossClosure& closure, Tensor* loss = nullptr) const;
  Evaluation search_line(const LossClosure& closure, LBFGSParamState& state, const Evaluation& here,
                         double slope, int64_t max_evaluations) const;
  void add_to_params(double step_size, const Tensor& direction) const;
};

}  // namespace fg::optim
