#include "autograd/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/composed.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/softmax.h"
#include "cuda/precision.h"
#include "tensor/factories.h"
#include "tensor/kernels/attention.h"
#include "tensor/on_device.h"
#include "tensor/shape.h"

namespace fg {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

void check(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& attn_mask,
           bool is_causal) {
  const char* op = "scaled_dot_product_attention";
  const auto shapes = [&] {
    return str("query ", query.sizes(), ", key ", key.sizes(), ", value ", value.sizes());
  };
  ENSURE(
      query.is_floating_point() && query.dtype() == key.dtype() && query.dtype() == value.dtype(),
      op, ": query, key and value must share one floating dtype, got ", query.dtype(), ", ",
      key.dtype(), " and ", value.dtype());
  ENSURE(query.dim() >= 2 && key.dim() >= 2 && value.dim() >= 2, op,
         ": query, key and value must have at least 2 dims, got ", shapes());
  ENSURE(query.size(-1) == key.size(-1), op,
         ": query and key must agree in their last extent, got ", shapes());
  ENSURE(key.size(-2) == value.size(-2), op,
         ": key and value must agree in their last but one extent, got ", shapes());
  ENSURE(!is_causal || !attn_mask.defined(), op, ": attn_mask must be undefined with is_causal");
  ENSURE(!attn_mask.defined() || attn_mask.dtype() == kBool || attn_mask.is_floating_point(), op,
         ": attn_mask must be Bool or floating, got ", attn_mask.dtype());
}

/// softmax(factor query key^T + mask) value, in plain ops.
Tensor composed_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                          const Tensor& attn_mask, double dropout_p, bool is_causal,
                          double factor) {
  Tensor scores = query.mul(factor).matmul(key.transpose(-2, -1));
  if (is_causal) {
    const Tensor visible =
        ones({query.size(-2), key.size(-2)}, query.options().dtype(kBool)).tril();
    scores = scores.masked_fill(visible.logical_not(), kMinusInfinity);
  } else if (attn_mask.defined()) {
    scores = attn_mask.dtype() == kBool
                 ? scores.masked_fill(attn_mask.logical_not(), kMinusInfinity)
                 : scores.add(attn_mask);
  }
  Tensor weights = softmax(scores, -1);
  if (attn_mask.defined()) {
    // softmax gives NaN where every score is masked; such a query attends to nothing.
    const Tensor blind = scores.detach().eq(kMinusInfinity).all(-1, true);
    weights = weights.masked_fill(blind, 0);
  }
  return dropout(weights, dropout_p, dropout_p > 0).matmul(value);
}

/// The leading extents of the result.
DimVector batch_of(const Tensor& query, const Tensor& key, const Tensor& value) {
  const auto lead = [](const Tensor& t) { return t.sizes().slice(0, size_t(t.dim()) - 2); };
  const char* op = "scaled_dot_product_attention";
  return broadcast_shapes(broadcast_shapes(lead(query), lead(key), op), lead(value), op);
}

/// From this size on scores are not kept in memory even where tensor cores would make them faster than the
/// kernels, which use none, can do without.
constexpr int64_t kMaxScoreBytes = int64_t(1) << 30;

/// Whether the GPU's attention kernels are to be used.
bool takes_kernels(const Tensor& query, const Tensor& key, const Tensor& value,
                   const Tensor& attn_mask, double dropout_p) {
  if (!kHasCuda || !query.is_cuda() || ComposedGuard::is_active() || dropout_p > 0) return false;
  const ScalarType type = query.dtype();
  const int64_t widest = std::max(query.size(-1), value.size(-1));
  if (type == kDouble || widest > cuda::kMaxAttentionWidth) return false;
  const DimVector batch = batch_of(query, key, value);
  const int64_t scores = numel_of(batch) * query.size(-2) * key.size(-2);
  if (batch.size() > 2 || scores == 0 || query.size(-1) == 0 || value.size(-1) == 0) return false;
  if (attn_mask.defined()) {
    if (attn_mask.dtype() != kBool && attn_mask.dtype() != type) return false;
    DimVector sizes = batch;
    sizes.push_back(query.size(-2));
    sizes.push_back(key.size(-2));
    if (attn_mask.requires_grad() || !is_expandable_to(attn_mask.sizes(), sizes)) return false;
  }
  const bool on_tensor_cores = type != kFloat || globalContext().allowTF32CuBLAS();
  return !on_tensor_cores || scores * query.element_size() > kMaxScoreBytes;
}

