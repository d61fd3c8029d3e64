#pragma once

#include "tensor/tensor.h"

namespace fg {

/// Rows of `weight` [num_embeddings, embedding_dim] (any dtype) by `indices` (Long or Int, any shape):
/// indices.sizes() + [embedding_dim]. Row `padding_idx`, if not negative, gets no gradient.
/// `scale_grad_by_freq` divides each row's gradient by how often the row was looked up. IndexError on an
/// index outside [0, num_embeddings). The gradient of weight is dense and deterministic.
Tensor embedding(const Tensor& weight, const Tensor& indices, int64_t padding_idx = -1,
                 bool scale_grad_by_freq = false);
/// Scales the rows of `weight` that `indices` name, in place and off the tape, so that their
/// `norm_type`-norms are at most `max_norm`. Returns `weight`.
Tensor embedding_renorm_(const Tensor& weight, const Tensor& indices, double max_norm,
                         double norm_type = 2);

}  // namespace fg
