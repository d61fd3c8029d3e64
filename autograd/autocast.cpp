#include "autograd/autocast.h"

#include "autograd/autocast_call.h"
#include "autograd/record.h"

namespace fg {
namespace {

void check_dtype(ScalarType dtype) {
  ENSURE(is_reduced_floating(dtype), "autocast: dtype must be BFloat16 or Half, got ", dtype);
}

/// The engine converts gradients to the dtype of what they belong to.
struct AutocastBackward : Node {
  std::string name() const override { return "AutocastBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override { return {grads[0]}; }
};

/// A kept copy of `leaf`, on the tape.
Tensor kept_cast(const Tensor& leaf, ScalarType type) {
  auto node = make_node<AutocastBackward>(leaf);
  const Tensor y = autocast::cached_cast(type, leaf);
  if (!node) return y;
  const Tensor result = untracked_alias(y);
  node->attach(result);
  return result;
}

}  // namespace

autocast::autocast(DeviceType device_type, optional<ScalarType> dtype, bool enabled,
                   bool cache_enabled)
    : previous_(state_) {
  const ScalarType type = dtype.value_or(get_dtype(device_type));
  check_dtype(type);
  state_.devices[size_t(device_type)] = {enabled, type};
  state_.cache_enabled = cache_enabled;
  update_active();
}

autocast::~autocast() { state_ = previous_; }

void autocast::set_autocast_enabled(DeviceType device_type, bool enabled) {
  state_.devices[size_t(device_type)].enabled = enabled;
  update_active();
}

void autocast::set_autocast_dtype(DeviceType device_type, ScalarType dtype) {
  check_dtype(dtype);
  state_.devices[size_t(device_type)].dtype = dtype;
}

namespace detail {

void AutocastCall::note_device(const Tensor& t) {
  if (!t.defined()) return;
  if (!first_.defined()) first_ = t;
  if (t.is_cuda()) device_ = kCUDA;
}

bool AutocastCall::is_eligible(const Tensor& t) const {
  return t.defined() && t.is_floating_point() && t.dtype() != kDouble &&
         t.device().type() == device_;
}

void AutocastCall::choose_policy() {
  const auto& settings = outside_.devices[size_t(device_)];
  policy_ = !settings.enabled ? CastPolicy::none : device_ == kCPU ? op_.cpu : op_.cuda;
  ENSURE(policy_ != CastPolicy::refused, op_.name,
         ": input is unsafe to autocast, as the gradient overflows 16 bits; use ", op_.name,
         "_with_logits on what goes into the sigmoid");
  if (policy_ == CastPolicy::lower_precision || policy_ == CastPolicy::promote)
    type_ = settings.dtype;
  sets_dtype_ = policy_ == CastPolicy::fp32_set_opt_dtype && is_eligible(first_);
}

void AutocastCall::widen(const Tensor& t) {
  if (!is_eligible(t)) return;
  const ScalarType lower = outside_.devices[size_t(device_)].dtype;
  ENSURE(t.dtype() == kFloat || t.dtype() == lower, op_.name,
         ": arguments under autocast must be Float or ", lower, ", got ", t.dtype());
  if (t.dtype() == kFloat) type_ = kFloat;
}

Tensor AutocastCall::operator()(const Tensor& t) const {
  const bool casts = policy_ != CastPolicy::none && policy_ != CastPolicy::fp32_set_opt_dtype;
  if (!casts || !is_eligible(t) || t.dtype() == type_) return t;
  const bool keeps = outside_.cache_enabled && t.dtype() == kFloat && t.requires_grad() &&
                     t.is_leaf() && !t.is_view();
  return keeps ? kept_cast(t, type_) : t.to(type_);
}

std::vector<Tensor> AutocastCall::operator()(TensorList list) const {
  std::vector<Tensor> result;
  for (const Tensor& t : list) result.push_back((*this)(t));
  return result;
}

}  // namespace detail
}  // namespace fg
