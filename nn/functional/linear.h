// Linear maps and lookups in their functional form.
#pragma once

#include "nn/options/embedding.h"
#include "nn/options/linear.h"
#include "tensor/tensor.h"

namespace fg::nn::functional {

/// x weight^T + bias: input [..., in], weight [out, in], bias [out] or undefined.
Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias = {});
/// x1^T weight[k] x2 + bias[k]: inputs [..., in1] and [..., in2], weight [out, in1, in2].
Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const Tensor& bias = {});
/// Rows of `weight` [count, dim] at the Long or Int indices `input`: [...input, dim].
Tensor embedding(const Tensor& input, const Tensor& weight,
                 const EmbeddingFuncOptions& options = {});
/// Sums, means or maxima of bags of rows: `input` [bags, indices], or 1-d with the start of each bag in
/// `offsets`. Result [bags, dim]; an empty bag gives zeros.
Tensor embedding_bag(const Tensor& input, const Tensor& weight,
                     const EmbeddingBagFuncOptions& options = {});
/// Long [...] to Long [..., num_classes]; num_classes -1 means the largest index plus one.
Tensor one_hot(const Tensor& input, int64_t num_classes = -1);

}  // namespace fg::nn::functional
