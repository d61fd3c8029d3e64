// Attention on cuDNN's fused kernels, which use tensor cores. One plan per problem (cuda/cudnn/attention_problem.h),
// found once by cuDNN's heuristics and kept.
//
// Scores are never in memory in the forward pass. The backward pass is deterministic by way of a workspace of all
// scores' gradients in 16 bits; the batch is cut into parts where that would take more than kMaxWorkspaceBytes.
// With globalContext().setDeterministicCuDNN(false) grad_query is added up in float by atomics instead, without
// such a workspace.

#include "tensor/kernels/attention.h"

#include "cuda/cudnn/attention_run.h"
#include "cuda/cudnn/choose_plan.h"
#include "cuda/cudnn/session.h"
#include "cuda/precision.h"
#include "cuda/relaxed_capture.h"
#include "tensor/factories.h"

namespace fg::cuda {
namespace {

using namespace cudnn;
using PlanPointer = std::shared_ptr<const Plan>;

constexpr int64_t kMaxWorkspaceBytes = int64_t(2) << 30;

void launch(const AttentionRun& run, const Session& session, const Plan& plan) {
  const TensorOptions options = TensorOptions(kByte).device(session.stream().device());
  run(session.handle(), plan, empty({plan.workspace_bytes()}, options).data_ptr());
}

/// The first plan that can be built and for which `works`; null where there is none.
template <class Works>
PlanPointer find_plan(const Session& session, const AttentionProblem& problem, const Works& works) {
  const RelaxedCapture relaxed;  // engines load their kernels when they are built
  const Target target = session.target();
  try {
    const auto graph = attention_graph(problem, target);
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
      std::vector<Descriptor> engines = acceptable_engines(problem, *graph, target, mode);
      const auto build = [&](size_t i) {
        return Plan::build(graph, std::move(engines[i]), target);
      };
      if (PlanPointer plan = choose_first(engines.size(), build, works)) return plan;
    }
  } catch (const OutOfMemoryError&) {
    throw;
  } catch (const Error&) {  // this version of cuDNN does not know the pattern
  }
  return nullptr;
}

/// False where cuDNN has nothing for the problem.
bool run(const AttentionRun& attention) {
  const Session session;
  auto& plans = session.attention_plans();
  if (const auto known = plans.find(attention.problem())) {
    if (*known) launch(attention, session, **known);
    return bool(*known);
  }
  const auto works = [&](const PlanPointer& candidate) {
    try {
      launch(attention, session, *candidate);
      return true;
    } catch (const OutOfMemoryError&) {
      throw;
    } catch (const Error&) {  // an engine may refuse at its first launch
      return false;
    }
  };
  const PlanPointer plan = find_plan(session, attention.problem(), works);
  plans.insert(attention.problem(), plan);
  return bool(plan);
}

/// Bytes of the scores' gradients as cuDNN keeps them, in tiles of at most 64 x 128.
int64_t score_bytes(const AttentionProblem& p) {
  const auto up = [](int64_t n, int64_t tile) { return (n + tile - 1) / tile * tile; };
  return p.batch * p.heads * up(p.queries, 64) * up(p.keys, 128) * element_size(p.type);
}

optional<AttentionProblem> backward_problem(const AttentionGrads& grads, const Tensor& grad_out,
                                            const AttentionOperands& in, const Tensor& out,
                                            const AttentionOptions& options) {
  const auto forward = make_attention_problem(in, out, options);
  auto problem = forward ? make_attention_problem(*forward, grad_out, grads) : nullopt;
  if (problem) problem->deterministic = globalContext().deterministicCuDNN();
  return problem;
}

}  // namespace

bool cudnn_attention_forward(const Tensor& out, const Tensor& logsumexp,
                             const AttentionOperands& in, const AttentionOptions& options) {
  const auto problem = make_attention_problem(in, out, options);
  if (!problem) return false;
  return run(AttentionRun(*problem, out, logsumexp, in, options));
}

bool cudnn_attention_backward(const AttentionGrads& grads, const Tensor& grad_out,
                              const AttentionOperands& in, const Tensor& out,
                              const Tensor& logsumexp, const AttentionOptions& options) {
  const auto problem = backward_problem(grads, grad_out, in, out, options);
  if (!problem) return false;
  const int64_t dim = problem->batch > 1 ? 0 : 1, extent = in.query.size(dim);
  // Which weights dropout drops depends on the place of a head in the batch.
  if (problem->deterministic && problem->dropped == 0 && extent > 1 &&
      score_bytes(*problem) > kMaxWorkspaceBytes) {
    for (const int64_t first : {int64_t(0), extent / 2}) {
      const auto part = [&](const Tensor& t) {
        return t.defined() ? t.narrow(dim, first, first ? extent - first : extent / 2) : t;
      };
      const AttentionOperands part_in{part(in.query), part(in.key), part(in.value), part(in.mask)};
      if (!cudnn_attention_backward({part(grads.query), part(grads.key), part(grads.value)},
                                    part(grad_out), part_in, part(out), part(logsumexp), options))
        return false;
    }
    return true;
  }
  const TensorOptions scratch = logsumexp.options();
  const Tensor delta = empty(logsumexp.sizes(), scratch);
  const Tensor sums = problem->deterministic ? Tensor() : empty(in.query.sizes(), scratch);
  AttentionRun backward(*problem, out, logsumexp, in, options);
  backward.bind_backward(grads, grad_out, delta, sums);
  return run(backward);
}

bool has_cudnn_attention_backward(const Tensor& out, const AttentionOperands& in,
                                  const AttentionOptions& options) {
  const auto problem = backward_problem({in.query, in.key, in.value}, out, in, out, options);
  if (!problem) return false;
  const Session session;
  auto& plans = session.attention_plans();
  if (const auto known = plans.find(*problem)) return bool(*known);
  const PlanPointer plan = find_plan(session, *problem, [](const PlanPointer&) { return true; });
  plans.insert(*problem, plan);
  return bool(plan);
}

}  // namespace fg::cuda
