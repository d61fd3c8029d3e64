#include "nn/modules/rnn.h"

#include <cmath>

#include "autograd/ops/dropout.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/linalg.h"
#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn {
namespace detail {
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

/// All states of one direction over [length, batch, features]; `state` becomes the final one.
Tensor run_direction(RecurrentKind kind, const Tensor& input, bool reverse, RecurrentState& state,
                     const CellWeights& w) {
  const std::vector<Tensor> x_gates = fg::linear(input, w.w_ih, w.b_ih).unbind(0);
  std::vector<Tensor> states(x_gates.size());
  for (size_t step = 0; step < states.size(); ++step) {
    const size_t t = reverse ? states.size() - 1 - step : step;
    state = next_state(kind, x_gates[t], state, w);
    states[t] = state.hidden;
  }
  return fg::stack(states);
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

  const int64_t batch = sequence.size(1), directions = 1 + plan.bidirectional;
  const int64_t width = plan.proj_size > 0 ? plan.proj_size : plan.hidden_size;
  const bool has_cell = plan.kind == RecurrentKind::Lstm;
  auto initial = [&](const Tensor& given, int64_t extent, const char* name) {
    const DimVector shape{plan.num_layers * directions, batch, extent};
    if (!given.defined()) return zeros(shape, input.options());
    const Tensor result = batched ? given : given.unsqueeze(1);
    check_state(result, shape, name, op);
    return result;
  };
  const Tensor hidden = initial(state.hidden, width, "hx");
  const Tensor cell = has_cell ? initial(state.cell, plan.hidden_size, "cx") : Tensor();

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
      const int64_t index = layer * directions + reverse;
      RecurrentState current{hidden[index], has_cell ? cell[index] : Tensor()};
      outputs.push_back(run_direction(plan.kind, sequence, reverse, current, weights));
      final_hidden.push_back(current.hidden);
      if (has_cell) final_cell.push_back(current.cell);
    }
    sequence = outputs.size() == 1 ? outputs[0] : fg::cat(outputs, -1);
  }

  auto joined = [&](const std::vector<Tensor>& states) {
    const Tensor all = fg::stack(states);
    return batched ? all : all.squeeze(1);
  };
  state.hidden = joined(final_hidden);
  if (has_cell) state.cell = joined(final_cell);
  if (!batched) return sequence.squeeze(1);
  return plan.batch_first ? sequence.transpose(0, 1) : sequence;
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
