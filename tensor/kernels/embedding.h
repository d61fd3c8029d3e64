// Rows of a table by number, declared once for both devices.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// y[i] = weight[indices[i]]: `weight` [rows, width] and `y` [count, width] contiguous, of one dtype of
/// any kind; `indices` contiguous Long. Throws IndexError naming the first index outside the table
/// (on CUDA: reports one, and leaves that row of y alone).
using EmbeddingForwardKernel = void(const Tensor& y, const Tensor& weight, const Tensor& indices);
/// grad_weight[v] = sum of grad_y[i] over the i with indices[i] = v, in the order of i; Float or Double,
/// on CUDA also 16-bit.
/// Row `padding_idx` stays zero; with `scale_by_freq` each row is divided by the number of its terms.
using EmbeddingBackwardKernel = void(const Tensor& grad_weight, const Tensor& grad_y,
                                     const Tensor& indices, int64_t padding_idx,
                                     bool scale_by_freq);

namespace cpu {
EmbeddingForwardKernel embedding_forward;
EmbeddingBackwardKernel embedding_backward;
}  // namespace cpu
namespace cuda {
EmbeddingForwardKernel embedding_forward;
EmbeddingBackwardKernel embedding_backward;
}  // namespace cuda

}  // namespace fg
