// trace_graph: a model's ops and parameters as the boxes that SummaryWriter::add_graph writes.
#pragma once

#include "autograd/anomaly.h"
#include "nn/inspect.h"
#include "serialize/tensorboard.h"

namespace fg::nn {

namespace detail {
/// Fresh leaves with the values of `inputs`; floating ones require grad, so that the tape begins at them.
void detach_inputs(std::vector<Tensor>& inputs);
std::vector<GraphNode> graph_nodes(const Module& model, const std::vector<Tensor>& inputs,
                                   const std::vector<Tensor>& outputs);
}  // namespace detail

/// Runs `model` (a holder or a module) once in evaluation mode and reads the tape: one box per op, named
/// after the modules that it ran in, one per parameter and per floating input. What needs no gradient is
/// not on the tape and not shown. Throws when the result holds no tensor that requires grad; results may
/// be tensors, and tuples, pairs and vectors of them.
template <class Model, class... Inputs>
std::vector<GraphNode> trace_graph(Model& model, const Inputs&... inputs) {
  auto& module = detail::module_of(model);
  const detail::InspectionScope scope(module);
  const AutoGradMode grad_mode(true);
  const DetectAnomalyGuard records_modules(true, /*check_nan=*/false);
  std::tuple<std::decay_t<Inputs>...> arguments(inputs...);
  std::vector<Tensor> tensors = detail::collect_tensors(arguments);
  detail::detach_inputs(tensors);
  detail::replace_tensors(arguments, tensors);
  auto result = std::apply([&](auto&... each) { return call(module, each...); }, arguments);
  return detail::graph_nodes(module, tensors, detail::collect_tensors(result));
}

}  // namespace fg::nn
