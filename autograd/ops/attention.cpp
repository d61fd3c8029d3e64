#include "autograd/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/autocast_call.h"
#include "autograd/composed.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/softmax.h"
#include "cuda/precision.h"
#include "tensor/factories.h"
#include "tensor/kernels/attention.h"
#include "tensor/kernels/random.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
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

/// drop(softmax(factor query key^T + mask)) value, in plain ops.
template <class Drop>
Tensor composed_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                          const Tensor& attn_mask, bool is_causal, double factor,
                          const Drop& drop) {
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
  if (!attn_mask.defined()) return drop(softmax(scores, -1)).matmul(value);
  // softmax and its gradient are NaN where every score is masked; such a query attends to nothing.
  const Tensor blind = scores.detach().eq(kMinusInfinity).all(-1, true);
  const Tensor weights = softmax(scores.masked_fill(blind, 0), -1).masked_fill(blind, 0);
  return drop(weights).matmul(value);
}

/// The leading extents of the result.
DimVector batch_of(const Tensor& query, const Tensor& key, const Tensor& value) {
  const auto lead = [](const Tensor& t) { return t.sizes().slice(0, size_t(t.dim()) - 2); };
  const char* op = "scaled_dot_product_attention";
  return broadcast_shapes(broadcast_shapes(lead(query), lead(key), op), lead(value), op);
}

/// Whether the operands are laid out as attention without scores takes them, on a GPU.
bool is_taken(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& attn_mask,
              double dropout_p) {
  if (!kHasCuda || !query.is_cuda() || ComposedGuard::is_active()) return false;
  if (!(dropout_p >= 0 && dropout_p < 1)) return false;
  const DimVector batch = batch_of(query, key, value);
  if (query.dtype() == kDouble || batch.size() > 2) return false;
  const int64_t scores = numel_of(batch) * query.size(-2) * key.size(-2);
  if (scores == 0 || query.size(-1) == 0 || value.size(-1) == 0) return false;
  if (!attn_mask.defined()) return true;
  if (attn_mask.dtype() != kBool && attn_mask.dtype() != query.dtype()) return false;
  DimVector sizes = batch;
  sizes.push_back(query.size(-2));
  sizes.push_back(key.size(-2));
  return !attn_mask.requires_grad() && is_expandable_to(attn_mask.sizes(), sizes);
}

/// From this size on scores are not kept in memory even where tensor cores would make them faster than the own
/// kernels, which use none, can do without.
constexpr int64_t kMaxScoreBytes = int64_t(1) << 30;

/// Whether cuDNN may take the problem; the strides can be made such that it does.
bool fits_cudnn(const Tensor& query, const Tensor& value) {
  const auto fits = [](int64_t width) {
    return width % cuda::kCudnnAttentionWidthStep == 0 && width <= cuda::kMaxCudnnAttentionWidth;
  };
  return is_reduced_floating(query.dtype()) && fits(query.size(-1)) && fits(value.size(-1));
}

bool fits_own_kernels(const Tensor& query, const Tensor& value, double dropout_p) {
  return std::max(query.size(-1), value.size(-1)) <= cuda::kMaxAttentionWidth &&
         (dropout_p == 0 || query.dtype() == kFloat);
}

/// Whether the own kernels are to be used where cuDNN's are not.
bool takes_own_kernels(const Tensor& query, const Tensor& value, int64_t scores, double dropout_p) {
  const bool on_tensor_cores = query.dtype() != kFloat || globalContext().allowTF32CuBLAS();
  return fits_own_kernels(query, value, dropout_p) &&
         (!on_tensor_cores || scores * query.element_size() > kMaxScoreBytes);
}

/// As (batch, heads, rows, columns), without history.
Tensor as_heads(const Tensor& t, DimVector batch, int64_t rows, int64_t cols) {
  NoGradGuard guard;
  batch.push_back(rows);
  batch.push_back(cols);
  Tensor result = t.detach();
  if (result.sizes() != IntArrayRef(batch)) result = result.expand(batch);
  while (result.dim() < 4) result = result.unsqueeze(0);
  return result;
}

/// The same, copied where the kernels could not read it as it lies.
Tensor as_operand(const Tensor& t, const DimVector& batch, int64_t rows, int64_t cols,
                  bool for_cudnn) {
  const Tensor result = as_heads(t, batch, rows, cols);
  bool fits = result.stride(3) == 1;
  if constexpr (kHasCuda)
    if (for_cudnn) fits = cuda::is_fit_for_cudnn_attention(result);
  return fits ? result : result.clone(MemoryFormat::Contiguous);
}

