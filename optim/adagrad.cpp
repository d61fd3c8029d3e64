#include "optim/adagrad.h"

#include "optim/step_list.h"

namespace fg::optim {
namespace {

AdagradUpdate make_update(const OptimizerOptions& base, int64_t step) {
  const auto& options = static_cast<const AdagradOptions&>(base);
  return {.step_size = options.lr() / (1 + double(step - 1) * options.lr_decay()),
          .weight_decay = options.weight_decay(),
          .eps = options.eps(),
          .maximize = options.maximize()};
}

}  // namespace

void AdagradOptions::check() const {
  ENSURE(lr_ >= 0, "Adagrad: lr must be >= 0, got ", lr_);
  ENSURE(lr_decay_ >= 0, "Adagrad: lr_decay must be >= 0, got ", lr_decay_);
  ENSURE(weight_decay_ >= 0, "Adagrad: weight_decay must be >= 0, got ", weight_decay_);
  ENSURE(initial_accumulator_value_ >= 0, "Adagrad: initial_accumulator_value must be >= 0, got ",
         initial_accumulator_value_);
  ENSURE(eps_ >= 0, "Adagrad: eps must be >= 0, got ", eps_);
}

std::unique_ptr<OptimizerParamState> Adagrad::make_state() const {
  return std::make_unique<AdagradParamState>();
}

Tensor Adagrad::step(LossClosure closure) {
  const profiler::record_function range("Optimizer.step#Adagrad.step");
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  detail::StepList<AdagradUpdate> list("Adagrad", lifetime(), take_found_inf());
  for (const OptimizerParamGroup& group : param_groups_) {
    const auto& options = static_cast<const AdagradOptions&>(group.options());
    for (const Tensor& param : group.params()) {
      if (!param.grad().defined()) continue;
      auto& state = state_of<AdagradParamState>(param);
      detail::state_once(state.sum(), param, options.initial_accumulator_value());
      list.add(param, {state.sum()}, group, &state.step(), make_update);
    }
  }
  list.run();
  return loss;
}

}  // namespace fg::optim
