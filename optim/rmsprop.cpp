#include "optim/rmsprop.h"

#include "optim/step_list.h"

namespace fg::optim {
namespace {

template <bool kCentered>
RmspropUpdate<kCentered> make_update(const OptimizerOptions& base, int64_t) {
  const auto& options = static_cast<const RMSpropOptions&>(base);
  return {.lr = options.lr(),
          .alpha = options.alpha(),
          .eps = options.eps(),
          .weight_decay = options.weight_decay(),
          .momentum = options.momentum(),
          .maximize = options.maximize()};
}

}  // namespace

void RMSpropOptions::check() const {
  ENSURE(lr_ >= 0, "RMSprop: lr must be >= 0, got ", lr_);
  ENSURE(eps_ >= 0, "RMSprop: eps must be >= 0, got ", eps_);
  ENSURE(momentum_ >= 0, "RMSprop: momentum must be >= 0, got ", momentum_);
  ENSURE(weight_decay_ >= 0, "RMSprop: weight_decay must be >= 0, got ", weight_decay_);
  ENSURE(alpha_ >= 0, "RMSprop: alpha must be >= 0, got ", alpha_);
}

std::unique_ptr<OptimizerParamState> RMSprop::make_state() const {
  return std::make_unique<RMSpropParamState>();
}

Tensor RMSprop::step(LossClosure closure) {
  const profiler::record_function range("Optimizer.step#RMSprop.step");
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  const Tensor found_inf = take_found_inf();
  detail::StepList<RmspropUpdate<false>> plain("RMSprop", lifetime(), found_inf);
  detail::StepList<RmspropUpdate<true>> centered("RMSprop", lifetime(), found_inf);
  for (const OptimizerParamGroup& group : param_groups_) {
    const auto& options = static_cast<const RMSpropOptions&>(group.options());
    for (const Tensor& param : group.params()) {
      if (!param.grad().defined()) continue;
      auto& state = state_of<RMSpropParamState>(param);
      int64_t* const step = &state.step();
      const Tensor& square_avg = detail::state_once(state.square_avg(), param);
      const bool has_buffer = options.momentum() > 0;
      if (has_buffer) detail::state_once(state.momentum_buffer(), param);
      if (options.centered()) {
        const Tensor& grad_avg = detail::state_once(state.grad_avg(), param);
        if (has_buffer)
          centered.add(param, {square_avg, grad_avg, state.momentum_buffer()}, group, step,
                       make_update<true>);
        else
          centered.add(param, {square_avg, grad_avg}, group, step, make_update<true>);
      } else {
        if (has_buffer)
          plain.add(param, {square_avg, state.momentum_buffer()}, group, step, make_update<false>);
        else
          plain.add(param, {square_avg}, group, step, make_update<false>);
      }
    }
  }
  plain.run();
  centered.run();
  return loss;
}

}  // namespace fg::optim
