#include "nn/modules/rnn.h"

#include <cmath>
#include <functional>

#include "autograd/ops/dropout.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/linalg.h"
#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn {
namespace detail {

using utils::rnn::PackedSequence;

namespace {

int64_t num_gates(RecurrentKind kind) {
  return kind == RecurrentKind::Lstm ? 4 : kind == RecurrentKind::Gru ? 3 : 1;
}

const char* op_name(RecurrentKind kind) {
  return kind == RecurrentKind::Lstm ? "lstm" : kind == RecurrentKind::Gru ? "gru" : "rnn";
}

/// Parameters of one layer in one direction; absent ones are undefined.
struct CellWeights {
  Tensor w_ih, w_hh, b_ih, b_hh, w_hr;
};

/// The next state from `x_gates` = W_ih x + b_ih.
RecurrentState next_state(RecurrentKind kind, const Tensor& x_gates, const RecurrentState& state,
                          const CellWeights& w) {
  const Tensor h_gates = fg::linear(state.hidden, w.w_hh, w.b_hh);
  if (kind == RecurrentKind::Gru) {
    const auto x = x_gates.chunk(3, -1), h = h_gates.chunk(3, -1);
    const Tensor reset = (x[0] + h[0]).sigmoid(), update = (x[1] + h[1]).sigmoid();
    const Tensor candidate = (x[2] + reset * h[2]).tanh();
    return {(state.hidden - candidate) * update + candidate, {}};
  }
  const Tensor sum = x_gates + h_gates;
  if (kind == RecurrentKind::RnnTanh) return {sum.tanh(), {}};
  if (kind == RecurrentKind::RnnRelu) return {sum.relu(), {}};
  const auto gates = sum.chunk(4, -1);
  const Tensor cell = gates[1].sigmoid() * state.cell + gates[0].sigmoid() * gates[2].tanh();
  Tensor hidden = gates[3].sigmoid() * cell.tanh();
  if (w.w_hr.defined()) hidden = fg::linear(hidden, w.w_hr);
  return {hidden, cell};
}

RecurrentState rows_of(const RecurrentState& state, int64_t begin, int64_t end) {
  if (begin == 0 && end == state.hidden.size(0)) return state;
  return {state.hidden.narrow(0, begin, end - begin),
          state.cell.defined() ? state.cell.narrow(0, begin, end - begin) : Tensor()};
}

RecurrentState joined_rows(const std::vector<RecurrentState>& parts) {
  std::vector<Tensor> hidden, cell;
  for (const RecurrentState& part : parts) {
    hidden.push_back(part.hidden);
    if (part.cell.defined()) cell.push_back(part.cell);
  }
  return {fg::cat(hidden), cell.empty() ? Tensor() : fg::cat(cell)};
}

/// All states of one direction, step by step; `state` becomes the final one. The batch shrinks from
/// step to step where sequences end.
std::vector<Tensor> run_direction(RecurrentKind kind, const std::vector<Tensor>& x_gates,
                                  bool reverse, RecurrentState& state, const CellWeights& w) {
  const size_t length = x_gates.size();
  const RecurrentState initial = state;
  std::vector<RecurrentState> ended;  // the shortest sequences first
  std::vector<Tensor> states(length);
  state = rows_of(initial, 0, x_gates[reverse ? length - 1 : 0].size(0));
  for (size_t step = 0; step < length; ++step) {
    const size_t t = reverse ? length - 1 - step : step;
    const int64_t batch = x_gates[t].size(0), previous = state.hidden.size(0);
    if (batch > previous) state = joined_rows({state, rows_of(initial, previous, batch)});
    if (batch < previous) {
      ended.push_back(rows_of(state, batch, previous));
      state = rows_of(state, 0, batch);
    }
    state = next_state(kind, x_gates[t], state, w);
    states[t] = state.hidden;
  }
  if (!ended.empty()) {
    ended.push_back(state);
    std::reverse(ended.begin(), ended.end());
    state = joined_rows(ended);
  }
  return states;
}

std::string suffix(int64_t layer, bool reverse) {
  return "_l" + std::to_string(layer) + (reverse ? "_reverse" : "");
}

void check_state(const Tensor& state, IntArrayRef shape, const char* name, const char* op) {
  ENSURE(state.sizes() == shape, op, ": ", name, " must have shape ", shape,
         " (layers * directions, batch, width), got ", state.sizes());
}

}  // namespace

RecurrentPlan plan_of(const RNNOptions& o) {
  return {o.nonlinearity() == kReLU ? RecurrentKind::RnnRelu : RecurrentKind::RnnTanh,
          o.input_size(),
          o.hidden_size(),
          o.num_layers(),
          0,
          o.bias(),
          o.batch_first(),
          o.bidirectional(),
          o.dropout()};
}

RecurrentPlan plan_of(const LSTMOptions& o) {
  return {RecurrentKind::Lstm, o.input_size(),    o.hidden_size(),
          o.num_layers(),      o.proj_size(),     o.bias(),
          o.batch_first(),     o.bidirectional(), o.dropout()};
}

RecurrentPlan plan_of(const GRUOptions& o) {
  return {RecurrentKind::Gru, o.input_size(),  o.hidden_size(),   o.num_layers(), 0,
          o.bias(),           o.batch_first(), o.bidirectional(), o.dropout()};
}

void register_recurrent(Module& module, const RecurrentPlan& plan) {
  const char* op = op_name(plan.kind);
  ENSURE(plan.dropout >= 0 && plan.dropout <= 1, op, ": dropout must lie in [0, 1], got ",
         plan.dropout);
  ENSURE(plan.hidden_size > 0, op, ": hidden_size must be positive, got ", plan.hidden_size);
  ENSURE(plan.num_layers > 0, op, ": num_layers must be positive, got ", plan.num_layers);
  ENSURE(plan.proj_size >= 0 && plan.proj_size < plan.hidden_size, op,
         ": proj_size must lie in [0, hidden_size), got ", plan.proj_size);
  const int64_t rows = num_gates(plan.kind) * plan.hidden_size;
  const int64_t width = plan.proj_size > 0 ? plan.proj_size : plan.hidden_size;
  for (int64_t layer = 0; layer < plan.num_layers; ++layer) {
    const int64_t in = layer == 0 ? plan.input_size : width * (1 + plan.bidirectional);
    for (int reverse = 0; reverse <= plan.bidirectional; ++reverse) {
      const std::string end = suffix(layer, reverse);
      module.register_parameter("weight_ih" + end, empty({rows, in}));
      module.register_parameter("weight_hh" + end, empty({rows, width}));
      if (plan.bias) {
        module.register_parameter("bias_ih" + end, empty({rows}));
        module.register_parameter("bias_hh" + end, empty({rows}));
      }
      if (plan.proj_size > 0) {
        module.register_parameter("weight_hr" + end, empty({plan.proj_size, plan.hidden_size}));
      }
    }
  }
}

void reset_recurrent(Module& module, const RecurrentPlan& plan) {
  const double bound = 1 / std::sqrt(double(plan.hidden_size));
  for (const Tensor& parameter : module.parameters()) init::uniform_(parameter, -bound, bound);
}

void print_recurrent(std::ostream& out, const std::string& name, const RecurrentPlan& plan) {
  out << name << "(input_size=" << plan.input_size << ", hidden_size=" << plan.hidden_size
      << ", num_layers=" << plan.num_layers << ", bias=" << bool_text(plan.bias)
      << ", batch_first=" << bool_text(plan.batch_first) << ", dropout=" << plan.dropout
      << ", bidirectional=" << bool_text(plan.bidirectional);
  if (plan.proj_size > 0) out << ", proj_size=" << plan.proj_size;
  out << ')';
}

namespace {

/// Initial states [layers * directions, batch, width]: zeros unless given.
RecurrentState initial_state(const RecurrentPlan& plan, const RecurrentState& given, int64_t batch,
                             const TensorOptions& options) {
  const char* op = op_name(plan.kind);
  const int64_t count = plan.num_layers * (1 + plan.bidirectional);
  const auto initial = [&](const Tensor& state, int64_t extent, const char* name) {
    const DimVector shape{count, batch, extent};
    if (!state.defined()) return zeros(shape, options);
    check_state(state, shape, name, op);
    return state;
  };
  const int64_t width = plan.proj_size > 0 ? plan.proj_size : plan.hidden_size;
  const bool has_cell = plan.kind == RecurrentKind::Lstm;
  return {initial(given.hidden, width, "hx"),
          has_cell ? initial(given.cell, plan.hidden_size, "cx") : Tensor()};
}

/// Runs all layers. `sequence` is [length, batch, features], or with `batch_sizes` packed. `state`
/// goes from the initial to the final states.
Tensor run_layers(const Module& module, const RecurrentPlan& plan, Tensor sequence,
                  const std::vector<int64_t>* batch_sizes, RecurrentState& state) {
  const int64_t directions = 1 + plan.bidirectional;
  const bool has_cell = plan.kind == RecurrentKind::Lstm;
  const auto parameters = module.named_parameters(false);
  auto parameter = [&](const std::string& name) {
    const Tensor* found = parameters.find(name);
    return found ? *found : Tensor();
  };
  std::vector<Tensor> final_hidden, final_cell;
  for (int64_t layer = 0; layer < plan.num_layers; ++layer) {
    if (layer > 0) sequence = fg::dropout(sequence, plan.dropout, module.is_training());
    std::vector<Tensor> outputs;
    for (int reverse = 0; reverse < directions; ++reverse) {
      const std::string end = suffix(layer, reverse);
      const CellWeights weights{parameter("weight_ih" + end), parameter("weight_hh" + end),
                                parameter("bias_ih" + end), parameter("bias_hh" + end),
                                parameter("weight_hr" + end)};
      const Tensor x_gates = fg::linear(sequence, weights.w_ih, weights.b_ih);
      const int64_t index = layer * directions + reverse;
      RecurrentState current{state.hidden[index], has_cell ? state.cell[index] : Tensor()};
      const std::vector<Tensor> states =
          run_direction(plan.kind, batch_sizes ? x_gates.split(*batch_sizes) : x_gates.unbind(0),
                        reverse, current, weights);
      outputs.push_back(batch_sizes ? fg::cat(states) : fg::stack(states));
      final_hidden.push_back(current.hidden);
      if (has_cell) final_cell.push_back(current.cell);
    }
    sequence = outputs.size() == 1 ? outputs[0] : fg::cat(outputs, -1);
  }
  state.hidden = fg::stack(final_hidden);
  if (has_cell) state.cell = fg::stack(final_cell);
  return sequence;
}

RecurrentState mapped(const RecurrentState& state,
                      const std::function<Tensor(const Tensor&)>& map) {
  return {state.hidden.defined() ? map(state.hidden) : Tensor(),
          state.cell.defined() ? map(state.cell) : Tensor()};
}

}  // namespace

Tensor run_recurrent(const Module& module, const RecurrentPlan& plan, const Tensor& input,
                     RecurrentState& state) {
  const char* op = op_name(plan.kind);
  ENSURE((input.dim() == 2 || input.dim() == 3) && input.size(-1) == plan.input_size, op,
         ": input must have 2 or 3 dims, the last of extent ", plan.input_size, ", got shape ",
         input.sizes());
  const bool batched = input.dim() == 3;
  auto sequence = !batched ? input.unsqueeze(1) : plan.batch_first ? input.transpose(0, 1) : input;
  ENSURE(sequence.size(0) > 0, op, ": input must have at least one step, got shape ",
         input.sizes());
  if (!batched) state = mapped(state, [](const Tensor& t) { return t.unsqueeze(1); });
  state = initial_state(plan, state, sequence.size(1), input.options());
  sequence = run_layers(module, plan, sequence, nullptr, state);
  if (batched) return plan.batch_first ? sequence.transpose(0, 1) : sequence;
  state = mapped(state, [](const Tensor& t) { return t.squeeze(1); });
  return sequence.squeeze(1);
}

PackedSequence run_recurrent(const Module& module, const RecurrentPlan& plan,
                             const PackedSequence& input, RecurrentState& state) {
  const Tensor& data = input.data();
  ENSURE(data.dim() == 2 && data.size(1) == plan.input_size, op_name(plan.kind),
         ": the packed input must have 2 dims, the last of extent ", plan.input_size,
         ", got shape ", data.sizes());
  const Tensor sizes = input.batch_sizes().contiguous();
  const int64_t* size = sizes.const_data_ptr<int64_t>();
  const std::vector<int64_t> batch_sizes(size, size + sizes.numel());
  const Tensor &sorted = input.sorted_indices(), &unsorted = input.unsorted_indices();
  const auto reordered = [&](const Tensor& order) {
    if (order.defined())
      state = mapped(state, [&](const Tensor& t) { return t.index_select(1, order); });
  };
  reordered(sorted);
  state = initial_state(plan, state, batch_sizes[0], data.options());
  const Tensor output = run_layers(module, plan, data, &batch_sizes, state);
  reordered(unsorted);
  return PackedSequence(output, input.batch_sizes(), sorted, unsorted);
}

namespace {

RecurrentKind kind_of(const RNNCellOptions& options) {
  return options.nonlinearity() == kReLU ? RecurrentKind::RnnRelu : RecurrentKind::RnnTanh;
}
RecurrentKind kind_of(const LSTMCellOptions&) { return RecurrentKind::Lstm; }
RecurrentKind kind_of(const GRUCellOptions&) { return RecurrentKind::Gru; }

}  // namespace

template <class Derived, class ModuleOptions>
void RecurrentCell<Derived, ModuleOptions>::reset() {
  const int64_t rows = num_gates(kind_of(options)) * options.hidden_size();
  ENSURE(options.hidden_size() > 0, op_name(kind_of(options)),
         "_cell: hidden_size must be positive, got ", options.hidden_size());
  weight_ih = this->register_parameter("weight_ih", empty({rows, options.input_size()}));
  weight_hh = this->register_parameter("weight_hh", empty({rows, options.hidden_size()}));
  bias_ih = this->register_parameter("bias_ih", options.bias() ? empty({rows}) : Tensor());
  bias_hh = this->register_parameter("bias_hh", options.bias() ? empty({rows}) : Tensor());
  reset_parameters();
}

template <class Derived, class ModuleOptions>
void RecurrentCell<Derived, ModuleOptions>::reset_parameters() {
  const double bound = 1 / std::sqrt(double(options.hidden_size()));
  for (const Tensor& parameter : this->parameters()) init::uniform_(parameter, -bound, bound);
}

template <class Derived, class ModuleOptions>
void RecurrentCell<Derived, ModuleOptions>::pretty_print(std::ostream& out) const {
  out << printed_name<Derived>() << '(' << options.input_size() << ", " << options.hidden_size();
  if (!options.bias()) out << ", bias=false";
  if constexpr (requires { options.nonlinearity(); }) {
    if (!(options.nonlinearity() == kTanh)) out << ", nonlinearity=" << options.nonlinearity();
  }
  out << ')';
}

template <class Derived, class ModuleOptions>
RecurrentState RecurrentCell<Derived, ModuleOptions>::step(const Tensor& input,
                                                           const RecurrentState& state) const {
  const RecurrentKind kind = kind_of(options);
  const std::string op = str(op_name(kind), "_cell");
  ENSURE((input.dim() == 1 || input.dim() == 2) && input.size(-1) == options.input_size(), op,
         ": input must have 1 or 2 dims, the last of extent ", options.input_size(), ", got shape ",
         input.sizes());
  DimVector shape(input.sizes().begin(), input.sizes().end());
  shape.back() = options.hidden_size();
  auto given_or_zero = [&](const Tensor& given) {
    if (!given.defined()) return zeros(shape, input.options());
    ENSURE(given.sizes() == IntArrayRef(shape), op, ": the state must have shape ", shape, ", got ",
           given.sizes());
    return given;
  };
  RecurrentState start{given_or_zero(state.hidden), {}};
  if (kind == RecurrentKind::Lstm) start.cell = given_or_zero(state.cell);
  return next_state(kind, fg::linear(input, weight_ih, bias_ih), start,
                    {weight_ih, weight_hh, bias_ih, bias_hh, {}});
}

template class RecurrentCell<RNNCellImpl, RNNCellOptions>;
template class RecurrentCell<LSTMCellImpl, LSTMCellOptions>;
template class RecurrentCell<GRUCellImpl, GRUCellOptions>;

}  // namespace detail

