#include "nn/functional/linear.h"

#include "autograd/ops/elementwise.h"
#include "autograd/ops/embedding.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/rearrange.h"

namespace fg::nn::functional {

Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  return fg::linear(input, weight, bias);
}

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const Tensor& bias) {
  ENSURE(weight.dim() == 3, "bilinear: weight must have 3 dims, got shape ", weight.sizes());
  ENSURE(input1.dim() >= 1 && input1.size(-1) == weight.size(1), "bilinear: input1 must have ",
         weight.size(1), " features in its last dim, got shape ", input1.sizes());
  ENSURE(input2.dim() == input1.dim() && input2.size(-1) == weight.size(2),
         "bilinear: input2 must have as many dims as input1 and ", weight.size(2),
         " features in its last dim, got shape ", input2.sizes());
  const int64_t out = weight.size(0), in1 = weight.size(1), in2 = weight.size(2);
  std::vector<int64_t> sizes(input1.sizes().begin(), input1.sizes().end());
  sizes.back() = out;
  const Tensor rows1 = input1.reshape({-1, in1}), rows2 = input2.reshape({-1, in2});
  // x1 weight[k] for every k side by side, then the dot product with x2.
  const Tensor mixed = rows1.matmul(weight.permute({1, 0, 2}).reshape({in1, out * in2}));
  Tensor result = mixed.view({-1, out, in2}).matmul(rows2.unsqueeze(2)).squeeze(2).reshape(sizes);
  return bias.defined() ? result + bias : result;
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