/// A mask as numbers to add to scores, for cuDNN: 16-byte aligned, its last dim dense.
Tensor additive(const Tensor& mask, ScalarType type, int64_t keys) {
  NoGradGuard guard;
  const Tensor added =
      mask.dtype() == kBool ? where(mask, 0, kMinusInfinity).to(type) : mask.detach();
  DimVector sizes(added.sizes().begin(), added.sizes().end());
  if (sizes.empty()) sizes.push_back(1);
  sizes.back() = keys;
  const Tensor wide = added.expand(sizes);
  const bool aligned = reinterpret_cast<uintptr_t>(wide.data_ptr()) % 16 == 0;
  return aligned && wide.stride(-1) == 1 ? wide : wide.clone(MemoryFormat::Contiguous);
}

/// New memory of extents (batch..., rows, cols), whose dims follow each other as those of `like`, which is (batch,
/// heads, rows, columns): a neighbour's reshape of (batch, rows, heads, columns) then needs no copy.
Tensor laid_out_as(const Tensor& like, DimVector batch, int64_t rows, int64_t cols) {
  DimVector sizes = batch;
  sizes.push_back(rows);
  sizes.push_back(cols);
  DimVector strides = contiguous_strides(sizes);
  if (batch.size() == 2 && like.stride(1) < like.stride(2))
    strides = {rows * batch[1] * cols, cols, batch[1] * cols, 1};
  return empty_strided(sizes, strides, like.options());
}

/// Attention whose scores are never in memory; saves the output and each row's logsumexp.
struct ScaledDotProductAttentionBackward : Node {
  Saved query{this}, key{this}, value{this}, attn_mask{this}, out{this}, logsumexp{this};
  DimVector batch;
  cuda::AttentionOptions options;

