// Schedules that are one formula: steps, powers, ramps and functions of the user.
#pragma once

#include "optim/schedulers/lr_scheduler.h"

namespace fg::optim {

/// Times `gamma` every `step_size` steps.
class StepLR : public LRScheduler {
 public:
  StepLR(Optimizer& optimizer, int64_t step_size, double gamma = 0.1);

 protected:
  std::vector<double> get_lrs() override;

 private:
  const int64_t step_size_;
  const double gamma_;
};

/// Times `gamma` at each milestone; a milestone that is listed twice counts twice.
class MultiStepLR : public LRScheduler {
 public:
  MultiStepLR(Optimizer& optimizer, std::vector<int64_t> milestones, double gamma = 0.1);

 protected:
  std::vector<double> get_lrs() override;

 private:
  const std::vector<int64_t> milestones_;
  const double gamma_;
};

/// Times `gamma` at every step.
class ExponentialLR : public LRScheduler {
 public:
  ExponentialLR(Optimizer& optimizer, double gamma);

 protected:
  std::vector<double> get_lrs() override;

 private:
  const double gamma_;
};

/// Times `factor` (in [0, 1]) until step `total_iters`.
class ConstantLR : public LRScheduler {
 public:
  explicit ConstantLR(Optimizer& optimizer, double factor = 1.0 / 3, int64_t total_iters = 5);

 protected:
  std::vector<double> get_lrs() override;

 private:
  const double factor_;
  const int64_t total_iters_;
};

/// Times a factor that goes linearly from `start_factor`, in (0, 1], to `end_factor`, in [0, 1], at
/// step `total_iters`.
class LinearLR : public LRScheduler {
 public:
  explicit LinearLR(Optimizer& optimizer, double start_factor = 1.0 / 3, double end_factor = 1,
                    int64_t total_iters = 5);

 protected:
  std::vector<double> get_lrs() override;

 private:
  const double start_factor_;
  const double end_factor_;
  const int64_t total_iters_;
};

/// The initial rate times (1 - step / total_iters)^power, 0 from step `total_iters` on.
class PolynomialLR : public LRScheduler {
 public:
  explicit PolynomialLR(Optimizer& optimizer, int64_t total_iters = 5, double power = 1);

 protected:
  std::vector<double> get_lrs() override;

 private:
  const int64_t total_iters_;
  const double power_;
};

/// The initial learning rate times a function of the step; one function for all groups or one each.
class LambdaLR : public LRScheduler {
 public:
  using Lambda = std::function<double(int64_t)>;
  LambdaLR(Optimizer& optimizer, Lambda lr_lambda);
  LambdaLR(Optimizer& optimizer, std::vector<Lambda> lr_lambdas);

 protected:
  std::vector<double> get_lrs() override;

 private:
  const std::vector<Lambda> lr_lambdas_;
};

/// The current rate times a function of the step, from step 1 on.
class MultiplicativeLR : public LRScheduler {
 public:
  using Lambda = LambdaLR::Lambda;
  MultiplicativeLR(Optimizer& optimizer, Lambda lr_lambda);
  MultiplicativeLR(Optimizer& optimizer, std::vector<Lambda> lr_lambdas);

 protected:
  std::vector<double> get_lrs() override;

 private:
  const std::vector<Lambda> lr_lambdas_;
};

}  // namespace fg::optim
