#include "nn/modules/rnn.h"

#include <cmath>
#include <functional>

#include "autograd/autocast_call.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/linalg.h"
#include "nn/init.h"
#include "tensor/factories.h"
#include "tensor/warning.h"

namespace fg::nn {
namespace detail {

using utils::rnn::PackedSequence;

namespace {

int64_t num_gates(RecurrentKind kind) {
  RecurrentGeometry geometry;
  geometry.kind = kind;
  return geometry.gates();
}

const char* op_name(RecurrentKind kind) {
  return kind == RecurrentKind::Lstm ? "lstm" : kind == RecurrentKind::Gru ? "gru" : "rnn";
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
  if (plan.dropout > 0 && plan.num_layers == 1) {
    Warning::warn(
        {op, __FILE__, __LINE__},
        str("dropout option adds dropout after all but last recurrent layer, so non-zero ",
            "dropout expects num_layers greater than 1, but got dropout=", plan.dropout,
            " and num_layers=", plan.num_layers));
  }
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

RecurrentState mapped(const RecurrentState& state,
                      const std::function<Tensor(const Tensor&)>& map) {
  return {state.hidden.defined() ? map(state.hidden) : Tensor(),
          state.cell.defined() ? map(state.cell) : Tensor()};
}

/// Runs all layers over packed steps (tensor/kernels/recurrent.h). `state` goes from the initial to the
/// final states. Where something is dropped between the layers, they run one by one: cuDNN would drop by random
/// numbers of its own.
Tensor run_layers(const Module& module, const RecurrentPlan& plan, Tensor sequence,
                  std::vector<int64_t> batch_sizes, RecurrentState& state) {
  RecurrentGeometry g{plan.kind,       plan.input_size, plan.hidden_size,   plan.proj_size,
                      plan.num_layers, plan.bias,       plan.bidirectional, std::move(batch_sizes)};
  const std::vector<Tensor> parameters = module.parameters(false);
  if (plan.dropout == 0 || !module.is_training() || plan.num_layers == 1)
    return fg::detail::recurrent_layers(sequence, parameters, g, state);

  g.num_layers = 1;
  const size_t per_layer = g.parameters_per_cell() * size_t(g.directions());
  std::vector<Tensor> hidden, cell;
  for (int64_t layer = 0; layer < plan.num_layers; ++layer) {
    if (layer > 0) {
      sequence = fg::dropout(sequence, plan.dropout, true);
      g.input_size = g.width() * g.directions();
    }
    const auto first = parameters.begin() + int64_t(per_layer) * layer;
    RecurrentState current = mapped(state, [&](const Tensor& t) {
      return t.narrow(0, layer * g.directions(), g.directions());
    });
    sequence = fg::detail::recurrent_layers(
        sequence, std::vector<Tensor>(first, first + int64_t(per_layer)), g, current);
    hidden.push_back(current.hidden);
    if (current.cell.defined()) cell.push_back(current.cell);
  }
  state = {fg::cat(hidden), cell.empty() ? Tensor() : fg::cat(cell)};
  return sequence;
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
  const int64_t length = sequence.size(0), batch = sequence.size(1);
  sequence = run_layers(module, plan, sequence.flatten(0, 1),
                        std::vector<int64_t>(size_t(length), batch), state)
                 .unflatten(0, {length, batch});
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
  const Tensor output = run_layers(module, plan, data, batch_sizes, state);
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
  const auto cell = [kind](const Tensor& x, const Tensor& hidden, const Tensor& memory,
                           const std::vector<Tensor>& w) {
    return fg::detail::next_state(kind, fg::linear(x, w[0], w[2]), {hidden, memory},
                                  {w[0], w[1], w[2], w[3], {}});
  };
  const std::vector<Tensor> weights{weight_ih, weight_hh, bias_ih, bias_hh};
  if (fg::detail::is_cuda_autocast(input))
    return fg::detail::autocast_call("recurrent_cell", cell, input, start.hidden, start.cell,
                                     weights);
  return cell(input, start.hidden, start.cell, weights);
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
