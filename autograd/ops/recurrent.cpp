#include "autograd/ops/recurrent.h"

#include <algorithm>
#include <deque>

#include "autograd/autocast_call.h"
#include "autograd/composed.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/spatial.h"
#include "tensor/factories.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg::detail {

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

namespace {

RecurrentState rows_of(const RecurrentState& state, int64_t begin, int64_t end) {
  if (begin == 0 && end == state.hidden.size(0)) return state;
  return {state.hidden.narrow(0, begin, end - begin),
          state.cell.defined() ? state.cell.narrow(0, begin, end - begin) : Tensor()};
}

RecurrentState joined(const std::vector<RecurrentState>& parts,
                      Tensor (*join)(TensorList, int64_t)) {
  std::vector<Tensor> hidden, cell;
  for (const RecurrentState& part : parts) {
    hidden.push_back(part.hidden);
    if (part.cell.defined()) cell.push_back(part.cell);
  }
  return {join(hidden, 0), cell.empty() ? Tensor() : join(cell, 0)};
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
    if (batch > previous) state = joined({state, rows_of(initial, previous, batch)}, fg::cat);
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
    state = joined(ended, fg::cat);
  }
  return states;
}

/// Parameters of the cell `index`, counting directions within layers.
CellWeights weights_of(const std::vector<Tensor>& parameters, const RecurrentGeometry& g,
                       int64_t index) {
  const Tensor* p = parameters.data() + size_t(index) * g.parameters_per_cell();
  return {p[0], p[1], g.bias ? p[2] : Tensor(), g.bias ? p[3] : Tensor(),
          g.proj_size > 0 ? p[g.bias ? 4 : 2] : Tensor()};
}

Tensor run_composed(const Tensor& first, const std::vector<Tensor>& parameters,
                    const RecurrentGeometry& g, RecurrentState& state) {
  Tensor sequence = first;
  std::vector<RecurrentState> finals;
  for (int64_t layer = 0; layer < g.num_layers; ++layer) {
    std::vector<Tensor> outputs;
    for (int64_t reverse = 0; reverse < g.directions(); ++reverse) {
      const int64_t index = layer * g.directions() + reverse;
      const CellWeights weights = weights_of(parameters, g, index);
      RecurrentState current{state.hidden[index],
                             state.cell.defined() ? state.cell[index] : Tensor()};
      const Tensor x_gates = fg::linear(sequence, weights.w_ih, weights.b_ih);
      outputs.push_back(
          fg::cat(run_direction(g.kind, x_gates.split(g.batch_sizes), reverse, current, weights)));
      finals.push_back(current);
    }
    sequence = outputs.size() == 1 ? outputs[0] : fg::cat(outputs, -1);
  }
  state = joined(finals, fg::stack);
  return sequence;
}

/// The whole stack as one node. Inputs: sequence, hidden, cell, parameters; outputs: states, hidden, cell.
struct RecurrentBackward : Node {
  Saved sequence{this}, hidden{this}, cell{this}, states{this};
  std::deque<Saved> parameters;
  RecurrentGeometry geometry;
  Tensor packed_parameters, reserve;

  std::string name() const override {
    switch (geometry.kind) {
      case RecurrentKind::Lstm:
        return "LstmBackward";
      case RecurrentKind::Gru:
        return "GruBackward";
      case RecurrentKind::RnnTanh:
        return "RnnTanhBackward";
      default:
        return "RnnReluBackward";
    }
  }

  void release_extra() override { packed_parameters = reserve = Tensor(); }

