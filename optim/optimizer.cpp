#include "optim/optimizer.h"

#include <charconv>

#include "autograd/node.h"
#include "serialize/archive.h"
#include "tensor/profiler.h"

namespace fg::optim {

OptimizerParamGroup::OptimizerParamGroup(const OptimizerParamGroup& other)
    : params_(other.params_),
      options_(other.options_ ? other.options_->clone() : nullptr),
      initial_lr_(other.initial_lr_) {}

OptimizerOptions& OptimizerParamGroup::options() {
  ENSURE(options_, "OptimizerParamGroup: the group has no options yet");
  return *options_;
}
const OptimizerOptions& OptimizerParamGroup::options() const {
  return const_cast<OptimizerParamGroup*>(this)->options();
}

Optimizer::Optimizer(std::vector<OptimizerParamGroup> param_groups,
                     std::unique_ptr<OptimizerOptions> defaults)
    : defaults_(std::move(defaults)) {
  defaults_->check();
  for (const OptimizerParamGroup& group : param_groups) add_param_group(group);
}
Optimizer::Optimizer(std::vector<Tensor> parameters, std::unique_ptr<OptimizerOptions> defaults)
    : defaults_(std::move(defaults)) {
  defaults_->check();
  add_param_group(OptimizerParamGroup(std::move(parameters)));
}

void Optimizer::check_params(const std::vector<Tensor>& params, size_t group) const {
  for (size_t i = 0; i < params.size(); ++i) {
    const Tensor& param = params[i];
    ENSURE(param.defined(), "optimizer: params[", i, "] of group ", group, " is undefined");
    ENSURE(param.is_leaf() || param.retains_grad(),
           "optimizer: can't optimize a non-leaf Tensor (params[", i, "] of group ", group,
           ", made by ", param.grad_fn()->name(), ")");
    for (size_t j = 0; j < i; ++j)
      ENSURE(!param.is_same(params[j]), "optimizer: params[", j, "] and params[", i, "] of group ",
             group, " are the same tensor");
    for (size_t other = 0; other < param_groups_.size(); ++other)
      for (const Tensor& taken : param_groups_[other].params())
        ENSURE(!param.is_same(taken),
               "optimizer: some parameters appear in more than one parameter group (params[", i,
               "] of group ", group, " is in group ", other, ")");
  }
}

void Optimizer::add_param_group(const OptimizerParamGroup& param_group) {
  check_params(param_group.params(), param_groups_.size());
  OptimizerParamGroup group(param_group);
  if (!group.has_options()) group.set_options(defaults_->clone());
  group.options().check();
  param_groups_.push_back(std::move(group));
  lifetime_ = std::make_shared<char>();
}

void Optimizer::add_parameters(const std::vector<Tensor>& parameters) {
  check_params(parameters, 0);
  auto& params = this->parameters();
  params.insert(params.end(), parameters.begin(), parameters.end());
  lifetime_ = std::make_shared<char>();
}

void Optimizer::step_unless(const Tensor& found_inf) {
  found_inf_ = found_inf;
  step();
  ENSURE(
      !take_found_inf().defined(),
      "step_unless: this optimizer cannot skip a step on the device, so that a scaled step of its "
      "must not be captured");
}

void Optimizer::zero_grad(bool set_to_none) {
  const profiler::record_function range("Optimizer.zero_grad");
  for (OptimizerParamGroup& group : param_groups_) {
    for (Tensor& param : group.params()) {
      Tensor& grad = param.mutable_grad();
      if (!grad.defined()) continue;
      if (set_to_none) {
        grad.reset();
      } else {
        grad = grad.detach();
        grad.zero_();
      }
    }
  }
}

size_t Optimizer::size() const noexcept {
  size_t count = 0;
  for (const OptimizerParamGroup& group : param_groups_) count += group.params().size();
  return count;
}

// The text that `std::ostream << pointer` gives. It fits the string's own buffer, so a lookup
// allocates nothing.
std::string Optimizer::state_key(const Tensor& param) {
  char text[2 + 16] = {'0', 'x'};
  const auto end = std::to_chars(text + 2, text + sizeof text,
                                 reinterpret_cast<uintptr_t>(param.unsafeGetTensorImpl()), 16);
  return std::string(text, end.ptr);
}

Tensor Optimizer::evaluate(const LossClosure& closure) {
  if (!closure) return {};
  EnableGradGuard enable_grad;
  return closure();
}

std::unique_ptr<OptimizerParamState> Optimizer::make_state() const {
  fg::detail::fail("load_state_dict: this optimizer does not implement make_state()");
}

namespace {
std::string group_prefix(size_t group) { return str("param_groups.", group); }
std::string state_prefix(size_t param) { return str("state.", param); }
}  // namespace

StateDict Optimizer::state_dict() const {
  StateDict dict("optimizer state");
  size_t index = 0;
  for (const OptimizerParamGroup& group : param_groups_) {
    for (const Tensor& param : group.params()) {
      FieldWriter writer(dict, state_prefix(index++));
      const auto found = state_.find(state_key(param));
      if (found != state_.end()) found->second->write(writer);
    }
  }
  index = 0;
  for (size_t g = 0; g < param_groups_.size(); ++g) {
    FieldWriter writer(dict, group_prefix(g));
    param_groups_[g].options().write(writer);
    writer("initial_lr", param_groups_[g].initial_lr());
    std::vector<int64_t> indices;
    for (size_t i = 0; i < param_groups_[g].params().size(); ++i)
      indices.push_back(int64_t(index++));
    writer("params", indices);
  }
  return dict;
}

void Optimizer::load_state_dict(const StateDict& dict) {
  std::set<std::string> used, with_state;
  for (const auto& item : dict)
    if (item.key().rfind("state.", 0) == 0)
      with_state.insert(item.key().substr(0, item.key().find('.', sizeof "state." - 1)));

  StateMap state;
  std::vector<OptimizerParamGroup> groups(param_groups_);
  size_t index = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    OptimizerParamGroup& group = groups[g];
    FieldReader reader(dict, group_prefix(g), used);
    ENSURE(reader.contains("params"), "load_state_dict: the state has ", g,
           " parameter groups, the optimizer ", groups.size());
    std::vector<int64_t> indices;
    reader("params", indices);
    ENSURE(indices.size() == group.params().size(), "load_state_dict: group ", g, " must have ",
           group.params().size(), " parameters, the state has ", indices.size());
    group.options().read(reader);
    group.options().check();
    reader("initial_lr", group.initial_lr());
    for (const Tensor& param : group.params()) {
      const std::string prefix = state_prefix(index++);
      if (!with_state.count(prefix)) continue;
      FieldReader state_reader(dict, prefix, used, param);
      auto& slot = state[state_key(param)] = make_state();
      slot->read(state_reader);
    }
  }
  check_all_used(dict, used, "load_state_dict");
  state_ = std::move(state);
  param_groups_ = std::move(groups);
  lifetime_ = std::make_shared<char>();
}

void Optimizer::save(serialize::OutputArchive& archive) const {
  for (const auto& item : state_dict()) archive.write(item.key(), item.value());
}

void Optimizer::load(serialize::InputArchive& archive) { load_state_dict(archive.tensors()); }

}  // namespace fg::optim
