// Multi-head attention in its functional form.
#pragma once

#include <tuple>

#include "nn/options/attention.h"

namespace fg::nn::functional {

/// Attention of num_heads heads (Vaswani et al., 2017): query [L, N, E], key [S, N, kdim], value
/// [S, N, vdim] to [L, N, E] and, with need_weights, the weights [N, L, S] averaged over heads, or
/// [N, heads, L, S]; without, an undefined tensor. in_proj_weight stacks the projections of query, key
/// and value. Masks: attn_mask [L, S] or [N * heads, L, S], key_padding_mask [N, S]; Bool, true where
/// attention is not allowed, or floating, added to the scores.
std::tuple<Tensor, Tensor> multi_head_attention_forward(
    const Tensor& query, const Tensor& key, const Tensor& value,
    const MultiheadAttentionForwardFuncOptions& options);

}  // namespace fg::nn::functional