  std::vector<Tensor> inputs() const {
    std::vector<Tensor> result{sequence.unpack(), hidden.unpack(), cell.unpack()};
    for (const Saved& parameter : parameters) result.push_back(parameter.unpack());
    return result;
  }

  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const std::vector<Tensor> in = inputs();
    if (std::none_of(grads.begin(), grads.end(), [](const Tensor& g) { return g.defined(); }))
      return std::vector<Tensor>(in.size());
    return GradMode::is_enabled() ? backward_recorded(in, grads) : backward_by_kernels(in, grads);
  }

  std::vector<Tensor> backward_by_kernels(const std::vector<Tensor>& in,
                                          const std::vector<Tensor>& grads) const {
    std::vector<Tensor> result(in.size());
    if constexpr (kHasCuda) {
      const cuda::DeviceGuard guard(in[0].device());
      bool want_parameters = false;
      for (size_t i = 3; i < in.size(); ++i) want_parameters = want_parameters || needs(i);
      RecurrentGrads found = cuda::recurrent_backward(
          {dense(grads[0]), dense(grads[1]), grads.size() > 2 ? dense(grads[2]) : Tensor(), {}, {}},
          dense(in[0]), {states.unpack(), dense(in[1]), dense(in[2]), packed_parameters, reserve},
          geometry, want_parameters);
      result = {found.sequence, found.hidden, found.cell};
      result.insert(result.end(), found.parameters.begin(), found.parameters.end());
      result.resize(in.size());
    }
    return result;
  }

  /// The sum of all outputs, weighted with their gradients, has the gradients that are asked for.
  std::vector<Tensor> backward_recorded(const std::vector<Tensor>& in,
                                        const std::vector<Tensor>& grads) const {
    const auto weighted_sum = [&](const std::vector<Tensor>& from) {
      RecurrentState state{from[1], from[2]};
      const std::vector<Tensor> weights(from.begin() + 3, from.end());
      const Tensor last = run_composed(from[0], weights, geometry, state);
      const Tensor outputs[] = {last, state.hidden, state.cell};
      Tensor sum;
      for (size_t i = 0; i < grads.size(); ++i) {
        if (!grads[i].defined()) continue;
        const Tensor term = (outputs[i] * grads[i]).sum();
        sum = sum.defined() ? sum + term : term;
      }
      return sum;
    };
    return differentiate(*this, weighted_sum, in, ones({}, in[0].options()));
  }
};

Tensor run_by_kernels(const Tensor& sequence, const std::vector<Tensor>& parameters,
                      const RecurrentGeometry& g, RecurrentState& state) {
  auto node = make_node<RecurrentBackward>(sequence, state.hidden, state.cell, parameters);
  std::vector<Tensor> weights;
  for (const Tensor& parameter : parameters) weights.push_back(dense(parameter));
  RecurrentResult result;
  if constexpr (kHasCuda) {
    const cuda::DeviceGuard guard(sequence.device());
    result = cuda::recurrent_forward(dense(sequence), dense(state.hidden), dense(state.cell),
                                     weights, g, bool(node));
  }
  if (node) {
    node->sequence.save(sequence);
    node->hidden.save(state.hidden);
    node->cell.save(state.cell);
    for (const Tensor& parameter : parameters)
      node->parameters.emplace_back(node.get()).save(parameter);
    node->geometry = g;
    node->packed_parameters = result.packed_parameters;
    node->reserve = result.reserve;
    node->attach(result.states);
    node->attach(result.hidden);
    if (result.cell.defined()) node->attach(result.cell);
    node->states.save_output(result.states);
  }
  state = {result.hidden, result.cell};
  return result.states;
}

/// Whether the kernels take these tensors: on the GPU, of one floating dtype, and not empty.
bool kernels_take(const Tensor& sequence, const std::vector<Tensor>& parameters,
                  const RecurrentState& state) {
  if (!kHasCuda || !sequence.is_cuda() || sequence.numel() == 0 || ComposedGuard::is_active())
    return false;
  const auto alike = [&](const Tensor& t) {
    return !t.defined() || (t.dtype() == sequence.dtype() && t.device() == sequence.device());
  };
  return is_floating(sequence.dtype()) && alike(state.hidden) && alike(state.cell) &&
         std::all_of(parameters.begin(), parameters.end(), alike);
}

}  // namespace

Tensor recurrent_layers(const Tensor& sequence, const std::vector<Tensor>& parameters,
                        const RecurrentGeometry& geometry, RecurrentState& state) {
  // On the CPU autocast sees the ops that the layers are made of, as in PyTorch, which has a kernel for an LSTM of equal
  // lengths alone.
  const bool is_kernel =
      sequence.is_cuda() || (geometry.kind == RecurrentKind::Lstm && geometry.proj_size == 0 &&
                             geometry.batch_sizes.front() == geometry.batch_sizes.back());
  if (is_autocast() && is_kernel) {
    const auto layers = [&](const Tensor& x, const std::vector<Tensor>& weights, const Tensor& h,
                            const Tensor& c) {
      state = {h, c};
      return recurrent_layers(x, weights, geometry, state);
    };
    return autocast_call("recurrent_layers", layers, sequence, parameters, state.hidden,
                         state.cell);
  }
  const profiler::RecordOp recorded("recurrent_layers", sequence, parameters);
  const bool by_kernels = kernels_take(sequence, parameters, state);
  return (by_kernels ? run_by_kernels : run_composed)(sequence, parameters, geometry, state);
}

}  // namespace fg::detail
