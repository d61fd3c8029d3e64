// Recurrent layers of the emulated GPU: the plain ops of the CPU on the same memory, differentiated by a tape of
// their own. In place of cuda/kernels/recurrent.cpp, which needs cuDNN.

#include "autograd/ops/recurrent.h"

#include "autograd/engine.h"
#include "autograd/ops/elementwise.h"
#include "cuda/cudnn/rnn_problem.h"
#include "tensor/shape.h"
#include "tests/cuda_host/launchers/stand_in.h"

namespace fg::cuda {
namespace {

/// A leaf with the same values, of the type that sums run in.
Tensor leaf(const Tensor& t) {
  return t.defined() ? t.to(TensorOptions(compute_type(t.dtype())), false, true).requires_grad_()
                     : t;
}

std::vector<Tensor> unpacked(const Tensor& packed, const RecurrentGeometry& g) {
  std::vector<Tensor> result;
  int64_t at = 0;
  for (const DimVector& shape : recurrent_parameter_shapes(g)) {
    result.push_back(packed.narrow(0, at, numel_of(shape)).view(shape));
    at += numel_of(shape);
  }
  return result;
}

/// A run of the layers with a tape, from leaves.
struct Run {
  std::vector<Tensor> leaves;  // sequence, hidden, cell, parameters
  std::vector<Tensor> outputs;

  Run(const Tensor& sequence, const Tensor& hidden, const Tensor& cell, const Tensor& packed,
      const RecurrentGeometry& g)
      : leaves{leaf(sequence), leaf(hidden), leaf(cell)} {
    const EnableGradGuard enable;
    std::vector<Tensor> parameters;
    for (const Tensor& parameter : unpacked(packed, g)) parameters.push_back(leaf(parameter));
    leaves.insert(leaves.end(), parameters.begin(), parameters.end());
    ::fg::detail::RecurrentState state{leaves[1], leaves[2]};
    const Tensor states = ::fg::detail::recurrent_layers(leaves[0], parameters, g, state);
    outputs = {states, state.hidden, state.cell};
  }
};

}  // namespace

RecurrentResult recurrent_forward(const Tensor& sequence, const Tensor& hidden, const Tensor& cell,
                                  const std::vector<Tensor>& parameters, const RecurrentGeometry& g,
                                  bool training) {
  RecurrentResult result;
  result.states = empty({sequence.size(0), g.width() * g.directions()}, sequence.options());
  result.hidden = empty_like(hidden);
  if (cell.defined()) result.cell = empty_like(cell);
  int64_t count = 0;
  for (const Tensor& parameter : parameters) count += parameter.numel();
  result.packed_parameters = empty({count}, sequence.options());
  if (training) result.reserve = empty({1}, TensorOptions(kByte).device(sequence.device()));
  std::vector<Tensor> from;
  for (const Tensor& parameter : parameters) from.push_back(on_cpu(parameter));
  queue([g, from, sequence = on_cpu(sequence), hidden = on_cpu(hidden), cell = on_cpu(cell),
         packed = on_cpu(result.packed_parameters), states = on_cpu(result.states),
         last = on_cpu(result.hidden), last_cell = on_cpu(result.cell)] {
    const std::vector<Tensor> to = unpacked(packed, g);
    for (size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i]);
    const Run run(sequence, hidden, cell, packed, g);
    states.copy_(run.outputs[0]);
    last.copy_(run.outputs[1]);
    if (last_cell.defined()) last_cell.copy_(run.outputs[2]);
  });
  return result;
}

RecurrentGrads recurrent_backward(const RecurrentResult& grad, const Tensor& sequence,
                                  const RecurrentResult& result, const RecurrentGeometry& g,
                                  bool want_parameters) {
  ENSURE(result.reserve.defined(),
         "recurrent_backward: the forward pass must have been a training one");
  RecurrentGrads found{empty_like(sequence), empty_like(result.hidden), {}, {}};
  if (result.cell.defined()) found.cell = empty_like(result.cell);
  for (const DimVector& shape : recurrent_parameter_shapes(g))
    found.parameters.push_back(empty(shape, sequence.options()));
  std::vector<Tensor> to{on_cpu(found.sequence), on_cpu(found.hidden), on_cpu(found.cell)};
  for (const Tensor& parameter : found.parameters) to.push_back(on_cpu(parameter));
  const std::vector<Tensor> given{on_cpu(grad.states), on_cpu(grad.hidden), on_cpu(grad.cell)};
  queue([g, to, given, sequence = on_cpu(sequence), hidden = on_cpu(result.hidden),
         cell = on_cpu(result.cell), packed = on_cpu(result.packed_parameters)] {
    const Run run(sequence, hidden, cell, packed, g);
    std::vector<Tensor> outputs, weights, leaves, targets;
    for (size_t i = 0; i < given.size(); ++i) {
      if (!given[i].defined()) continue;
      outputs.push_back(run.outputs[i]);
      weights.push_back(given[i].to(run.outputs[i].dtype()));
    }
    for (size_t i = 0; i < to.size(); ++i) {
      if (!to[i].defined()) continue;
      leaves.push_back(run.leaves[i]);
      targets.push_back(to[i]);
    }
    const std::vector<Tensor> grads = autograd::grad(outputs, leaves, weights, false, false, true);
    for (size_t i = 0; i < targets.size(); ++i)
      grads[i].defined() ? targets[i].copy_(grads[i]) : targets[i].zero_();
  });
  if (!want_parameters) found.parameters.clear();
  return found;
}

}  // namespace fg::cuda
