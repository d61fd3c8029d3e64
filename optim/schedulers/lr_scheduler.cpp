#include "optim/schedulers/lr_scheduler.h"

namespace fg::optim {

LRScheduler::LRScheduler(Optimizer& optimizer) : optimizer_(optimizer) {
  for (OptimizerParamGroup& group : optimizer.param_groups()) {
    if (!group.initial_lr()) group.initial_lr() = group.options().get_lr();
    base_lrs_.push_back(*group.initial_lr());
  }
}

void LRScheduler::step() {
  ++step_count_;
  set_optimizer_lrs(get_lrs());
}

void LRScheduler::restart() {
  set_optimizer_lrs(base_lrs_);
  start();
}
void LRScheduler::start() {
  step_count_ = 0;
  set_optimizer_lrs(get_lrs());
}

std::vector<double> LRScheduler::get_current_lrs() const {
  std::vector<double> lrs;
  for (const OptimizerParamGroup& group : optimizer_.param_groups())
    lrs.push_back(group.options().get_lr());
  return lrs;
}

void LRScheduler::set_optimizer_lrs(const std::vector<double>& lrs) {
  auto& groups = optimizer_.param_groups();
  ENSURE(lrs.size() == groups.size(), "LRScheduler: the optimizer must keep its ", lrs.size(),
         " parameter groups, it has ", groups.size());
  for (size_t i = 0; i < groups.size(); ++i) groups[i].options().set_lr(lrs[i]);
}

void LRScheduler::check_momentum(const char* op) const {
  for (OptimizerParamGroup& group : optimizer_.param_groups())
    ENSURE(group.options().cycled_momentum(), op,
           ": cycle_momentum needs an optimizer with momentum or betas");
}
void LRScheduler::set_optimizer_momenta(const std::vector<double>& momenta) {
  auto& groups = optimizer_.param_groups();
  for (size_t i = 0; i < groups.size(); ++i) *groups[i].options().cycled_momentum() = momenta[i];
}

std::vector<double> LRScheduler::scaled_lrs(double factor) const {
  std::vector<double> lrs = get_current_lrs();
  for (double& lr : lrs) lr *= factor;
  return lrs;
}

std::vector<double> LRScheduler::per_group(const char* op, const char* name,
                                           const std::vector<double>& values) const {
  const size_t groups = optimizer_.param_groups().size();
  if (values.size() == 1) return std::vector<double>(groups, values[0]);
  ENSURE(values.size() == groups, op, ": ", name, " must have one value per parameter group (",
         groups, "), got ", values.size());
  return values;
}

StateDict LRScheduler::state_dict() const {
  StateDict dict("scheduler state");
  FieldWriter writer(dict, "");
  write(writer);
  return dict;
}

void LRScheduler::load_state_dict(const StateDict& dict) {
  std::set<std::string> used;
  FieldReader reader(dict, "", used);
  read(reader);
  check_all_used(dict, used, "load_state_dict");
}

void LRScheduler::write(FieldWriter& writer) const {
  writer("last_epoch", step_count_);
  writer("base_lrs", base_lrs_);
}

void LRScheduler::read(FieldReader& reader) {
  int64_t last_epoch;
  std::vector<double> base_lrs;
  reader("last_epoch", last_epoch);
  reader("base_lrs", base_lrs);
  ENSURE(base_lrs.size() == base_lrs_.size(), "load_state_dict: base_lrs must have ",
         base_lrs_.size(), " values, one per parameter group, got ", base_lrs.size());
  step_count_ = last_epoch;
  base_lrs_ = std::move(base_lrs);
}

}  // namespace fg::optim
