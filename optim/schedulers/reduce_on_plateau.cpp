#include "optim/schedulers/reduce_on_plateau.h"

#include <algorithm>
#include <limits>

namespace fg::optim {

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options)
    : LRScheduler(optimizer),
      options_(options),
      min_lrs_(per_group("ReduceLROnPlateau", "min_lr", options.min_lr())) {
  ENSURE(options.factor() < 1, "ReduceLROnPlateau: factor must be < 1, got ", options.factor());
  ENSURE(options.mode() == "min" || options.mode() == "max",
         "ReduceLROnPlateau: mode must be 'min' or 'max', got '", options.mode(), "'");
  ENSURE(options.threshold_mode() == "rel" || options.threshold_mode() == "abs",
         "ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs', got '",
         options.threshold_mode(), "'");
  start();
}

bool ReduceLROnPlateau::is_better(double metric) const {
  const bool relative = options_.threshold_mode() == "rel";
  const double threshold = options_.threshold();
  if (options_.mode() == "min")
    return metric < (relative ? best_ * (1 - threshold) : best_ - threshold);
  return metric > (relative ? best_ * (1 + threshold) : best_ + threshold);
}

void ReduceLROnPlateau::step() { fg::detail::fail("ReduceLROnPlateau: step needs the metric"); }
void ReduceLROnPlateau::step(double metric) {
  ++step_count_;
  if (is_better(metric)) {
    best_ = metric;
    num_bad_epochs_ = 0;
  } else {
    ++num_bad_epochs_;
  }
  if (cooldown_counter_ > 0) {
    --cooldown_counter_;
    num_bad_epochs_ = 0;
  }
  if (num_bad_epochs_ > options_.patience()) {
    set_optimizer_lrs(get_lrs());
    cooldown_counter_ = options_.cooldown();
    num_bad_epochs_ = 0;
  }
}

void ReduceLROnPlateau::start() {
  step_count_ = 0;
  best_ = std::numeric_limits<double>::infinity();
  if (options_.mode() == "max") best_ = -best_;
  num_bad_epochs_ = cooldown_counter_ = 0;
}

std::vector<double> ReduceLROnPlateau::get_lrs() {
  std::vector<double> lrs = get_current_lrs();
  for (size_t i = 0; i < lrs.size(); ++i) {
    const double reduced = std::max(lrs[i] * options_.factor(), min_lrs_[i]);
    if (lrs[i] - reduced > options_.eps()) lrs[i] = reduced;
  }
  return lrs;
}

void ReduceLROnPlateau::write(FieldWriter& writer) const {
  LRScheduler::write(writer);
  writer("best", best_);
  writer("num_bad_epochs", num_bad_epochs_);
  writer("cooldown_counter", cooldown_counter_);
}
void ReduceLROnPlateau::read(FieldReader& reader) {
  LRScheduler::read(reader);
  reader("best", best_);
  reader("num_bad_epochs", num_bad_epochs_);
  reader("cooldown_counter", cooldown_counter_);
}

}  // namespace fg::optim
