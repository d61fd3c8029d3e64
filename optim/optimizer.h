// Optimizer: changes parameters after their gradients.
//
// optim/ holds the optimizers (sgd.h, adam.h, rmsprop.h, adagrad.h, lbfgs.h), the learning-rate
// schedulers (schedulers/), gradient clipping (clip_grad.h) and whole steps as CUDA graphs
// (graphed_step.h), with libtorch's spelling and Python PyTorch's semantics:
//
//   optim::SGD optimizer(model->parameters(), optim::SGDOptions(0.1).momentum(0.9));
//   optimizer.zero_grad();
//   loss.backward();
//   optimizer.step();
#pragma once

#include <functional>
#include <unordered_map>

#include "optim/options.h"

namespace fg::serialize {
class InputArchive;
class OutputArchive;
}  // namespace fg::serialize

namespace fg::optim {

/// Parameters that share one set of options. Without options of its own a group gets the
/// optimizer's.
class OptimizerParamGroup {
 public:
  OptimizerParamGroup(std::vector<Tensor> params,
                      std::unique_ptr<OptimizerOptions> options = nullptr)
      : params_(std::move(params)), options_(std::move(options)) {}
  OptimizerParamGroup(const OptimizerParamGroup& other);
  OptimizerParamGroup(OptimizerParamGroup&&) = default;
  OptimizerParamGroup& operator=(OptimizerParamGroup&&) = default;

  std::vector<Tensor>& params() { return params_; }
  const std::vector<Tensor>& params() const { return params_; }
  bool has_options() const { return bool(options_); }
  OptimizerOptions& options();
  const OptimizerOptions& options() const;
  void set_options(std::unique_ptr<OptimizerOptions> options) { options_ = std::move(options); }
  /// The learning rate that schedulers start from: what the first of them found, unless set before.
  optional<double>& initial_lr() { return initial_lr_; }
  const optional<double>& initial_lr() const { return initial_lr_; }

 private:
  std::vector<Tensor> params_;
  std::unique_ptr<OptimizerOptions> options_;
  optional<double> initial_lr_;
};

class Optimizer {
 public:
  using LossClosure = std::function<Tensor()>;
  /// By parameter: the printed address of its TensorImpl (libtorch's key).
  using StateMap = std::unordered_map<std::string, std::unique_ptr<OptimizerParamState>>;

  /// Throws if an option lies outside its range, a parameter is undefined, no leaf, or given twice.
  Optimizer(std::vector<OptimizerParamGroup> param_groups,
            std::unique_ptr<OptimizerOptions> defaults);
  Optimizer(std::vector<Tensor> parameters, std::unique_ptr<OptimizerOptions> defaults);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  Optimizer(Optimizer&&) = default;
  virtual ~Optimizer() = default;

  /// Updates every parameter that has a gradient. A closure is called first, with grad mode on; it
  /// computes the loss and its gradients, and its loss is returned (undefined without a closure).
  ///
  /// A step that is captured into a CUDA graph (cuda/graph.h) takes place in the replays alone. Each of them reads the
  /// groups' options and counts the parameters' steps anew, so that schedulers work and bias corrections go on; the
  /// replay throws when the optimizer is gone, or load_state_dict or a new group or parameter changed it since. An
  /// optimizer with state must have taken a step before.
  virtual Tensor step(LossClosure closure = nullptr) = 0;

  /// A step without closure that changes no tensor where `found_inf`, Float without dims on the device of all parameters, is
  /// not 0: how GradScaler skips captured steps. An error for optimizers that cannot do that.
  void step_unless(const Tensor& found_inf);

  void add_param_group(const OptimizerParamGroup& param_group);
  /// Adds to the first group.
  void add_parameters(const std::vector<Tensor>& parameters);
  /// Forgets every gradient, or fills it with zeros. (libtorch 1.13 filled with zeros by default.)
  void zero_grad(bool set_to_none = true);

  /// The parameters of the first group.
  const std::vector<Tensor>& parameters() const { return param_groups_.at(0).params(); }
  std::vector<Tensor>& parameters() { return param_groups_.at(0).params(); }
  /// The number of parameters in all groups.
  size_t size() const noexcept;
  OptimizerOptions& defaults() noexcept { return *defaults_; }
  const OptimizerOptions& defaults() const noexcept { return *defaults_; }
  std::vector<OptimizerParamGroup>& param_groups() noexcept { return param_groups_; }
  const std::vector<OptimizerParamGroup>& param_groups() const noexcept { return param_groups_; }
  StateMap& state() noexcept { return state_; }
  const StateMap& state() const noexcept { return state_; }

  /// `state.I.FIELD` for the I-th parameter, counted through the groups, and
  /// `param_groups.G.OPTION` for the G-th group, under the names that PyTorch uses. Tensors are shared with the
  /// optimizer, not copied.
  StateDict state_dict() const;
  /// Takes state and options from a dictionary of an optimizer of the same kind, over parameters of
  /// the same shapes in the same groups. Tensors are copied to their parameter's dtype and device.
  /// On an error nothing has changed.
  void load_state_dict(const StateDict& dict);
  /// state_dict() into an archive, and back: what save() and load() of serialize/archive.h call.
  virtual void save(serialize::OutputArchive& archive) const;
  virtual void load(serialize::InputArchive& archive);

 protected:
  /// A fresh state of this optimizer's type, for load_state_dict.
  virtual std::unique_ptr<OptimizerParamState> make_state() const;

  static std::string state_key(const Tensor& param);
  /// The parameter's state, made by default on first use.
  template <class State>
  State& state_of(const Tensor& param) {
    auto& slot = state_[state_key(param)];
    if (!slot) slot = std::make_unique<State>();
    return static_cast<State&>(*slot);
  }
  /// Dies with the optimizer, and when groups or states that the replays of a captured step refer to are replaced.
  std::weak_ptr<const void> lifetime() const { return lifetime_; }
  /// What step_unless was given, or an undefined tensor: to be taken by a step that heeds it.
  Tensor take_found_inf() { return std::exchange(found_inf_, Tensor()); }
  /// The closure's loss, computed with grad mode on.
  static Tensor evaluate(const LossClosure& closure);

  std::vector<OptimizerParamGroup> param_groups_;
  StateMap state_;
  std::unique_ptr<OptimizerOptions> defaults_;

 private:
  void check_params(const std::vector<Tensor>& params, size_t group) const;

  Tensor found_inf_;
  std::shared_ptr<const char> lifetime_ = std::make_shared<char>();
};

}  // namespace fg::optim
