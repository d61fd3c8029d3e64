#include "optim/sgd.h"

#include "optim/step_list.h"

namespace fg::optim {
namespace {

/// kFirst: a parameter's first step with a buffer.
template <bool kFirst>
SgdUpdate make_update(const OptimizerOptions& base, int64_t) {
  const auto& options = static_cast<const SGDOptions&>(base);
  return {.lr = options.lr(),
          .weight_decay = options.weight_decay(),
          .momentum = options.momentum(),
          .buffer_decay = kFirst ? 0 : options.momentum(),
          .grad_factor = kFirst ? 1 : 1 - options.dampening(),
          .nesterov = options.nesterov(),
          .maximize = options.maximize()};
}

}  // namespace

void SGDOptions::check() const {
  ENSURE(lr_ >= 0, "SGD: lr must be >= 0, got ", lr_);
  ENSURE(momentum_ >= 0, "SGD: momentum must be >= 0, got ", momentum_);
  ENSURE(weight_decay_ >= 0, "SGD: weight_decay must be >= 0, got ", weight_decay_);
  ENSURE(!nesterov_ || (momentum_ > 0 && dampening_ == 0),
         "SGD: nesterov requires momentum > 0 and dampening 0, got momentum ", momentum_,
         " and dampening ", dampening_);
}

std::unique_ptr<OptimizerParamState> SGD::make_state() const {
  return std::make_unique<SGDParamState>();
}

Tensor SGD::step(LossClosure closure) {
  const profiler::record_function range("Optimizer.step#SGD.step");
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  detail::StepList<SgdUpdate> list("SGD", lifetime(), take_found_inf());
  for (const OptimizerParamGroup& group : param_groups_) {
    const bool has_buffer = static_cast<const SGDOptions&>(group.options()).momentum() != 0;
    for (const Tensor& param : group.params()) {
      if (!param.grad().defined()) continue;
      if (!has_buffer) {
        list.add(param, {}, group, nullptr, make_update<false>);
        continue;
      }
      Tensor& buffer = state_of<SGDParamState>(param).momentum_buffer();
      const bool is_first = !buffer.defined();
      list.add(param, {detail::state_once(buffer, param)}, group, nullptr,
               is_first ? make_update<true> : make_update<false>);
    }
  }
  list.run();
  return loss;
}

}  // namespace fg::optim
