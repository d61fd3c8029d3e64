// Cyclical learning rates (Smith 2017).
#pragma once

#include "optim/schedulers/lr_scheduler.h"

namespace fg::optim {

/// Lists hold one value for all parameter groups or one each.
struct CyclicLROptions {
  CyclicLROptions(std::vector<double> base_lr, std::vector<double> max_lr)
      : base_lr_(std::move(base_lr)), max_lr_(std::move(max_lr)) {}
  CyclicLROptions(double base_lr, double max_lr)
      : CyclicLROptions(std::vector<double>{base_lr}, std::vector<double>{max_lr}) {}
  /// Lowest and highest rate of a cycle.
  FUSEGRAD_ARG(std::vector<double>, base_lr);
  FUSEGRAD_ARG(std::vector<double>, max_lr);
  /// Steps of the rise, > 0, and of the fall, by default as many.
  FUSEGRAD_ARG(int64_t, step_size_up) = 2000;
  FUSEGRAD_ARG(optional<int64_t>, step_size_down) = nullopt;
  /// Height of the cycles: "triangular" (all alike), "triangular2" (halved after each) or
  /// "exp_range" (times gamma at each step).
  FUSEGRAD_ARG(std::string, mode) = "triangular";
  FUSEGRAD_ARG(double, gamma) = 1;
  /// Moves the momentum (or Adam's first beta) against the learning rate.
  FUSEGRAD_ARG(bool, cycle_momentum) = true;
  FUSEGRAD_ARG(std::vector<double>, base_momentum) = {0.8};
  FUSEGRAD_ARG(std::vector<double>, max_momentum) = {0.9};
};

/// Up and down between two rates in straight lines.
class CyclicLR : public LRScheduler {
 public:
  CyclicLR(Optimizer& optimizer, const CyclicLROptions& options);

 protected:
  /// Sets the momentum too.
  std::vector<double> get_lrs() override;

 private:
  const CyclicLROptions options_;
  const double cycle_steps_;
  const double rising_part_;
  std::vector<double> max_lrs_, base_momenta_, max_momenta_;
};

}  // namespace fg::optim
