#include "cuda/cudnn/attention_run.h"

#include <limits>

namespace fg::cuda::cudnn {

using Id = AttentionId;

AttentionRun::AttentionRun(const AttentionProblem& problem, const Tensor& out,
                           const Tensor& logsumexp, const AttentionOperands& in,
                           const AttentionOptions& options)
    : problem_(problem),
      scale_(float(options.scale)),
      lowest_(std::numeric_limits<float>::lowest()),
      kept_(float(problem.kept())),
      kept_inverse_(float(1 / problem.kept())),
      seed_(int64_t(options.draw.seed)),
      offset_(int64_t(options.draw.offset)) {
  bind(Id::query, in.query), bind(Id::key, in.key), bind(Id::value, in.value);
  bind(Id::out, out), bind(Id::logsumexp, logsumexp);
  bind(Id::scale, &scale_);
  if (problem.has_bias) bind(Id::bias, in.mask);
  if (problem.causal) bind(Id::lowest, &lowest_);
  if (problem.dropped == 0) return;
  ENSURE(!options.draw.base,
         "scaled_dot_product_attention: dropout_p must be 0 in a 16-bit type while a CUDA graph is "
         "being captured, got ",
         options.dropout_p);
  bind(Id::kept_inverse, &kept_inverse_);
  bind(Id::seed, &seed_), bind(Id::offset, &offset_);
}

void AttentionRun::bind_backward(const AttentionGrads& grads, const Tensor& grad_out,
                                 const Tensor& delta, const Tensor& sums) {
  bind(Id::grad_query, grads.query), bind(Id::grad_key, grads.key);
  bind(Id::grad_value, grads.value);
  bind(Id::grad_out, grad_out), bind(Id::delta, delta);
  if (sums.defined()) bind(Id::query_sums, sums);
  if (problem_.dropped > 0)
    bind(Id::kept, &kept_);
  else
    bind(Id::one, &one_);
}

void AttentionRun::operator()(cudnnHandle_t handle, const Plan& plan, void* workspace) const {
  plan.run(handle, std::span(ids_).first(count_), std::span(addresses_).first(count_), workspace);
}

void AttentionRun::bind(int64_t id, void* address) {
  ids_[count_] = id;
  addresses_[count_++] = address;
}

}  // namespace fg::cuda::cudnn
