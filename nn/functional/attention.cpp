#include "nn/functional/attention.h"

#include <array>
#include <cmath>
#include <limits>

#include "autograd/ops/attention.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/softmax.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg::nn::functional {
namespace {

constexpr const char* kOp = "multi_head_attention_forward";
using Options = MultiheadAttentionForwardFuncOptions;

void check(const Tensor& query, const Tensor& key, const Tensor& value, const Options& o) {
  ENSURE(query.dim() == 3 && query.size(2) == o.embed_dim_to_check(), kOp,
         ": query must have shape [length, batch, ", o.embed_dim_to_check(), "], got ",
         query.sizes());
  ENSURE(key.dim() == 3 && value.dim() == 3 && key.size(0) == value.size(0) &&
             key.size(1) == query.size(1) && value.size(1) == query.size(1),
         kOp, ": key and value must have one length and query's batch ", query.size(1),
         ", got shapes ", key.sizes(), " and ", value.sizes());
  ENSURE(o.num_heads() > 0 && query.size(2) % o.num_heads() == 0, kOp,
         ": num_heads must divide embed_dim ", query.size(2), ", got ", o.num_heads());
}

/// Query, key and value after their projections.
std::array<Tensor, 3> project(const Tensor& query, const Tensor& key, const Tensor& value,
                              const Options& o) {
  const int64_t embed = query.size(2);
  auto part = [&](const Tensor& stacked, int64_t i) {
    return stacked.defined() ? stacked.slice(0, i * embed, (i + 1) * embed) : Tensor();
  };
  if (o.use_separate_proj_weight()) {
    return {fg::linear(query, o.q_proj_weight(), part(o.in_proj_bias(), 0)),
            fg::linear(key, o.k_proj_weight(), part(o.in_proj_bias(), 1)),
            fg::linear(value, o.v_proj_weight(), part(o.in_proj_bias(), 2))};
  }
  if (query.is_same(key) && key.is_same(value)) {
    const auto parts = fg::linear(query, o.in_proj_weight(), o.in_proj_bias()).chunk(3, -1);
    return {parts[0], parts[1], parts[2]};
  }
  std::array<Tensor, 3> result;
  const std::array<const Tensor*, 3> inputs{&query, &key, &value};
  for (int64_t i = 0; i < 3; ++i) {
    result[size_t(i)] =
        fg::linear(*inputs[size_t(i)], part(o.in_proj_weight(), i), part(o.in_proj_bias(), i));
  }
  return result;
}

/// A mask as numbers that are added to scores.
Tensor additive(const Tensor& mask, ScalarType dtype) {
  if (mask.is_floating_point()) return mask.to(dtype);
  return zeros(mask.sizes(), mask.options().dtype(dtype))
      .masked_fill(mask.to(kBool), -std::numeric_limits<double>::infinity());
}

/// Zero columns for keys that were appended, so that they are never masked.
Tensor widened(const Tensor& mask, int64_t num_keys) {
  const int64_t missing = num_keys - mask.size(-1);
  if (missing == 0) return mask;
  DimVector sizes(mask.sizes().begin(), mask.sizes().end());
  sizes.back() = missing;
  return fg::cat({mask, zeros(sizes, mask.options())}, -1);
}

/// Both masks as one that broadcasts to [N, heads, L, S], or undefined.
Tensor combined_mask(const Tensor& q, int64_t num_keys, const Options& o) {
  const int64_t batch = q.size(0), heads = q.size(1), length = q.size(2);
  Tensor result;
  if (const Tensor& mask = o.attn_mask(); mask.defined()) {
    ENSURE((mask.dim() == 2 && mask.size(0) == length) ||
               (mask.dim() == 3 && mask.size(0) == batch * heads && mask.size(1) == length),
           kOp, ": attn_mask must have shape [", length, ", keys] or [", batch * heads, ", ",
           length, ", keys], got ", mask.sizes());
    result = additive(mask, q.dtype());
    if (mask.dim() == 3) result = result.view({batch, heads, length, mask.size(2)});
    result = widened(result, num_keys);
  }
  if (const Tensor& mask = o.key_padding_mask(); mask.defined()) {
    ENSURE(mask.dim() == 2 && mask.size(0) == batch, kOp, ": key_padding_mask must have shape [",
           batch, ", keys], got ", mask.sizes());
    const Tensor padding = widened(additive(mask, q.dtype()), num_keys).unsqueeze(1).unsqueeze(1);
    result = result.defined() ? result + padding : padding;
  }
  return result;
}

/// Appends one learned key or value, the same for each of the batch.
Tensor with_bias_row(const Tensor& x, const Tensor& row) {
  return row.defined() ? fg::cat({x, row.expand({1, x.size(1), x.size(2)})}, 0) : x;
}

}  // namespace

std::tuple<Tensor, Tensor> multi_head_attention_forward(const Tensor& query, const Tensor& key,
                                                        const Tensor& value, const Options& o) {
  const profiler::RecordOp recorded(kOp, query, key, value);
  check(query, key, value, o);
  const int64_t length = query.size(0), batch = query.size(1), embed = query.size(2);
  const int64_t heads = o.num_heads(), width = embed / heads;
  auto [q, k, v] = project(query, key, value, o);
  k = with_bias_row(k, o.bias_k());
  v = with_bias_row(v, o.bias_v());
  // [length, N, heads * width] to [N, heads, length, width].
  auto split = [&](const Tensor& x) {
    return x.reshape({x.size(0), batch, heads, width}).permute({1, 2, 0, 3});
  };
  q = split(q), k = split(k), v = split(v);
  if (o.add_zero_attn()) {
    const Tensor zero = zeros({batch, heads, 1, width}, k.options());
    k = fg::cat({k, zero}, 2);
    v = fg::cat({v, zero}, 2);
  }
  const Tensor mask = combined_mask(q, k.size(2), o);
  const double dropout = o.training() ? o.dropout_p() : 0;

  Tensor heads_out, weights;
  if (o.need_weights()) {
    Tensor scores = (q / std::sqrt(double(width))).matmul(k.transpose(2, 3));
    if (mask.defined()) scores = scores + mask;
    weights = fg::dropout(fg::softmax(scores, -1), dropout, true);
    heads_out = weights.matmul(v);
    if (o.average_attn_weights()) weights = weights.mean(1);
  } else {
    heads_out = fg::scaled_dot_product_attention(q, k, v, mask, dropout);
  }
  const Tensor joined = heads_out.permute({2, 0, 1, 3}).reshape({length, batch, embed});
  return {fg::linear(joined, o.out_proj_weight(), o.out_proj_bias()), weights};
}

}  // namespace fg::nn::functional