std::tuple<Tensor, Tensor> RNNImpl::forward(const Tensor& input, const Tensor& hx) {
  detail::RecurrentState state{hx, {}};
  Tensor output = detail::run_recurrent(*this, detail::plan_of(options), input, state);
  return {output, state.hidden};
}

std::tuple<Tensor, LSTMImpl::State> LSTMImpl::forward(const Tensor& input,
                                                      const optional<State>& hx) {
  detail::RecurrentState state;
  if (hx) state = {std::get<0>(*hx), std::get<1>(*hx)};
  Tensor output = detail::run_recurrent(*this, detail::plan_of(options), input, state);
  return {output, {state.hidden, state.cell}};
}

std::tuple<Tensor, Tensor> GRUImpl::forward(const Tensor& input, const Tensor& hx) {
  detail::RecurrentState state{hx, {}};
  Tensor output = detail::run_recurrent(*this, detail::plan_of(options), input, state);
  return {output, state.hidden};
}

std::tuple<utils::rnn::PackedSequence, Tensor> RNNImpl::forward_with_packed_input(
    const utils::rnn::PackedSequence& packed_input, const Tensor& hx) {
  detail::RecurrentState state{hx, {}};
  auto output = detail::run_recurrent(*this, detail::plan_of(options), packed_input, state);
  return {output, state.hidden};
}

