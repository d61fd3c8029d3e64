#include "optim/grad_scaler.h"

#include <set>

#include "autograd/node.h"
#include "autograd/ops/elementwise.h"
#include "optim/gradient_lists.h"
#include "optim/state_fields.h"
#include "tensor/factories.h"
#include "tensor/kernels/capture.h"
#include "tensor/kernels/optim.h"
#include "tensor/on_device.h"

namespace fg::amp {
namespace {

bool is_captured([[maybe_unused]] const Tensor& tensor) {
  if constexpr (kHasCuda) return tensor.is_cuda() && cuda::is_in_capture(tensor.device().index());
  return false;
}

/// Unscales gradients of one device.
void unscale(const std::vector<Tensor>& grads, const Tensor& found_inf, const Tensor& inv_scale) {
  std::vector<Tensor> rest;
  for (const std::vector<Tensor>& list : optim::detail::by_device(grads, rest)) {
    ON_DEVICE(list[0], unscale_and_check, list, found_inf, inv_scale);
    for (const Tensor& grad : list) finish_inplace(grad, nullptr);
  }
  for (const Tensor& grad : rest) {
    found_inf.add_(grad.isfinite().all().logical_not());
    grad.mul_(inv_scale);
  }
}

}  // namespace

GradScaler::GradScaler(GradScalerOptions options) : options_(options) {
  if (!is_enabled()) return;
  ENSURE(options_.growth_factor() > 1, "GradScaler: growth_factor must be above 1, got ",
         options_.growth_factor());
  ENSURE(options_.backoff_factor() < 1, "GradScaler: backoff_factor must be below 1, got ",
         options_.backoff_factor());
}

void GradScaler::make_scale(Device device) {
  if constexpr (kHasCuda) {
    if (device.is_cuda())
      cuda::refuse_in_capture("GradScaler::scale",
                              "the scale would start anew at every replay: take a step before",
                              device.index());
  }
  scale_ = full({}, options_.init_scale(), TensorOptions(kFloat).device(device));
  growth_tracker_ = full({}, init_growth_tracker_, TensorOptions(kInt).device(device));
}

void GradScaler::check_scale(const char* op) const {
  ENSURE(scale_.defined(), "GradScaler::", op, ": scale() must be called before");
}

Tensor GradScaler::scale(const Tensor& outputs) {
  if (!is_enabled()) return outputs;
  if (!scale_.defined()) make_scale(outputs.device());
  return outputs * scale_.to(outputs.device());
}
std::vector<Tensor> GradScaler::scale(const std::vector<Tensor>& outputs) {
  std::vector<Tensor> result;
  for (const Tensor& output : outputs) result.push_back(scale(output));
  return result;
}

void GradScaler::unscale_(optim::Optimizer& optimizer) {
  if (!is_enabled()) return;
  check_scale("unscale_");
  OptimizerState& state = states_[&optimizer];
  ENSURE(state.stage != Stage::Unscaled,
         "GradScaler::unscale_: must not be called twice on one optimizer between step and update");
  ENSURE(state.stage != Stage::Stepped,
         "GradScaler::unscale_: must not be called after step on the same optimizer");
  std::vector<std::vector<Tensor>> grads;  // one list per device
  for (const optim::OptimizerParamGroup& group : optimizer.param_groups()) {
    for (const Tensor& param : group.params()) {
      const Tensor& grad = param.grad();
      if (!grad.defined()) continue;
      ENSURE(grad.dtype() != kHalf, "GradScaler::unscale_: gradients must not be Half");
      optim::detail::list_of(grads, grad.device()).push_back(grad);
    }
  }
  const NoGradGuard no_grad;
  // In double, so that the scale's reciprocal is exact for a power of 2 and correctly rounded else.
  const Tensor inv_scale = scale_.to(kDouble).reciprocal().to(kFloat);
  for (const std::vector<Tensor>& list : grads) {
    const Device device = list[0].device();
    state.found_inf.push_back(zeros({}, TensorOptions(kFloat).device(device)));
    unscale(list, state.found_inf.back(), inv_scale.to(device));
  }
  state.stage = Stage::Unscaled;
}

Tensor GradScaler::found_inf(const std::vector<Tensor>& found) const {
  const NoGradGuard no_grad;
  Tensor sum = found.at(0).to(scale_.device());
  for (size_t i = 1; i < found.size(); ++i) sum = sum.add(found[i].to(scale_.device()));
  return sum;
}

Tensor GradScaler::step(optim::Optimizer& optimizer, const optim::Optimizer::LossClosure& closure) {
  if (!is_enabled()) return optimizer.step(closure);
  ENSURE(!closure, "GradScaler::step: closure must be empty while the scaler is enabled");
  check_scale("step");
  ENSURE(states_[&optimizer].stage != Stage::Stepped,
         "GradScaler::step: must not be called twice on one optimizer without update between");
  if (states_[&optimizer].stage == Stage::Ready) unscale_(optimizer);
  OptimizerState& state = states_[&optimizer];
  ENSURE(!state.found_inf.empty(),
         "GradScaler::step: no inf checks were recorded for this optimizer: none of its parameters "
         "has a gradient");
  if (is_captured(scale_)) {
    ENSURE(state.found_inf.size() == 1,
           "GradScaler::step: a captured optimizer must have its parameters on one device");
    optimizer.step_unless(state.found_inf[0]);
  } else if (found_inf(state.found_inf).item<double>() == 0) {
    optimizer.step();
  }
  state.stage = Stage::Stepped;
  return {};
}

void GradScaler::update(optional<double> new_scale) {
  if (!is_enabled()) return;
  check_scale("update");
  const NoGradGuard no_grad;
  if (new_scale) {
    scale_.fill_(*new_scale);
  } else {
    std::vector<Tensor> found;
    for (const auto& [optimizer, state] : states_)
      found.insert(found.end(), state.found_inf.begin(), state.found_inf.end());
    ENSURE(!found.empty(), "GradScaler::update: no inf checks were recorded before update");
    ON_DEVICE(scale_, update_loss_scale, scale_, growth_tracker_, found_inf(found),
              LossScaleUpdate{options_.growth_factor(), options_.backoff_factor(),
                              options_.growth_interval()});
  }
  begin_iteration();
}

void GradScaler::update(const Tensor& new_scale) {
  if (!is_enabled()) return;
  check_scale("update");
  ENSURE(new_scale.numel() == 1 && new_scale.dtype() == kFloat && !new_scale.requires_grad(),
         "GradScaler::update: new_scale must be a number or a Float tensor of one element that "
         "does not require grad, got ",
         new_scale.dtype(), " of shape ", new_scale.sizes());
  const NoGradGuard no_grad;
  scale_.copy_(new_scale.reshape({}));
  begin_iteration();
}

double GradScaler::get_scale() const {
  if (!is_enabled()) return 1;
  return scale_.defined() ? scale_.item<double>() : options_.init_scale();
}

StateDict GradScaler::state_dict() const {
  StateDict dict("gradient scaler state");
  if (!is_enabled()) return dict;
  optim::FieldWriter write(dict, "");
  write("scale", get_scale());
  write("growth_factor", options_.growth_factor());
  write("backoff_factor", options_.backoff_factor());
  write("growth_interval", options_.growth_interval());
  write("_growth_tracker",
        growth_tracker_.defined() ? growth_tracker_.item<int64_t>() : init_growth_tracker_);
  return dict;
}

void GradScaler::load_state_dict(const StateDict& dict) {
  if (!is_enabled()) return;
  ENSURE(dict.size() > 0,
         "GradScaler::load_state_dict: the state is empty, perhaps that of a scaler that was not "
         "enabled");
  GradScalerOptions options = options_;
  int64_t growth_tracker = 0;
  std::set<std::string> used;
  optim::FieldReader read(dict, "", used);
  read("scale", options.init_scale());
  read("growth_factor", options.growth_factor());
  read("backoff_factor", options.backoff_factor());
  read("growth_interval", options.growth_interval());
  read("_growth_tracker", growth_tracker);
  options_ = options;
  init_growth_tracker_ = growth_tracker;
  if (!scale_.defined()) return;
  const NoGradGuard no_grad;
  scale_.fill_(options.init_scale());
  growth_tracker_.fill_(growth_tracker);
}

}  // namespace fg::amp