/// What the kernels take: (batch, heads, rows, columns), the last stride 1, without history.
Tensor as_heads(const Tensor& t, DimVector batch, int64_t rows, int64_t cols) {
  NoGradGuard guard;
  batch.push_back(rows);
  batch.push_back(cols);
  Tensor result = t.detach().expand(batch);
  while (result.dim() < 4) result = result.unsqueeze(0);
  return result.stride(-1) == 1 ? result : result.contiguous();
}

/// Attention whose scores are never in memory; saves the output and each row's logsumexp.
struct ScaledDotProductAttentionBackward : Node {
  Saved query{this}, key{this}, value{this}, attn_mask{this}, out{this}, logsumexp{this};
  DimVector batch;
  bool is_causal = false;
  double factor = 1;

  std::string name() const override { return "ScaledDotProductAttentionBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor q = query.unpack(), k = key.unpack(), v = value.unpack();
    const Tensor mask = attn_mask.defined() ? attn_mask.unpack() : Tensor();
    if (GradMode::is_enabled()) {
      const auto forward = [&](const std::vector<Tensor>& in) {
        return composed_attention(in[0], in[1], in[2], mask, 0, is_causal, factor);
      };
      return differentiate(*this, forward, {q, k, v}, grads[0]);
    }
    const int64_t rows = q.size(-2), keys = k.size(-2), width = q.size(-1), wide = v.size(-1);
    const auto made = [&](bool wanted, int64_t n, int64_t m) {
      DimVector sizes = batch;
      sizes.push_back(n);
      sizes.push_back(m);
      return wanted ? empty(sizes, q.options()) : Tensor();
    };
    const bool keys_too = needs(1) || needs(2);
    const Tensor grad_q = made(needs(0), rows, width), grad_k = made(keys_too, keys, width);
    const Tensor grad_v = made(keys_too, keys, wide);
    const auto heads = [&](const Tensor& t, int64_t n, int64_t m) {
      return t.defined() ? as_heads(t, batch, n, m) : t;
    };
    if constexpr (kHasCuda) {
      cuda::attention_backward(heads(grad_q, rows, width), heads(grad_k, keys, width),
                               heads(grad_v, keys, wide), heads(grads[0], rows, wide),
                               heads(q, rows, width), heads(k, keys, width), heads(v, keys, wide),
                               heads(mask, rows, keys), heads(out.unpack(), rows, wide),
                               logsumexp.unpack(), factor, is_causal);
    }
    return {grad_q, grad_k, grad_v};
  }
};

Tensor kernel_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                        const Tensor& attn_mask, bool is_causal, double factor) {
  auto node = make_node<ScaledDotProductAttentionBackward>(query, key, value);
  const DimVector batch = batch_of(query, key, value);
  const int64_t rows = query.size(-2), keys = key.size(-2);
  DimVector sizes = batch;
  sizes.push_back(rows);
  sizes.push_back(value.size(-1));
  const Tensor out = empty(sizes, query.options());
  const Tensor logsumexp = empty({numel_of(batch), rows}, query.options().dtype(kFloat));
  if constexpr (kHasCuda) {
    cuda::attention_forward(
        as_heads(out, batch, rows, value.size(-1)), logsumexp,
        as_heads(query, batch, rows, query.size(-1)), as_heads(key, batch, keys, key.size(-1)),
        as_heads(value, batch, keys, value.size(-1)),
        attn_mask.defined() ? as_heads(attn_mask, batch, rows, keys) : Tensor(), factor, is_causal);
  }
  if (node) {
    node->batch = batch, node->is_causal = is_causal, node->factor = factor;
    node->query.save(query), node->key.save(key), node->value.save(value);
    if (attn_mask.defined()) node->attn_mask.save(attn_mask);
    node->attach(out);
    node->out.save(out);
    node->logsumexp.save(logsumexp);
  }
  return out;
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask, double dropout_p, bool is_causal,
                                    optional<double> scale) {
  check(query, key, value, attn_mask, is_causal);
  const double factor = scale.value_or(1 / std::sqrt(double(query.size(-1))));
  if (takes_kernels(query, key, value, attn_mask, dropout_p))
    return kernel_attention(query, key, value, attn_mask, is_causal, factor);
  return composed_attention(query, key, value, attn_mask, dropout_p, is_causal, factor);
}

}  // namespace fg
