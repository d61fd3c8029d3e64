// A convolution as a graph of cuDNN operations, and the engines that may run it.
#pragma once

#include "cuda/cudnn/conv_problem.h"
#include "cuda/cudnn/graph.h"

namespace fg::cuda::cudnn {

/// Unique ids of the tensors of a convolution's graph, as Plan::run takes them.
enum ConvTensor : int64_t { kInputId = 1, kWeightId, kOutputId, kBiasId };

/// The graph of a problem: the convolution and, with a bias, an addition behind it.
std::shared_ptr<const OperationGraph> conv_graph(const ConvProblem& problem, const Target& target);

/// Whether an engine with these notes computes what the problem asks for, and in the way that it asks for.
bool is_acceptable(const ConvProblem& problem, std::span<const cudnnBackendNumericalNote_t> notes);

/// The engines of engine_configs that are acceptable.
std::vector<Descriptor> acceptable_engines(const ConvProblem& problem, const OperationGraph& graph,
                                           const Target& target, cudnnBackendHeurMode_t mode);

}  // namespace fg::cuda::cudnn
