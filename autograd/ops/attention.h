#pragma once

#include "tensor/tensor.h"

namespace fg {

/// softmax(query @ key^T * scale + mask) @ value: query [..., L, E], key [..., S, E], value [..., S, Ev],
/// result [..., L, Ev]; leading dims broadcast, scale defaults to 1 / sqrt(E). `attn_mask` broadcasts to
/// [..., L, S]: Bool (true takes part) or floating (added). `is_causal` masks what lies above the
/// diagonal and excludes attn_mask. A query that may look at nothing gets zeros. Dropout of the
/// attention weights with probability `dropout_p` whenever that is positive.
///
/// On a GPU it is one node that keeps no scores, for at most 2 leading dims and a mask that needs no gradient: Half
/// and BFloat16 by cuDNN on tensor cores, for extents E and Ev that are multiples of 8 up to 256, with dropout,
/// too; Float without TF32, and Float and narrower types once the scores would take more than 1 GiB, by own
/// kernels, for E and Ev up to 128, with dropout in Float. The rest is composed of plain products. Strides are
/// free; result and gradients lie in memory as query, key and value do, so that slices of one projection
/// cost no copies. With dropout in a 16-bit type, gradients cannot be differentiated again.
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask = {}, double dropout_p = 0,
                                    bool is_causal = false, optional<double> scale = nullopt);

}  // namespace fg
