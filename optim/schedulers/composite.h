// Schedulers made of schedulers.
#pragma once

#include "optim/schedulers/lr_scheduler.h"

namespace fg::optim {

/// Runs one scheduler after the other: the i-th from milestones[i - 1] on, each from its own start.
class SequentialLR : public LRScheduler {
 public:
  SequentialLR(Optimizer& optimizer, std::vector<std::shared_ptr<LRScheduler>> schedulers,
               std::vector<int64_t> milestones);
  void step() override;
  void start() override;
  void write(FieldWriter& writer) const override;
  void read(FieldReader& reader) override;

 protected:
  std::vector<double> get_lrs() override { return get_current_lrs(); }

 private:
  /// The index of the scheduler that is due at step_count_.
  size_t current() const;

  const std::vector<std::shared_ptr<LRScheduler>> schedulers_;
  const std::vector<int64_t> milestones_;
};

/// Steps several schedulers at once; their factors multiply.
class ChainedScheduler : public LRScheduler {
 public:
  explicit ChainedScheduler(std::vector<std::shared_ptr<LRScheduler>> schedulers);
  void step() override;
  void start() override;
  void write(FieldWriter& writer) const override;
  void read(FieldReader& reader) override;

 protected:
  std::vector<double> get_lrs() override { return get_current_lrs(); }

 private:
  const std::vector<std::shared_ptr<LRScheduler>> schedulers_;
};

}  // namespace fg::optim
