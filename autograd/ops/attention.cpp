#include "autograd/ops/attention.h"

#include <cmath>
#include <limits>

#include "autograd/ops/dropout.h"
#include "autograd/ops/softmax.h"
#include "tensor/factories.h"

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

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask, double dropout_p, bool is_causal,
                                    optional<double> scale) {
  check(query, key, value, attn_mask, is_causal);
  const double factor = scale.value_or(1 / std::sqrt(double(query.size(-1))));
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

}  // namespace fg
