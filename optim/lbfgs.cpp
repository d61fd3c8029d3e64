#include "optim/lbfgs.h"

#include <algorithm>
#include <cmath>

#include "autograd/grad_mode.h"
#include "optim/line_search.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg::optim {
namespace {

double largest(const Tensor& x) { return x.abs().max().item<double>(); }
double dot(const Tensor& a, const Tensor& b) { return a.dot(b).item<double>(); }
Tensor scalar_like(double value, const Tensor& like) {
  return scalar_tensor(value, like.options());
}

/// Learns the curvature along the last step: the step s, and y, by how much it changed the
/// gradient.
void remember(LBFGSParamState& state, const Tensor& flat_grad, int64_t history_size) {
  const Tensor y = flat_grad.sub(state.prev_flat_grad());
  const Tensor s = state.d().mul(state.t());
  const double ys = dot(y, s);
  if (!(ys > 1e-10)) return;  // negative curvature would break the positive definiteness
  if (int64_t(state.old_dirs().size()) == history_size) {
    state.old_dirs().pop_front();
    state.old_stps().pop_front();
    state.ro().pop_front();
  }
  state.old_dirs().push_back(y);
  state.old_stps().push_back(s);
  state.ro().push_back(scalar_like(1 / ys, flat_grad));
  state.H_diag(scalar_like(ys / dot(y, y), flat_grad));
}

/// The approximate inverse Hessian times the negative gradient, by the two-loop recursion.
Tensor quasi_newton_direction(const LBFGSParamState& state, const Tensor& flat_grad) {
  const size_t history = state.old_dirs().size();
  std::vector<double> alpha(history), rho(history);
  Tensor q = flat_grad.neg();
  for (size_t i = history; i-- > 0;) {
    rho[i] = state.ro()[i].item<double>();
    alpha[i] = dot(state.old_stps()[i], q) * rho[i];
    q.add_(state.old_dirs()[i], -alpha[i]);
  }
  q.mul_(state.H_diag().item<double>());
  for (size_t i = 0; i < history; ++i) {
    const double beta = dot(state.old_dirs()[i], q) * rho[i];
    q.add_(state.old_stps()[i], alpha[i] - beta);
  }
  return q;
}

}  // namespace

void LBFGSOptions::check() const {
  ENSURE(lr_ >= 0, "LBFGS: lr must be >= 0, got ", lr_);
  ENSURE(max_iter_ >= 1, "LBFGS: max_iter must be >= 1, got ", max_iter_);
  ENSURE(history_size_ >= 1, "LBFGS: history_size must be >= 1, got ", history_size_);
  ENSURE(!line_search_fn_ || *line_search_fn_ == "strong_wolfe",
         "LBFGS: line_search_fn must be 'strong_wolfe' or absent, got '",
         line_search_fn_.value_or(""), "'");
}

LBFGS::LBFGS(std::vector<OptimizerParamGroup> param_groups, LBFGSOptions defaults)
    : Optimizer(std::move(param_groups), std::make_unique<LBFGSOptions>(std::move(defaults))) {
  ENSURE(param_groups_.size() == 1,
         "LBFGS doesn't support per-parameter options (parameter groups): expected 1 group, got ",
         param_groups_.size());
}

std::unique_ptr<OptimizerParamState> LBFGS::make_state() const {
  return std::make_unique<LBFGSParamState>();
}

const LBFGSOptions& LBFGS::options() const {
  return static_cast<const LBFGSOptions&>(param_groups_[0].options());
}

Tensor LBFGS::flat_grad() const {
  int64_t numel = 0;
  for (const Tensor& param : parameters()) numel += param.numel();
  Tensor flat = zeros({numel}, parameters()[0].options());
  int64_t offset = 0;
  for (const Tensor& param : parameters()) {
    if (param.grad().defined())
      flat.narrow(0, offset, param.numel()).view(param.sizes()).copy_(param.grad());
    offset += param.numel();
  }
  return options().maximize() ? flat.neg() : flat;
}

LBFGS::Evaluation LBFGS::evaluate_here(const LossClosure& closure, Tensor* loss_out) const {
  const Tensor loss = evaluate(closure);
  ENSURE(loss.defined(), "LBFGS: the closure must return the loss");
  if (loss_out) *loss_out = loss;
  const double value = loss.item<double>();
  return {options().maximize() ? -value : value, flat_grad(), 1};
}

void LBFGS::add_to_params(double step_size, const Tensor& direction) const {
  int64_t offset = 0;
  for (const Tensor& param : parameters()) {
    param.add_(direction.narrow(0, offset, param.numel()).view(param.sizes()), step_size);
    offset += param.numel();
  }
}

LBFGS::Evaluation LBFGS::search_line(const LossClosure& closure, LBFGSParamState& state,
                                     const Evaluation& here, double slope,
                                     int64_t max_evaluations) const {
  std::vector<Tensor> start;
  for (const Tensor& param : parameters()) start.push_back(param.clone());
  const auto evaluate_at = [&](double t) -> detail::LinePoint {
    add_to_params(t, state.d());
    Evaluation there = evaluate_here(closure);
    for (size_t i = 0; i < start.size(); ++i) parameters()[i].copy_(start[i]);
    return {t, there.loss, dot(there.grad, state.d()), there.grad};
  };
  const auto found = detail::strong_wolfe(evaluate_at, {0, here.loss, slope, here.grad}, state.t(),
                                          largest(state.d()), 1e-9, max_evaluations);
  state.t(found.point.t);
  add_to_params(state.t(), state.d());
  return {found.point.loss, found.point.grad, found.evaluations};
}

Tensor LBFGS::step(LossClosure closure) {
  const profiler::record_function range("Optimizer.step#LBFGS.step");
  ENSURE(closure, "LBFGS: step needs a closure that recomputes the loss and its gradients");
  if (parameters().empty()) return evaluate(closure);
  NoGradGuard no_grad;
  const LBFGSOptions& options = this->options();
  const int64_t max_eval = options.max_eval().value_or(options.max_iter() * 5 / 4);
  auto& state = state_of<LBFGSParamState>(parameters()[0]);

  Tensor first_loss;
  Evaluation here = evaluate_here(closure, &first_loss);
  int64_t evaluations = 1;
  ++state.func_evals();
  if (largest(here.grad) <= options.tolerance_grad()) return first_loss;

  for (int64_t iteration = 1; iteration <= options.max_iter(); ++iteration) {
    if (++state.n_iter() == 1) {
      state.d(here.grad.neg()).H_diag(scalar_like(1, here.grad));
      state.t(options.lr() * std::min(1.0, 1 / here.grad.abs().sum().item<double>()));
    } else {
      remember(state, here.grad, options.history_size());
      state.d(quasi_newton_direction(state, here.grad)).t(options.lr());
    }
    state.prev_flat_grad(here.grad).prev_loss(here.loss);
    const double slope = dot(here.grad, state.d());
    if (slope > -options.tolerance_change()) break;

    if (options.line_search_fn()) {
      here = search_line(closure, state, here, slope, max_eval - evaluations);
    } else {
      add_to_params(state.t(), state.d());
      // After the last iteration nobody would look at the new loss.
      if (iteration == options.max_iter()) break;
      here = evaluate_here(closure);
    }
    evaluations += here.evaluations;
    state.func_evals() += here.evaluations;

    if (evaluations >= max_eval || largest(here.grad) <= options.tolerance_grad() ||
        largest(state.d()) * state.t() <= options.tolerance_change() ||
        std::abs(here.loss - state.prev_loss()) < options.tolerance_change())
      break;
  }
  return first_loss;
}

}  // namespace fg::optim
