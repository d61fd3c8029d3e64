#pragma once

#include "tensor/tensor.h"

namespace fg {

/// softmax(query @ key^T * scale + mask) @ value: query [..., L, E], key [..., S, E], value [..., S, Ev],
/// result [..., L, Ev]; leading dims broadcast, scale defaults to 1 / sqrt(E). `attn_mask` broadcasts to
/// [..., L, S]: Bool (true takes part) or floating (added). `is_causal` masks what lies above the
/// diagonal and excludes attn_mask. A query that may look at nothing gets zeros. Dropout of the
/// attention weights with probability `dropout_p` whenever that is positive. On a GPU float32 without TF32, and
/// any dtype but Double once the scores would take more than 1 GiB, runs as one node that never holds them, for
/// extents E and Ev up to 128 and at most 2 leading dims, without dropout or a mask that needs a gradient.
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask = {}, double dropout_p = 0,
                                    bool is_causal = false, optional<double> scale = nullopt);

}  // namespace fg
