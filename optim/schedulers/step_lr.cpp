#include "optim/schedulers/step_lr.h"

#include <algorithm>
#include <cmath>

namespace fg::optim {

StepLR::StepLR(Optimizer& optimizer, int64_t step_size, double gamma)
    : LRScheduler(optimizer), step_size_(step_size), gamma_(gamma) {
  ENSURE(step_size > 0, "StepLR: step_size must be > 0, got ", step_size);
  start();
}
std::vector<double> StepLR::get_lrs() {
  return scaled_lrs(step_count_ > 0 && step_count_ % step_size_ == 0 ? gamma_ : 1);
}

MultiStepLR::MultiStepLR(Optimizer& optimizer, std::vector<int64_t> milestones, double gamma)
    : LRScheduler(optimizer), milestones_(std::move(milestones)), gamma_(gamma) {
  start();
}
std::vector<double> MultiStepLR::get_lrs() {
  const auto times = std::count(milestones_.begin(), milestones_.end(), step_count_);
  return scaled_lrs(std::pow(gamma_, double(times)));
}

ExponentialLR::ExponentialLR(Optimizer& optimizer, double gamma)
    : LRScheduler(optimizer), gamma_(gamma) {
  start();
}
std::vector<double> ExponentialLR::get_lrs() { return scaled_lrs(step_count_ > 0 ? gamma_ : 1); }

ConstantLR::ConstantLR(Optimizer& optimizer, double factor, int64_t total_iters)
    : LRScheduler(optimizer), factor_(factor), total_iters_(total_iters) {
  ENSURE(factor >= 0 && factor <= 1, "ConstantLR: factor must be in [0, 1], got ", factor);
  start();
}
std::vector<double> ConstantLR::get_lrs() {
  if (step_count_ == 0) return scaled_lrs(factor_);
  return scaled_lrs(step_count_ == total_iters_ ? 1 / factor_ : 1);
}

LinearLR::LinearLR(Optimizer& optimizer, double start_factor, double end_factor,
                   int64_t total_iters)
    : LRScheduler(optimizer),
      start_factor_(start_factor),
      end_factor_(end_factor),
      total_iters_(total_iters) {
  ENSURE(start_factor > 0 && start_factor <= 1, "LinearLR: start_factor must be in (0, 1], got ",
         start_factor);
  ENSURE(end_factor >= 0 && end_factor <= 1, "LinearLR: end_factor must be in [0, 1], got ",
         end_factor);
  start();
}
std::vector<double> LinearLR::get_lrs() {
  if (step_count_ == 0) return scaled_lrs(start_factor_);
  if (step_count_ > total_iters_) return get_current_lrs();
  const double change = end_factor_ - start_factor_;
  const double before = double(total_iters_) * start_factor_ + double(step_count_ - 1) * change;
  return scaled_lrs(1 + change / before);
}

PolynomialLR::PolynomialLR(Optimizer& optimizer, int64_t total_iters, double power)
    : LRScheduler(optimizer), total_iters_(total_iters), power_(power) {
  ENSURE(total_iters > 0, "PolynomialLR: total_iters must be > 0, got ", total_iters);
  start();
}
std::vector<double> PolynomialLR::get_lrs() {
  if (step_count_ == 0 || step_count_ > total_iters_) return get_current_lrs();
  const auto rest = [&](int64_t step) { return 1 - double(step) / double(total_iters_); };
  return scaled_lrs(std::pow(rest(step_count_) / rest(step_count_ - 1), power_));
}

namespace {
using Lambdas = std::vector<LambdaLR::Lambda>;

Lambdas repeat(LambdaLR::Lambda lambda, const Optimizer& optimizer) {
  return Lambdas(optimizer.param_groups().size(), std::move(lambda));
}
void check_lambdas(const char* op, const Lambdas& lambdas, size_t num_groups) {
  ENSURE(lambdas.size() == num_groups, op,
         ": lr_lambdas must have one function per parameter group (", num_groups, "), got ",
         lambdas.size());
  for (const auto& lambda : lambdas) ENSURE(lambda, op, ": a function of lr_lambdas is empty");
}
std::vector<double> times(std::vector<double> lrs, const Lambdas& lambdas, int64_t step) {
  for (size_t i = 0; i < lrs.size(); ++i) lrs[i] *= lambdas[i](step);
  return lrs;
}
}  // namespace

LambdaLR::LambdaLR(Optimizer& optimizer, Lambda lr_lambda)
    : LambdaLR(optimizer, repeat(std::move(lr_lambda), optimizer)) {}
LambdaLR::LambdaLR(Optimizer& optimizer, std::vector<Lambda> lr_lambdas)
    : LRScheduler(optimizer), lr_lambdas_(std::move(lr_lambdas)) {
  check_lambdas("LambdaLR", lr_lambdas_, base_lrs_.size());
  start();
}
std::vector<double> LambdaLR::get_lrs() { return times(base_lrs_, lr_lambdas_, step_count_); }

MultiplicativeLR::MultiplicativeLR(Optimizer& optimizer, Lambda lr_lambda)
    : MultiplicativeLR(optimizer, repeat(std::move(lr_lambda), optimizer)) {}
MultiplicativeLR::MultiplicativeLR(Optimizer& optimizer, std::vector<Lambda> lr_lambdas)
    : LRScheduler(optimizer), lr_lambdas_(std::move(lr_lambdas)) {
  check_lambdas("MultiplicativeLR", lr_lambdas_, base_lrs_.size());
  start();
}
std::vector<double> MultiplicativeLR::get_lrs() {
  if (step_count_ == 0) return get_current_lrs();
  return times(get_current_lrs(), lr_lambdas_, step_count_);
}

}  // namespace fg::optim
