// Cosine annealing (Loshchilov & Hutter 2017).
#pragma once

#include "optim/schedulers/lr_scheduler.h"

namespace fg::optim {

/// From the initial rate to `eta_min` in `T_max` steps along half a cosine wave, and back again
/// after that.
class CosineAnnealingLR : public LRScheduler {
 public:
  CosineAnnealingLR(Optimizer& optimizer, int64_t T_max, double eta_min = 0);

 protected:
  std::vector<double> get_lrs() override;

 private:
  const int64_t T_max_;
  const double eta_min_;
};

/// The same, jumping back to the initial rate after T_0 steps, then after T_0 * T_mult, and so on.
class CosineAnnealingWarmRestarts : public LRScheduler {
 public:
  CosineAnnealingWarmRestarts(Optimizer& optimizer, int64_t T_0, int64_t T_mult = 1,
                              double eta_min = 0);
  void step() override;
  void start() override;
  void write(FieldWriter& writer) const override;
  void read(FieldReader& reader) override;

 protected:
  std::vector<double> get_lrs() override;

 private:
  const int64_t T_0_;
  const int64_t T_mult_;
  const double eta_min_;
  int64_t T_i_;        // length of the current wave
  int64_t T_cur_ = 0;  // steps into it
};

}  // namespace fg::optim