  std::string name() const override { return "ScaledDotProductAttentionBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override;

 private:
  Tensor dropout_factors(const cuda::AttentionOperands& in) const;
  std::vector<Tensor> run(const cuda::AttentionOperands& in, const Tensor& grad_out) const;
};

cuda::AttentionOperands operands(const DimVector& batch, const Tensor& query, const Tensor& key,
                                 const Tensor& value, const Tensor& mask) {
  const int64_t rows = query.size(-2), keys = key.size(-2);
  const bool for_cudnn = fits_cudnn(query, value);
  return {as_operand(query, batch, rows, query.size(-1), for_cudnn),
          as_operand(key, batch, keys, key.size(-1), for_cudnn),
          as_operand(value, batch, keys, value.size(-1), for_cudnn),
          mask.defined() ? as_heads(mask, batch, rows, keys) : Tensor()};
}

std::vector<Tensor> ScaledDotProductAttentionBackward::backward(const std::vector<Tensor>& grads) {
  const Tensor q = query.unpack(), k = key.unpack(), v = value.unpack();
  const Tensor mask = attn_mask.defined() ? attn_mask.unpack() : Tensor();
  const cuda::AttentionOperands in = operands(batch, q, k, v, mask);
  if (!GradMode::is_enabled()) return run(in, grads[0]);
  const Tensor factors = dropout_factors(in);
  const auto forward = [&](const std::vector<Tensor>& inputs) {
    const auto drop = [&](const Tensor& weights) {
      return factors.defined() ? weights.mul(factors.view(weights.sizes())) : weights;
    };
    return composed_attention(inputs[0], inputs[1], inputs[2], mask, options.causal, options.scale,
                              drop);
  };
  return differentiate(*this, forward, {q, k, v}, grads[0]);
}

/// Undefined without dropout.
Tensor ScaledDotProductAttentionBackward::dropout_factors(const cuda::AttentionOperands& in) const {
  if (options.dropout_p == 0) return {};
  const Tensor& q = in.query;
  ENSURE(q.dtype() == kFloat,
         "scaled_dot_product_attention: dropout_p must be 0 for a backward pass in a 16-bit type "
         "that is to be differentiated, got ",
         options.dropout_p);
  NoGradGuard guard;
  const Tensor factors = empty({q.size(0), q.size(1), q.size(2), in.value.size(2)}, q.options());
  if constexpr (kHasCuda) {
    const cuda::DeviceGuard device(q.device());
    cuda::attention_dropout_factors(factors, in, options);
  }
  return factors;
}

std::vector<Tensor> ScaledDotProductAttentionBackward::run(const cuda::AttentionOperands& in,
                                                           const Tensor& grad) const {
  const int64_t rows = in.query.size(2), keys = in.value.size(2);
  const int64_t width = in.query.size(3), wide = in.value.size(3);
  const Tensor grad_query = laid_out_as(in.query, batch, rows, width);
  const Tensor grad_key = laid_out_as(in.key, batch, keys, width);
  const Tensor grad_value = laid_out_as(in.value, batch, keys, wide);
  if constexpr (kHasCuda) {
    cuda::AttentionGrads grads{as_heads(grad_query, batch, rows, width),
                               as_heads(grad_key, batch, keys, width),
                               as_heads(grad_value, batch, keys, wide)};
    const Tensor y = as_heads(out.unpack(), batch, rows, wide);
    const Tensor grad_out = as_operand(grad, batch, rows, wide, fits_cudnn(in.query, in.value));
    const Tensor sums = logsumexp.unpack();
    const cuda::DeviceGuard guard(y.device());
    if (!cuda::cudnn_attention_backward(grads, grad_out, in, y, sums, options)) {
      ENSURE(fits_own_kernels(in.query, in.value, options.dropout_p),
             "scaled_dot_product_attention: cuDNN must have an engine for ",
             "the gradients of query ", in.query.sizes(), ", key ", in.key.sizes(), ", got none");
      if (!needs(0)) grads.query = {};
      if (!needs(1) && !needs(2)) grads.key = grads.value = {};
      cuda::attention_backward(grads, grad_out, in, y, sums, options);
    }
  }
  return {needs(0) ? grad_query : Tensor(), needs(1) ? grad_key : Tensor(),
          needs(2) ? grad_value : Tensor()};
}

/// The next draw for dropout of the weights of `rows` queries.
PhiloxDraw draw_for(const Tensor& like, int64_t rows, int64_t keys) {
  if constexpr (kHasCuda) {
    Generator& generator = default_generator(like.device());
    const std::lock_guard lock(generator.mutex());
    // The own kernels draw for 64 keys at a time.
    return cuda::draw_dropout(rows * ((keys + 63) / 64 * 64), generator.state());
  }
  return {};
}

/// By cuDNN or else by the own kernels; leaves in `mask` the one that was used. False, and nothing is done, where
/// plain products are to be used.
bool run_forward(const Tensor& out, const Tensor& logsumexp, const DimVector& batch,
                 const cuda::AttentionOperands& in, const cuda::AttentionOptions& options,
                 bool recorded, Tensor& mask) {
  if constexpr (kHasCuda) {
    const Tensor &q = in.query, &v = in.value;
    const cuda::DeviceGuard guard(q.device());
    if (fits_cudnn(q, v)) {
      const Tensor bias = mask.defined() ? additive(mask, q.dtype(), v.size(2)) : Tensor();
      cuda::AttentionOperands biased = in;
      if (bias.defined()) biased.mask = as_heads(bias, batch, q.size(2), v.size(2));
      // The own kernels' backward can follow cuDNN's forward, if they take the problem.
      const bool bound = recorded && !fits_own_kernels(q, v, options.dropout_p);
      if ((!bound || cuda::has_cudnn_attention_backward(out, biased, options)) &&
          cuda::cudnn_attention_forward(out, logsumexp, biased, options)) {
        mask = bias;
        return true;
      }
    }
    if (!takes_own_kernels(q, v, logsumexp.numel() * v.size(2), options.dropout_p)) return false;
    cuda::attention_forward(out, logsumexp, in, options);
  }
  return true;
}

/// The result, or an undefined tensor where plain products are to be used.
Tensor fused_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                       const Tensor& attn_mask, double dropout_p, bool is_causal, double factor) {
  const DimVector batch = batch_of(query, key, value);
  const int64_t rows = query.size(-2), wide = value.size(-1), queries = numel_of(batch) * rows;
  if (!fits_cudnn(query, value) &&
      !takes_own_kernels(query, value, queries * key.size(-2), dropout_p))
    return {};
  auto node = make_node<ScaledDotProductAttentionBackward>(query, key, value);
  const cuda::AttentionOperands in = operands(batch, query, key, value, attn_mask);
  const Tensor out = laid_out_as(in.query, batch, rows, wide);
  const Tensor logsumexp =
      empty({in.query.size(0), in.query.size(1), rows}, query.options().dtype(kFloat));
  cuda::AttentionOptions options{factor, is_causal, dropout_p, {}};
  if (dropout_p > 0) options.draw = draw_for(query, queries, key.size(-2));
  Tensor mask = attn_mask;
  if (!run_forward(as_heads(out, batch, rows, wide), logsumexp, batch, in, options, bool(node),
                   mask))
    return {};
  if (node) {
    node->batch = batch, node->options = options;
    node->query.save(query), node->key.save(key), node->value.save(value);
    if (mask.defined()) node->attn_mask.save(mask);
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
  if (detail::is_autocast())
    return detail::autocast_call("scaled_dot_product_attention", scaled_dot_product_attention,
                                 query, key, value, attn_mask, dropout_p, is_causal, scale);
  const profiler::RecordOp recorded("scaled_dot_product_attention", query, key, value, attn_mask);
  check(query, key, value, attn_mask, is_causal);
  const double factor = scale.value_or(1 / std::sqrt(double(query.size(-1))));
  if (is_taken(query, key, value, attn_mask, dropout_p)) {
    const Tensor y = fused_attention(query, key, value, attn_mask, dropout_p, is_causal, factor);
    if (y.defined()) return y;
  }
  const auto drop = [&](const Tensor& weights) {
    return dropout(weights, dropout_p, dropout_p > 0);
  };
  return composed_attention(query, key, value, attn_mask, is_causal, factor, drop);
}

}  // namespace fg
