// The 1cycle policy (Smith & Topin 2019).
#pragma once

#include "optim/schedulers/lr_scheduler.h"

namespace fg::optim {

/// Lists hold one value for all parameter groups or one each.
struct OneCycleLROptions {
  OneCycleLROptions(std::vector<double> max_lr, int64_t total_steps)
      : max_lr_(std::move(max_lr)), total_steps_(total_steps) {}
  OneCycleLROptions(double max_lr, int64_t total_steps)
      : OneCycleLROptions(std::vector<double>{max_lr}, total_steps) {}
  /// The peak.
  FUSEGRAD_ARG(std::vector<double>, max_lr);
  /// Steps of the whole cycle, > 0; step() may be called total_steps times at most.
  FUSEGRAD_ARG(int64_t, total_steps);
  /// The fraction of the cycle in which the rate rises, in [0, 1].
  FUSEGRAD_ARG(double, pct_start) = 0.3;
  /// "cos" or "linear".
  FUSEGRAD_ARG(std::string, anneal_strategy) = "cos";
  /// Moves the momentum (or Adam's first beta) against the learning rate.
  FUSEGRAD_ARG(bool, cycle_momentum) = true;
  FUSEGRAD_ARG(std::vector<double>, base_momentum) = {0.85};
  FUSEGRAD_ARG(std::vector<double>, max_momentum) = {0.95};
  /// Starts at max_lr / div_factor, ends at that over final_div_factor.
  FUSEGRAD_ARG(double, div_factor) = 25;
  FUSEGRAD_ARG(double, final_div_factor) = 1e4;
  /// Falls to the initial rate as fast as it rose, then to the last one.
  FUSEGRAD_ARG(bool, three_phase) = false;
};

/// Up to max_lr, down again, and far below the start. Replaces the optimizer's learning rate and
/// momentum.
class OneCycleLR : public LRScheduler {
 public:
  OneCycleLR(Optimizer& optimizer, const OneCycleLROptions& options);
  OneCycleLR(Optimizer& optimizer, double max_lr, int64_t total_steps)
      : OneCycleLR(optimizer, OneCycleLROptions(max_lr, total_steps)) {}

 protected:
  /// Sets the momentum too.
  std::vector<double> get_lrs() override;

 private:
  struct Phase {
    double end_step;
    std::vector<double> start_lr, end_lr, start_momentum, end_momentum;
  };
  double anneal(double start, double end, double fraction) const;
  std::vector<double> anneal(const std::vector<double>& start, const std::vector<double>& end,
                             double fraction) const;

  const bool is_linear_;
  const bool cycle_momentum_;
  const int64_t total_steps_;
  std::vector<Phase> phases_;
};

}  // namespace fg::optim
