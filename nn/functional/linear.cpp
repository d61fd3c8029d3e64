#include "nn/functional/linear.h"

#include "autograd/ops/elementwise.h"
#include "autograd/ops/embedding.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/products.h"
#include "autograd/ops/rearrange.h"

namespace fg::nn::functional {

Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  return fg::linear(input, weight, bias);
}

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const Tensor& bias) {
  return fg::bilinear(input1, input2, weight, bias);
}

namespace {

/// A row number counted from the end made plain; -1 where there is none.
int64_t padding_row(const optional<int64_t>& padding_idx, const Tensor& weight, const char* op) {
  if (!padding_idx) return -1;
  const int64_t count = weight.size(0);
  ENSURE(*padding_idx >= -count && *padding_idx < count, op,
         ": padding_idx must be within num_embeddings (", count, "), got ", *padding_idx);
  return *padding_idx < 0 ? *padding_idx + count : *padding_idx;
}

}  // namespace

Tensor embedding(const Tensor& input, const Tensor& weight, const EmbeddingFuncOptions& options) {
  ENSURE(weight.dim() == 2, "embedding: weight must have 2 dims, got shape ", weight.sizes());
  const int64_t padding = padding_row(options.padding_idx(), weight, "embedding");
  if (options.max_norm()) {
    fg::embedding_renorm_(weight, input, *options.max_norm(), options.norm_type());
  }
  return fg::embedding(weight, input, padding, options.scale_grad_by_freq());
}

Tensor one_hot(const Tensor& input, int64_t num_classes) { return fg::one_hot(input, num_classes); }

}  // namespace fg::nn::functional
