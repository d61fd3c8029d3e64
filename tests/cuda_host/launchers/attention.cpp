// cuDNN's attention on the emulated GPU: by the own kernels, which take the same operands. In place of
// cuda/kernels/attention.cpp, which needs cuDNN. Has no dropout.

#include "cuda/cudnn/attention_problem.h"

namespace fg::cuda {
namespace {

bool is_taken(const AttentionOperands& in, const Tensor& out, const AttentionOptions& options) {
  const auto problem = make_attention_problem(in, out, options);
  return problem && problem->dropped == 0 && problem->width <= kMaxAttentionWidth &&
         problem->value_width <= kMaxAttentionWidth;
}

}  // namespace

bool cudnn_attention_forward(const Tensor& out, const Tensor& logsumexp,
                             const AttentionOperands& in, const AttentionOptions& options) {
  if (!is_taken(in, out, options)) return false;
  attention_forward(out, logsumexp, in, options);
  return true;
}

bool cudnn_attention_backward(const AttentionGrads& grads, const Tensor& grad_out,
                              const AttentionOperands& in, const Tensor& out,
                              const Tensor& logsumexp, const AttentionOptions& options) {
  const auto forward = make_attention_problem(in, out, options);
  if (!is_taken(in, out, options) || !make_attention_problem(*forward, grad_out, grads))
    return false;
  attention_backward(grads, grad_out, in, out, logsumexp, options);
  return true;
}

bool has_cudnn_attention_backward(const Tensor& out, const AttentionOperands& in,
                                  const AttentionOptions& options) {
  return is_taken(in, out, options);
}

}  // namespace fg::cuda
