// Recurrent layers and cells.
//
// A layer runs over [length, batch, input_size] (or the batch first, or one sequence without batch) and
// returns the last layer's states [length, batch, directions * width] and the final state of every
// layer and direction [layers * directions, batch, width]. Initial states are zero unless given.
// forward_with_packed_input takes sequences of different lengths (nn/utils/rnn.h), each of which ends,
// or for the reverse direction begins, at its own last step.
// Parameters, uniform on +-1/sqrt(hidden_size): weight_ih_l<k>, weight_hh_l<k>, bias_ih_l<k>,
// bias_hh_l<k> and, with a projection, weight_hr_l<k>; for the reverse direction with "_reverse".
#pragma once

#include "autograd/ops/recurrent.h"
#include "nn/options/rnn.h"
#include "nn/pimpl.h"
#include "nn/utils/rnn.h"

namespace fg::nn {

namespace detail {

/// In a module's arguments, undefined states mean zeros.
using fg::detail::RecurrentState;

/// The options of all layers in one form.
struct RecurrentPlan {
  RecurrentKind kind;
  int64_t input_size, hidden_size, num_layers = 1, proj_size = 0;
  bool bias, batch_first = false, bidirectional = false;
  double dropout = 0;
};
RecurrentPlan plan_of(const RNNOptions& options);
RecurrentPlan plan_of(const LSTMOptions& options);
RecurrentPlan plan_of(const GRUOptions& options);

void register_recurrent(Module& module, const RecurrentPlan& plan);
void reset_recurrent(Module& module, const RecurrentPlan& plan);
void print_recurrent(std::ostream& out, const std::string& name, const RecurrentPlan& plan);
/// The last layer's states; `state` becomes the final states.
Tensor run_recurrent(const Module& module, const RecurrentPlan& plan, const Tensor& input,
                     RecurrentState& state);
utils::rnn::PackedSequence run_recurrent(const Module& module, const RecurrentPlan& plan,
                                         const utils::rnn::PackedSequence& input,
                                         RecurrentState& state);

/// What the layers share.
template <class Derived, class ModuleOptions>
class RecurrentModule : public Cloneable<Derived> {
 public:
  RecurrentModule(int64_t input_size, int64_t hidden_size)
      : RecurrentModule(ModuleOptions(input_size, hidden_size)) {}
  explicit RecurrentModule(const ModuleOptions& options) : options(options) {
    RecurrentModule::reset();
  }
  void reset() override {
    register_recurrent(*this, plan_of(options));
    reset_parameters();
  }
  void reset_parameters() { reset_recurrent(*this, plan_of(options)); }
  void pretty_print(std::ostream& out) const override {
    print_recurrent(out, printed_name<Derived>(), plan_of(options));
  }
  std::vector<Tensor> all_weights() const { return this->parameters(); }
  /// Nothing to do: weights are used where they lie.
  void flatten_parameters() {}

  ModuleOptions options;
};

/// Parameters of a cell and the step that uses them.
template <class Derived, class ModuleOptions>
class RecurrentCell : public Cloneable<Derived> {
 public:
  RecurrentCell(int64_t input_size, int64_t hidden_size)
      : RecurrentCell(ModuleOptions(input_size, hidden_size)) {}
  explicit RecurrentCell(const ModuleOptions& options) : options(options) {
    RecurrentCell::reset();
  }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& out) const override;

  ModuleOptions options;
  Tensor weight_ih;
  Tensor weight_hh;
  Tensor bias_ih;
  Tensor bias_hh;

 protected:
  /// One step of [batch, input_size] or [input_size].
  RecurrentState step(const Tensor& input, const RecurrentState& state) const;
};

}  // namespace detail

/// h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with relu.
class RNNImpl : public detail::RecurrentModule<RNNImpl, RNNOptions> {
 public:
  using RecurrentModule::RecurrentModule;
  std::tuple<Tensor, Tensor> forward(const Tensor& input, const Tensor& hx = {});
  std::tuple<utils::rnn::PackedSequence, Tensor> forward_with_packed_input(
      const utils::rnn::PackedSequence& packed_input, const Tensor& hx = {});
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {{1, AnyValue(Tensor())}};
  }
};
using RNN = ModuleHolder<RNNImpl>;

/// Long short-term memory: gates i, f, g, o stacked in this order; c' = f c + i g, h' = o tanh(c').
class LSTMImpl : public detail::RecurrentModule<LSTMImpl, LSTMOptions> {
 public:
  using State = std::tuple<Tensor, Tensor>;
  using RecurrentModule::RecurrentModule;
  /// The states, and the final (hidden, cell).
  std::tuple<Tensor, State> forward(const Tensor& input, const optional<State>& hx = nullopt);
  std::tuple<utils::rnn::PackedSequence, State> forward_with_packed_input(
      const utils::rnn::PackedSequence& packed_input, const optional<State>& hx = nullopt);
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {{1, AnyValue(optional<State>())}};
  }
};
using LSTM = ModuleHolder<LSTMImpl>;

/// Gated recurrent unit: gates r, z, n stacked; n = tanh(x_n + r h_n), h' = (1 - z) n + z h.
class GRUImpl : public detail::RecurrentModule<GRUImpl, GRUOptions> {
 public:
  using RecurrentModule::RecurrentModule;
  std::tuple<Tensor, Tensor> forward(const Tensor& input, const Tensor& hx = {});
  std::tuple<utils::rnn::PackedSequence, Tensor> forward_with_packed_input(
      const utils::rnn::PackedSequence& packed_input, const Tensor& hx = {});
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {{1, AnyValue(Tensor())}};
  }
};
using GRU = ModuleHolder<GRUImpl>;

class RNNCellImpl : public detail::RecurrentCell<RNNCellImpl, RNNCellOptions> {
 public:
  using RecurrentCell::RecurrentCell;
  Tensor forward(const Tensor& input, const Tensor& hx = {});
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {{1, AnyValue(Tensor())}};
  }
};
using RNNCell = ModuleHolder<RNNCellImpl>;

class LSTMCellImpl : public detail::RecurrentCell<LSTMCellImpl, LSTMCellOptions> {
 public:
  using State = std::tuple<Tensor, Tensor>;
  using RecurrentCell::RecurrentCell;
  /// The next (hidden, cell).
  State forward(const Tensor& input, const optional<State>& hx = nullopt);
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {{1, AnyValue(optional<State>())}};
  }
};
using LSTMCell = ModuleHolder<LSTMCellImpl>;

class GRUCellImpl : public detail::RecurrentCell<GRUCellImpl, GRUCellOptions> {
 public:
  using RecurrentCell::RecurrentCell;
  Tensor forward(const Tensor& input, const Tensor& hx = {});
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {{1, AnyValue(Tensor())}};
  }
};
using GRUCell = ModuleHolder<GRUCellImpl>;

extern template class detail::RecurrentCell<RNNCellImpl, RNNCellOptions>;
extern template class detail::RecurrentCell<LSTMCellImpl, LSTMCellOptions>;
extern template class detail::RecurrentCell<GRUCellImpl, GRUCellOptions>;

}  // namespace fg::nn
