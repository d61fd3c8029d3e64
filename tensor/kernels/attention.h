// Attention without its matrix of scores; the GPU's alone, since the CPU gains nothing over plain products.
#pragma once

#include "tensor/kernels/philox.h"
#include "tensor/tensor.h"

namespace fg::cuda {

/// query (B, H, L, E), key (B, H, S, E), value (B, H, S, Ev) of one dtype, with any strides but for a last one
/// of 1, no extent 0. mask (B, H, L, S), any strides, of query's dtype (added to the scores) or Bool (true takes
/// part), or undefined.
struct AttentionOperands {
  Tensor query, key, value, mask;
};
/// Gradients of query, key and value, of their shapes, with any strides but for a last one of 1.
struct AttentionGrads {
  Tensor query, key, value;
};
struct AttentionOptions {
  double scale = 1;
  /// Query i sees keys 0 to i.
  bool causal = false;
  /// Weights are dropped with this probability, less than 1, by `draw`; the others scaled up.
  double dropout_p = 0;
  PhiloxDraw draw{};
};

/// Largest last extent of query, key and value that the own kernels take.
inline constexpr int64_t kMaxAttentionWidth = 128;

/// The largest that cuDNN's take, and what must divide them.
inline constexpr int64_t kMaxCudnnAttentionWidth = 256, kCudnnAttentionWidthStep = 8;

/// out = softmax(scale * query key^T + mask) value, (B, H, L, Ev), and logsumexp of each row of scores,
/// (B, H, L), Float and contiguous. A query to which the mask leaves nothing gives zeros and logsumexp +inf. All
/// sums are in float. Float, Half or BFloat16, E and Ev at most kMaxAttentionWidth; dropout for Float.
void attention_forward(const Tensor& out, const Tensor& logsumexp, const AttentionOperands& in,
                       const AttentionOptions& options);

/// The gradients; grads.query may be undefined, and grads.key and grads.value together. grad_out is like out.
void attention_backward(const AttentionGrads& grads, const Tensor& grad_out,
                        const AttentionOperands& in, const Tensor& out, const Tensor& logsumexp,
                        const AttentionOptions& options);

/// What their dropout multiplies the weights by, 0 or 1 / (1 - p); (B, H, L, S), Float and contiguous.
void attention_dropout_factors(const Tensor& factors, const AttentionOperands& in,
                               const AttentionOptions& options);

/// logsumexp +inf where it is none: of the queries to which a mask left nothing, for which cuDNN leaves -inf or NaN.
void close_blind_queries(const Tensor& logsumexp);

/// The first two by cuDNN, on tensor cores: Half and BFloat16, masks that are added, all three gradients. False, and
/// nothing is done, where cuDNN has no engine for the operands. Without
/// dropout attention_backward can follow cudnn_attention_forward.
bool cudnn_attention_forward(const Tensor& out, const Tensor& logsumexp,
                             const AttentionOperands& in, const AttentionOptions& options);
bool cudnn_attention_backward(const AttentionGrads& grads, const Tensor& grad_out,
                              const AttentionOperands& in, const Tensor& out,
                              const Tensor& logsumexp, const AttentionOptions& options);
/// Whether the address and the strides of a (batch, heads, rows, columns) tensor are cuDNN's: multiples of 16 bytes
/// but for a last stride of 1.
bool is_fit_for_cudnn_attention(const Tensor& t);
/// Whether cudnn_attention_backward will do its work for gradients that lie in memory as the operands do.
bool has_cudnn_attention_backward(const Tensor& out, const AttentionOperands& in,
                                  const AttentionOptions& options);

}  // namespace fg::cuda
