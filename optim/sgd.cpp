#include "optim/sgd.h"

#include "optim/step_list.h"

namespace fg::optim {

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
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  detail::StepList<SgdUpdate> list("SGD");
  for (const OptimizerParamGroup& group : param_groups_) {
    const auto& options = static_cast<const SGDOptions&>(group.options());
    const SgdUpdate update{.lr = options.lr(),
                           .weight_decay = options.weight_decay(),
                           .momentum = options.momentum(),
                           .buffer_decay = options.momentum(),
                           .grad_factor = 1 - options.dampening(),
                           .nesterov = options.nesterov(),
                           .maximize = options.maximize()};
    for (const Tensor& param : group.params()) {
      if (!param.grad().defined()) continue;
      if (options.momentum() == 0) {
        list.add(param, {}, update);
        continue;
      }
      Tensor& buffer = state_of<SGDParamState>(param).momentum_buffer();
      SgdUpdate first = update;
      first.buffer_decay = 0, first.grad_factor = 1;
      const bool is_first = !buffer.defined();
      list.add(param, {detail::zeros_once(buffer, param)}, is_first ? first : update);
    }
  }
  list.run();
  return loss;
}

}  // namespace fg::optim
