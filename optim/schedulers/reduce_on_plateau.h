// Reduces the learning rate when a metric stops improving.
#pragma once

#include "optim/schedulers/lr_scheduler.h"

namespace fg::optim {

struct ReduceLROnPlateauOptions {
  /// "min" if a lower metric is better, or "max".
  FUSEGRAD_ARG(std::string, mode) = "min";
  /// The rate is multiplied by this, < 1.
  FUSEGRAD_ARG(double, factor) = 0.1;
  /// Steps without improvement that are borne.
  FUSEGRAD_ARG(int64_t, patience) = 10;
  /// How much counts as an improvement: relative to the best ("rel") or absolute ("abs").
  FUSEGRAD_ARG(double, threshold) = 1e-4;
  FUSEGRAD_ARG(std::string, threshold_mode) = "rel";
  /// Steps after a reduction in which none is counted as bad.
  FUSEGRAD_ARG(int64_t, cooldown) = 0;
  /// Lowest rate, one value for all parameter groups or one each.
  FUSEGRAD_ARG(std::vector<double>, min_lr) = {0};
  /// A smaller change of the rate is not made.
  FUSEGRAD_ARG(double, eps) = 1e-8;
};

class ReduceLROnPlateau : public LRScheduler {
 public:
  explicit ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options = {});

  /// Takes the metric of this epoch.
  void step(double metric);
  /// Throws: a metric is needed.
  void step() override;
  void start() override;
  void write(FieldWriter& writer) const override;
  void read(FieldReader& reader) override;

 protected:
  std::vector<double> get_lrs() override;

 private:
  bool is_better(double metric) const;

  const ReduceLROnPlateauOptions options_;
  const std::vector<double> min_lrs_;
  double best_;
  int64_t num_bad_epochs_;
  int64_t cooldown_counter_;
};

}  // namespace fg::optim