std::tuple<utils::rnn::PackedSequence, LSTMImpl::State> LSTMImpl::forward_with_packed_input(
    const utils::rnn::PackedSequence& packed_input, const optional<State>& hx) {
  detail::RecurrentState state;
  if (hx) state = {std::get<0>(*hx), std::get<1>(*hx)};
  auto output = detail::run_recurrent(*this, detail::plan_of(options), packed_input, state);
  return {output, {state.hidden, state.cell}};
}

std::tuple<utils::rnn::PackedSequence, Tensor> GRUImpl::forward_with_packed_input(
    const utils::rnn::PackedSequence& packed_input, const Tensor& hx) {
  detail::RecurrentState state{hx, {}};
  auto output = detail::run_recurrent(*this, detail::plan_of(options), packed_input, state);
  return {output, state.hidden};
}

Tensor RNNCellImpl::forward(const Tensor& input, const Tensor& hx) {
  return step(input, {hx, {}}).hidden;
}

LSTMCellImpl::State LSTMCellImpl::forward(const Tensor& input, const optional<State>& hx) {
  detail::RecurrentState state;
  if (hx) state = {std::get<0>(*hx), std::get<1>(*hx)};
  state = step(input, state);
  return {state.hidden, state.cell};
}

Tensor GRUCellImpl::forward(const Tensor& input, const Tensor& hx) {
  return step(input, {hx, {}}).hidden;
}

}  // namespace fg::nn
