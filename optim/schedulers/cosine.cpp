#include "optim/schedulers/cosine.h"

#include <cmath>
#include <numbers>

namespace fg::optim {
namespace {
/// Height of half a cosine wave that falls from 2 to 0 while t goes from 0 to `length`.
double wave(int64_t t, int64_t length) {
  return 1 + std::cos(std::numbers::pi * double(t) / double(length));
}
}  // namespace

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, int64_t T_max, double eta_min)
    : LRScheduler(optimizer), T_max_(T_max), eta_min_(eta_min) {
  ENSURE(T_max > 0, "CosineAnnealingLR: T_max must be > 0, got ", T_max);
  start();
}

// The recurrence rather than the closed form, so that other schedulers may change the rate as well.
std::vector<double> CosineAnnealingLR::get_lrs() {
  std::vector<double> lrs = get_current_lrs();
  if (step_count_ == 0) return lrs;
  // Out of the trough the quotient would be 0 / 0.
  const bool leaves_trough = (step_count_ - 1 - T_max_) % (2 * T_max_) == 0;
  for (size_t i = 0; i < lrs.size(); ++i) {
    if (leaves_trough)
      lrs[i] += (base_lrs_[i] - eta_min_) * (2 - wave(1, T_max_)) / 2;
    else
      lrs[i] = wave(step_count_, T_max_) / wave(step_count_ - 1, T_max_) * (lrs[i] - eta_min_) +
               eta_min_;
  }
  return lrs;
}

CosineAnnealingWarmRestarts::CosineAnnealingWarmRestarts(Optimizer& optimizer, int64_t T_0,
                                                         int64_t T_mult, double eta_min)
    : LRScheduler(optimizer), T_0_(T_0), T_mult_(T_mult), eta_min_(eta_min), T_i_(T_0) {
  ENSURE(T_0 > 0, "CosineAnnealingWarmRestarts: T_0 must be > 0, got ", T_0);
  ENSURE(T_mult >= 1, "CosineAnnealingWarmRestarts: T_mult must be >= 1, got ", T_mult);
  start();
}

void CosineAnnealingWarmRestarts::step() {
  if (++T_cur_ >= T_i_) {
    T_cur_ -= T_i_;
    T_i_ *= T_mult_;
  }
  LRScheduler::step();
}
void CosineAnnealingWarmRestarts::start() {
  T_cur_ = 0;
  T_i_ = T_0_;
  LRScheduler::start();
}

std::vector<double> CosineAnnealingWarmRestarts::get_lrs() {
  std::vector<double> lrs = base_lrs_;
  for (double& lr : lrs) lr = eta_min_ + (lr - eta_min_) * wave(T_cur_, T_i_) / 2;
  return lrs;
}

void CosineAnnealingWarmRestarts::write(FieldWriter& writer) const {
  LRScheduler::write(writer);
  writer("T_i", T_i_);
  writer("T_cur", T_cur_);
}
void CosineAnnealingWarmRestarts::read(FieldReader& reader) {
  LRScheduler::read(reader);
  reader("T_i", T_i_);
  reader("T_cur", T_cur_);
}

}  // namespace fg::optim
