// Attention on cuDNN's fused kernels, which use tensor cores. One plan per problem (cuda/cudnn/attention_problem.h),
// found once and kept: by cuDNN's heuristics, or by measuring with globalContext().setBenchmarkCuDNN(true).
//
// Scores are never in memory in the forward pass. The backward pass is deterministic by way of a workspace of all
// scores' gradients in 16 bits; the batch is cut into parts where that would take more than kMaxWorkspaceBytes.
// With globalContext().setDeterministicCuDNN(false) grad_query is added up in float by atomics instead, without
// such a workspace.

#include "tensor/kernels/attention.h"

#include "cuda/cudnn/attention_run.h"
#include "cuda/cudnn/plan_search.h"
#include "tensor/factories.h"

namespace fg::cuda {
namespace {

using namespace cudnn;

constexpr int64_t kMaxWorkspaceBytes = int64_t(2) << 30;

/// Null where cuDNN has no engine, or its version does not know the pattern.
template <class Launch>
PlanPointer find_plan(const Session& session, const AttentionProblem& problem, const Launch& launch,
                      bool measured) {
  try {
    return PlanSearch(session, problem, launch)
        .find(attention_graph(problem, session.target()), measured);
  } catch (const Error&) {
    return nullptr;
  }
}

/// False where cuDNN has nothing for the problem.
bool run(const AttentionRun& attention) {
  const Session session;
  const TensorOptions bytes = TensorOptions(kByte).device(session.stream().device());
  const auto plans = [&](bool measured) -> AttentionPlans& {
    return session.attention_plans(measured);
  };
  const auto launch = [&](const Plan& plan) {
    attention(session.handle(), plan, empty({plan.workspace_bytes()}, bytes).data_ptr());
  };
  return run_planned(session, attention.problem(), plans, launch, [&](bool measured) {
    return find_plan(session, attention.problem(), launch, measured);
  });
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
  if (!run(AttentionRun(*problem, out, logsumexp, in, options))) return false;
  if (problem->has_bias) close_blind_queries(logsumexp);
  return true;
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
  auto& plans = session.attention_plans(false);
  if (const auto known = plans.find(*problem)) return bool(*known);
  const PlanPointer plan = find_plan(
      session, *problem, [](const Plan&) {}, false);
  plans.insert(*problem, plan);
  return bool(plan);
}

}  // namespace fg::cuda
