// LRScheduler: changes an optimizer's learning rates as training goes on.
//
// A scheduler sets the first rate when it is made; step() after each epoch (or batch) sets the
// next. The sequences are those of Python PyTorch (libtorch's StepLR lags by one step). Most
// schedulers multiply the rate they find, so several of them on one optimizer act together. The
// optimizer must outlive its schedulers.
#pragma once

#include "optim/optimizer.h"

namespace fg::optim {

class LRScheduler {
 public:
  explicit LRScheduler(Optimizer& optimizer);
  LRScheduler(const LRScheduler&) = delete;
  LRScheduler& operator=(const LRScheduler&) = delete;
  virtual ~LRScheduler() = default;

  virtual void step();
  /// The number of steps so far.
  int64_t last_epoch() const { return step_count_; }
  /// The rate of each parameter group.
  std::vector<double> get_last_lr() const { return get_current_lrs(); }
  Optimizer& optimizer() const { return optimizer_; }

  /// Sets the initial learning rates and starts from there.
  void restart();
  /// Back to step 0, from the current learning rates.
  virtual void start();

  /// Progress only; the shape of the schedule comes from the constructor, the current learning
  /// rates are in the optimizer's state.
  StateDict state_dict() const;
  void load_state_dict(const StateDict& dict);

  /// For schedulers made of schedulers: the same under a common prefix.
  virtual void write(FieldWriter& writer) const;
  virtual void read(FieldReader& reader);

 protected:
  /// The rates at step_count_, one per group. A constructor ends with start(), which sets the
  /// first.
  virtual std::vector<double> get_lrs() = 0;
  std::vector<double> get_current_lrs() const;
  void set_optimizer_lrs(const std::vector<double>& lrs);
  /// Sets the momentum (or Adam's first beta) of each group; check_momentum throws if there is
  /// none.
  void set_optimizer_momenta(const std::vector<double>& momenta);
  void check_momentum(const char* op) const;
  /// Current rates times a factor.
  std::vector<double> scaled_lrs(double factor) const;
  /// `values` if there is one per group; one value is repeated; otherwise throws.
  std::vector<double> per_group(const char* op, const char* name,
                                const std::vector<double>& values) const;

  int64_t step_count_ = 0;
  std::vector<double> base_lrs_;  // each group's initial learning rate

 private:
  Optimizer& optimizer_;
};

}  // namespace fg::optim
