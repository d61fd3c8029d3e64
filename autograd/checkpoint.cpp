#include "autograd/checkpoint.h"

#include "autograd/autocast.h"
#include "autograd/record.h"

namespace fg::autograd {
namespace {

using CheckpointFunction = std::function<variable_list(const variable_list&)>;

/// Where the default generators of some devices stand.
class RandomStates {
 public:
  RandomStates() = default;
  /// Of the CPU and of the inputs' devices.
  explicit RandomStates(const variable_list& inputs) {
    add(kCPU);
    for (const Tensor& x : inputs)
      if (x.defined()) add(x.device());
  }
  /// Of the same devices, now.
  RandomStates current() const {
    RandomStates now;
    for (const auto& [device, state] : states_) now.add(device);
    return now;
  }
  void restore() const {
    for (const auto& [device, state] : states_) default_generator(device).set_state(state);
  }
  bool empty() const { return states_.empty(); }

 private:
  void add(Device device) {
    for (const auto& [known, state] : states_)
      if (known == device) return;
    states_.emplace_back(device, default_generator(device).get_state());
  }

  std::vector<std::pair<Device, Tensor>> states_;
};

/// Goes on from the given states, and restores the present ones on leaving the scope.
class RandomStatesGuard {
 public:
  explicit RandomStatesGuard(const RandomStates& states) : saved_(states.current()) {
    states.restore();
  }
  ~RandomStatesGuard() { saved_.restore(); }
  RandomStatesGuard(const RandomStatesGuard&) = delete;
  RandomStatesGuard& operator=(const RandomStatesGuard&) = delete;

 private:
  RandomStates saved_;
};

struct CheckpointBackward : Node {
  CheckpointFunction function;
  std::vector<std::unique_ptr<Saved>> inputs;
  RandomStates random_states;  // empty unless they are to be restored
  autocast::State autocast_state = autocast::state();

  std::string name() const override { return "CheckpointBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    ENSURE(!GradMode::is_enabled(),
           "checkpoint: create_graph is not supported through a checkpoint");
    // The inner pass accumulates into captured leaves, and grad() would not see what they get.
    ENSURE(Engine::accumulates(),
           "checkpoint: gradients go through a checkpoint by backward() without inputs only");
    variable_list again;
    for (size_t i = 0; i < inputs.size(); ++i) {
      Tensor x = inputs[i]->unpack();
      // A leaf of its own, so that the inner pass stops here and leaves a gradient to collect.
      if (x.defined()) x = x.detach().set_requires_grad(needs(i));
      again.push_back(x);
    }
    const variable_list outputs = recompute(again);
    ENSURE(outputs.size() == grads.size(), "checkpoint: function returned ", grads.size(),
           " tensors first and ", outputs.size(), " when run again");
    variable_list roots, seeds;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!grads[i].defined() || !outputs[i].requires_grad()) continue;
      roots.push_back(outputs[i]);
      seeds.push_back(grads[i]);
    }
    if (!roots.empty()) autograd::backward(roots, seeds);
    std::vector<Tensor> result;
    for (const Tensor& x : again) result.push_back(x.defined() ? x.grad() : Tensor());
    return result;
  }

 private:
  variable_list recompute(const variable_list& again) const {
    EnableGradGuard enable;
    const autocast::StateGuard casts(autocast_state);
    if (random_states.empty()) return function(again);
    const RandomStatesGuard guard(random_states);
    return function(again);
  }
};

}  // namespace

variable_list checkpoint(const CheckpointFunction& function, const variable_list& inputs,
                         bool preserve_rng_state) {
  auto node = make_node<CheckpointBackward>(inputs);
  if (!node) return function(inputs);
  node->function = function;
  if (preserve_rng_state) node->random_states = RandomStates(inputs);
  for (const Tensor& x : inputs) {
    node->inputs.push_back(std::make_unique<Saved>(node.get()));
    node->inputs.back()->save(x);
  }
  variable_list outputs;
  {
    NoGradGuard guard;
    outputs = function(inputs);
  }
  for (Tensor& y : outputs) {
    if (!y.defined() || !y.is_floating_point()) {
      node->skip_output();
      continue;
    }
    // What somebody else holds, such as an input passed through, keeps its own history.
    if (y.use_count() > 1) y = untracked_alias(y);
    node->attach(y);
  }
  return outputs;
}

}  // namespace fg::autograd
