#include "optim/adam.h"

#include <cmath>

#include "optim/step_list.h"

namespace fg::optim {
namespace {

template <class Options>
void check_options(const char* optimizer, const Options& options) {
  const auto [beta1, beta2] = options.betas();
  ENSURE(options.lr() >= 0, optimizer, ": lr must be >= 0, got ", options.lr());
  ENSURE(options.eps() >= 0, optimizer, ": eps must be >= 0, got ", options.eps());
  ENSURE(beta1 >= 0 && beta1 < 1, optimizer, ": betas[0] must be in [0, 1), got ", beta1);
  ENSURE(beta2 >= 0 && beta2 < 1, optimizer, ": betas[1] must be in [0, 1), got ", beta2);
  ENSURE(options.weight_decay() >= 0, optimizer, ": weight_decay must be >= 0, got ",
         options.weight_decay());
}

/// The update rule at a parameter's `step`-th step, counted from 1.
template <class Options>
AdamUpdate make_update(const Options& options, int64_t step) {
  constexpr bool kDecoupled = std::is_same_v<Options, AdamWOptions>;
  const auto [beta1, beta2] = options.betas();
  return {.weight_decay = kDecoupled ? 0 : options.weight_decay(),
          .param_decay = kDecoupled ? 1 - options.lr() * options.weight_decay() : 1,
          .beta1 = beta1,
          .beta2 = beta2,
          .eps = options.eps(),
          .step_size = options.lr() / (1 - std::pow(beta1, double(step))),
          .bias_correction2_sqrt = std::sqrt(1 - std::pow(beta2, double(step))),
          .maximize = options.maximize()};
}

template <class Options>
void add_to(detail::StepList<AdamUpdate>& list, const Tensor& param, AdamParamState& state,
            const Options& options) {
  const Tensor& exp_avg = detail::zeros_once(state.exp_avg(), param);
  const Tensor& exp_avg_sq = detail::zeros_once(state.exp_avg_sq(), param);
  const AdamUpdate update = make_update(options, ++state.step());
  if (options.amsgrad())
    list.add(param, {exp_avg, exp_avg_sq, detail::zeros_once(state.max_exp_avg_sq(), param)},
             update);
  else
    list.add(param, {exp_avg, exp_avg_sq}, update);
}

}  // namespace

void AdamOptions::check() const { check_options("Adam", *this); }
void AdamWOptions::check() const { check_options("AdamW", *this); }

std::unique_ptr<OptimizerParamState> Adam::make_state() const {
  return std::make_unique<AdamParamState>();
}
std::unique_ptr<OptimizerParamState> AdamW::make_state() const {
  return std::make_unique<AdamParamState>();
}

Tensor Adam::step(LossClosure closure) {
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  detail::StepList<AdamUpdate> list("Adam");
  for (const OptimizerParamGroup& group : param_groups_)
    for (const Tensor& param : group.params())
      if (param.grad().defined())
        add_to(list, param, state_of<AdamParamState>(param),
               static_cast<const AdamOptions&>(group.options()));
  list.run();
  return loss;
}

Tensor AdamW::step(LossClosure closure) {
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  detail::StepList<AdamUpdate> list("AdamW");
  for (const OptimizerParamGroup& group : param_groups_)
    for (const Tensor& param : group.params())
      if (param.grad().defined())
        add_to(list, param, state_of<AdamParamState>(param),
               static_cast<const AdamWOptions&>(group.options()));
  list.run();
  return loss;
}

}  // namespace fg::optim
