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

template <class Options>
AdamUpdate make_update(const OptimizerOptions& base, int64_t step) {
  const auto& options = static_cast<const Options&>(base);
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
void add_to(detail::StepList<AdamUpdate>& list, const Tensor& param,
            const OptimizerParamGroup& group, AdamParamState& state) {
  const Tensor& exp_avg = detail::state_once(state.exp_avg(), param);
  const Tensor& exp_avg_sq = detail::state_once(state.exp_avg_sq(), param);
  int64_t* const step = &state.step();
  if (!static_cast<const Options&>(group.options()).amsgrad())
    return list.add(param, {exp_avg, exp_avg_sq}, group, step, make_update<Options>);
  const Tensor& largest = detail::state_once(state.max_exp_avg_sq(), param);
  list.add(param, {exp_avg, exp_avg_sq, largest}, group, step, make_update<Options>);
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
  const profiler::record_function range("Optimizer.step#Adam.step");
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  detail::StepList<AdamUpdate> list("Adam", lifetime(), take_found_inf());
  for (const OptimizerParamGroup& group : param_groups_)
    for (const Tensor& param : group.params())
      if (param.grad().defined())
        add_to<AdamOptions>(list, param, group, state_of<AdamParamState>(param));
  list.run();
  return loss;
}

Tensor AdamW::step(LossClosure closure) {
  const profiler::record_function range("Optimizer.step#AdamW.step");
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  detail::StepList<AdamUpdate> list("AdamW", lifetime(), take_found_inf());
  for (const OptimizerParamGroup& group : param_groups_)
    for (const Tensor& param : group.params())
      if (param.grad().defined())
        add_to<AdamWOptions>(list, param, group, state_of<AdamParamState>(param));
  list.run();
  return loss;
}

}  // namespace fg::optim
