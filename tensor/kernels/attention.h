// Attention without its matrix of scores; the GPU's alone, since the CPU gains nothing over plain products.
#pragma once

#include "tensor/tensor.h"

namespace fg::cuda {

/// Largest last extent of query, key and value that the kernels take.
inline constexpr int64_t kMaxAttentionWidth = 128;

/// out = softmax(scale * query key^T + mask) value, and logsumexp of each row of scores.
/// query (B, H, L, E), key (B, H, S, E), value (B, H, S, Ev), out (B, H, L, Ev): one dtype, Float, Half or
/// BFloat16, any strides but for a last one of 1, no extent 0, E and Ev at most kMaxAttentionWidth. mask
/// (B, H, L, S), any strides, of query's dtype (added) or Bool (true takes part), or undefined; with `causal`,
/// query i sees keys 0 to i. A query to which the mask leaves nothing gives zeros and logsumexp +inf. logsumexp
/// (B, H, L) is Float and contiguous. All sums are in float.
void attention_forward(const Tensor& out, const Tensor& logsumexp, const Tensor& query,
                       const Tensor& key, const Tensor& value, const Tensor& mask, double scale,
                       bool causal);

/// The gradients of query, key and value, which have their shapes and are contiguous; grad_query may be
/// undefined, and grad_key and grad_value together. grad_out is like out.
void attention_backward(const Tensor& grad_query, const Tensor& grad_key, const Tensor& grad_value,
                        const Tensor& grad_out, const Tensor& query, const Tensor& key,
                        const Tensor& value, const Tensor& mask, const Tensor& out,
                        const Tensor& logsumexp, double scale, bool causal);

}  // namespace fg::cuda
