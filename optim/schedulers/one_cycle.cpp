#include "optim/schedulers/one_cycle.h"

#include <cmath>
#include <numbers>

namespace fg::optim {
namespace {
std::vector<double> quotients(std::vector<double> values, double divisor) {
  for (double& value : values) value /= divisor;
  return values;
}
}  // namespace

OneCycleLR::OneCycleLR(Optimizer& optimizer, const OneCycleLROptions& options)
    : LRScheduler(optimizer),
      is_linear_(options.anneal_strategy() == "linear"),
      cycle_momentum_(options.cycle_momentum()),
      total_steps_(options.total_steps()) {
  const double pct_start = options.pct_start(), total = double(total_steps_);
  ENSURE(total_steps_ > 0, "OneCycleLR: total_steps must be > 0, got ", total_steps_);
  ENSURE(pct_start >= 0 && pct_start <= 1, "OneCycleLR: pct_start must be in [0, 1], got ",
         pct_start);
  ENSURE(is_linear_ || options.anneal_strategy() == "cos",
         "OneCycleLR: anneal_strategy must be 'cos' or 'linear', got '", options.anneal_strategy(),
         "'");
  const auto top = per_group("OneCycleLR", "max_lr", options.max_lr());
  const auto slow = per_group("OneCycleLR", "base_momentum", options.base_momentum());
  const auto fast = per_group("OneCycleLR", "max_momentum", options.max_momentum());
  const auto initial = quotients(top, options.div_factor());
  const auto last = quotients(initial, options.final_div_factor());
  phases_.push_back({pct_start * total - 1, initial, top, fast, slow});
  if (options.three_phase()) {
    phases_.push_back({2 * pct_start * total - 2, top, initial, slow, fast});
    phases_.push_back({total - 1, initial, last, fast, fast});
  } else {
    phases_.push_back({total - 1, top, last, slow, fast});
  }
  if (cycle_momentum_) check_momentum("OneCycleLR");
  for (size_t i = 0; i < initial.size(); ++i) optimizer.param_groups()[i].initial_lr() = initial[i];
  base_lrs_ = initial;
  start();
}

double OneCycleLR::anneal(double start, double end, double fraction) const {
  if (is_linear_) return (end - start) * fraction + start;
  return end + (start - end) / 2 * (std::cos(std::numbers::pi * fraction) + 1);
}

std::vector<double> OneCycleLR::anneal(const std::vector<double>& start,
                                       const std::vector<double>& end, double fraction) const {
  std::vector<double> values;
  for (size_t i = 0; i < start.size(); ++i) values.push_back(anneal(start[i], end[i], fraction));
  return values;
}

std::vector<double> OneCycleLR::get_lrs() {
  ENSURE(step_count_ <= total_steps_,
         "OneCycleLR: step must be called at most total_steps = ", total_steps_,
         " times, got call ", step_count_);
  const double step = double(step_count_);
  size_t current = 0;
  while (current + 1 < phases_.size() && step > phases_[current].end_step) ++current;
  const Phase& phase = phases_[current];
  const double start_step = current ? phases_[current - 1].end_step : 0;
  const double fraction = (step - start_step) / (phase.end_step - start_step);
  if (cycle_momentum_)
    set_optimizer_momenta(anneal(phase.start_momentum, phase.end_momentum, fraction));
  return anneal(phase.start_lr, phase.end_lr, fraction);
}

}  // namespace fg::optim
