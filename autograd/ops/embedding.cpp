#include "autograd/ops/embedding.h"

#include "autograd/node.h"
#include "tensor/factories.h"
#include "tensor/kernels/embedding.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

struct EmbeddingBackward : Node {
  Saved indices{this};  // flat
  int64_t num_embeddings = 0, embedding_dim = 0, padding_idx = -1;
  bool scale_grad_by_freq = false;

  std::string name() const override { return "EmbeddingBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor index = indices.unpack();
    const Tensor g = grads[0].reshape({index.numel(), embedding_dim});
    if (GradMode::is_enabled()) return {composed(g, index)};
    const Tensor rows = g.to(kernel_type(g)).contiguous();
    const Tensor grad_weight = empty({num_embeddings, embedding_dim}, rows.options());
    ON_DEVICE(rows, embedding_backward, grad_weight, rows, index, padding_idx, scale_grad_by_freq);
    return {grad_weight};
  }

 private:
  Tensor composed(Tensor g, const Tensor& index) const {
    if (padding_idx >= 0) g = g.masked_fill(index.eq(padding_idx).unsqueeze(1), 0);
    if (scale_grad_by_freq) {
      const Tensor ones = fg::ones(index.sizes(), g.options());
      const Tensor counts = zeros({num_embeddings}, g.options()).index_add(0, index, ones);
      g = g.div(counts.index_select(0, index).unsqueeze(1));
    }
    return zeros({num_embeddings, embedding_dim}, g.options()).index_add(0, index, g);
  }
};

void check(const char* op, const Tensor& weight, const Tensor& indices) {
  ENSURE(weight.dim() == 2, op, ": weight must have shape [num_embeddings, embedding_dim], got ",
         weight.sizes());
  ENSURE(indices.dtype() == kLong || indices.dtype() == kInt, op,
         ": indices must be Long or Int, got ", indices.dtype());
}

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& indices, int64_t padding_idx,
                 bool scale_grad_by_freq) {
  const profiler::RecordOp recorded("embedding", weight, indices);
  check("embedding", weight, indices);
  ENSURE(padding_idx < weight.size(0), "embedding: padding_idx must be below ", weight.size(0),
         " (num_embeddings), got ", padding_idx);
  const Tensor index = indices.to(kLong).reshape({-1}).contiguous();
  auto node = make_node<EmbeddingBackward>(weight);
  std::vector<int64_t> sizes = indices.sizes();
  sizes.push_back(weight.size(1));
  const Tensor y = empty(sizes, weight.options());
  ON_DEVICE(weight, embedding_forward, y, weight.contiguous(), index);
  if (node) {
    node->indices.save(index);
    node->num_embeddings = weight.size(0), node->embedding_dim = weight.size(1);
    node->padding_idx = padding_idx, node->scale_grad_by_freq = scale_grad_by_freq;
    node->attach(y);
  }
  return y;
}

Tensor embedding_renorm_(const Tensor& weight, const Tensor& indices, double max_norm,
                         double norm_type) {
  const profiler::RecordOp recorded("embedding_renorm_", weight, indices);
  check("embedding_renorm_", weight, indices);
  NoGradGuard no_grad;
  const Tensor index = indices.to(kLong).reshape({-1});
  const Tensor rows = embedding(weight, index);
  const Tensor norms = rows.norm(norm_type, 1, true);
  // The small constant is PyTorch's, so that equal weights stay equal. Repeated rows get equal values.
  const Tensor factor = norms.add(1e-7).reciprocal().mul(max_norm);
  weight.index_copy_(0, index, rows.mul(factor.where(norms.gt(max_norm), ones_like(factor))));
  return weight;
}

}  // namespace fg
