#include "optim/schedulers/cyclic.h"

#include <cmath>

namespace fg::optim {
namespace {
double cycle_length(const CyclicLROptions& options) {
  const int64_t up = options.step_size_up(), down = options.step_size_down().value_or(up);
  ENSURE(up > 0 && down >= 0, "CyclicLR: step_size_up must be > 0 and step_size_down >= 0, got ",
         up, " and ", down);
  return double(up + down);
}
/// from + (to - from) * part, for each group.
std::vector<double> between(const std::vector<double>& from, const std::vector<double>& to,
                            double part) {
  std::vector<double> values;
  for (size_t i = 0; i < from.size(); ++i) values.push_back(from[i] + (to[i] - from[i]) * part);
  return values;
}
}  // namespace

CyclicLR::CyclicLR(Optimizer& optimizer, const CyclicLROptions& options)
    : LRScheduler(optimizer),
      options_(options),
      cycle_steps_(cycle_length(options)),
      rising_part_(double(options.step_size_up()) / cycle_steps_),
      max_lrs_(per_group("CyclicLR", "max_lr", options.max_lr())),
      base_momenta_(per_group("CyclicLR", "base_momentum", options.base_momentum())),
      max_momenta_(per_group("CyclicLR", "max_momentum", options.max_momentum())) {
  const std::string& mode = options.mode();
  ENSURE(mode == "triangular" || mode == "triangular2" || mode == "exp_range",
         "CyclicLR: mode must be 'triangular', 'triangular2' or 'exp_range', got '", mode, "'");
  if (options.cycle_momentum()) check_momentum("CyclicLR");
  base_lrs_ = per_group("CyclicLR", "base_lr", options.base_lr());
  start();
}

std::vector<double> CyclicLR::get_lrs() {
  const double position = 1 + double(step_count_) / cycle_steps_, cycle = std::floor(position);
  const double x = position - cycle;
  double height = x <= rising_part_ ? x / rising_part_ : (x - 1) / (rising_part_ - 1);
  if (options_.mode() == "triangular2") height /= std::exp2(cycle - 1);
  if (options_.mode() == "exp_range") height *= std::pow(options_.gamma(), double(step_count_));
  if (options_.cycle_momentum())
    set_optimizer_momenta(between(max_momenta_, base_momenta_, height));
  return between(base_lrs_, max_lrs_, height);
}

}  // namespace fg::optim
