#include "optim/adagrad.h"

#include "optim/step_list.h"
#include "tensor/factories.h"

namespace fg::optim {

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
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  detail::StepList<AdagradUpdate> list("Adagrad");
  for (const OptimizerParamGroup& group : param_groups_) {
    const auto& options = static_cast<const AdagradOptions&>(group.options());
    for (const Tensor& param : group.params()) {
      if (!param.grad().defined()) continue;
      auto& state = state_of<AdagradParamState>(param);
      if (!state.sum().defined()) state.sum(full_like(param, options.initial_accumulator_value()));
      const double past_steps = double(state.step()++);
      list.add(param, {state.sum()},
               {.step_size = options.lr() / (1 + past_steps * options.lr_decay()),
                .weight_decay = options.weight_decay(),
                .eps = options.eps(),
                .maximize = options.maximize()});
    }
  }
  list.run();
  return loss;
}

}  // namespace fg::optim
