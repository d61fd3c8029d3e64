// Attention as a graph of cuDNN operations. cuDNN knows it by its pattern of products, reductions and pointwise
// operations and runs it as one kernel forward and a few backward; the graphs follow NVIDIA's documentation of its
// fused flash attention patterns and its open frontend, release 1.5 and later.
#pragma once

#include "cuda/cudnn/attention_problem.h"
#include "cuda/cudnn/graph.h"

namespace fg::cuda::cudnn {

/// Unique ids of the tensors of attention's graphs, as Plan::run takes them.
struct AttentionId {
  enum : int64_t {
    query = 1,
    key,
    value,
    bias,
    out,
    logsumexp,
    grad_out,
    grad_query,
    grad_key,
    grad_value,
    /// Float (batch, heads, queries): the products of out and grad_out, summed over each row. Scratch.
    delta,
    /// Float (batch, heads, queries, width), packed: sums of grad_query in varying order. Scratch, and only of
    /// a backward problem that need not be deterministic.
    query_sums,
    // Numbers. Float:
    scale,
    lowest,
    kept,
    kept_inverse,
    one,
    // int64_t:
    seed,
    offset,
    first_between,
  };
};

std::shared_ptr<const OperationGraph> attention_graph(const AttentionProblem& problem,
                                                      const Target& target);

/// The engines of engine_configs that are as deterministic as the problem asks for.
std::vector<Descriptor> acceptable_engines(const AttentionProblem& problem,
                                           const OperationGraph& graph, const Target& target,
                                           cudnnBackendHeurMode_t mode);

}  // namespace fg::cuda::cudnn
