// One pass of attention over one batch, as a plan is given it.
#pragma once

#include "cuda/cudnn/attention_graph.h"

namespace fg::cuda::cudnn {

/// A problem with the addresses of its tensors and its numbers. Neither owns the tensors nor moves, since plans read
/// the numbers where they are.
class AttentionRun {
 public:
  AttentionRun(const AttentionProblem& problem, const Tensor& out, const Tensor& logsumexp,
               const AttentionOperands& in, const AttentionOptions& options);
  AttentionRun(const AttentionRun&) = delete;
  AttentionRun& operator=(const AttentionRun&) = delete;

  /// What the backward pass takes besides. `sums` is undefined in a deterministic problem.
  void bind_backward(const AttentionGrads& grads, const Tensor& grad_out, const Tensor& delta,
                     const Tensor& sums);

  const AttentionProblem& problem() const { return problem_; }
  /// Queues the plan on the handle's stream; `workspace` has plan.workspace_bytes().
  void operator()(cudnnHandle_t handle, const Plan& plan, void* workspace) const;

 private:
  void bind(int64_t id, void* address);
  void bind(int64_t id, const Tensor& t) { bind(id, t.data_ptr()); }

  AttentionProblem problem_;
  float scale_, lowest_, kept_, kept_inverse_, one_ = 1;
  int64_t seed_, offset_;
  size_t count_ = 0;
  std::array<int64_t, AttentionId::first_between> ids_;
  std::array<void*, AttentionId::first_between> addresses_;
};

}  // namespace fg::cuda::cudnn
