// MultiheadAttention.
#pragma once

#include "nn/functional/attention.h"
#include "nn/modules/linear.h"

namespace fg::nn {

/// Attention of several heads between query [L, N, embed_dim] and key [S, N, kdim], value [S, N, vdim],
/// or the same with the batch first. Parameters: in_proj_weight [3 embed_dim, embed_dim], or
/// q_proj_weight, k_proj_weight and v_proj_weight where kdim or vdim differ; in_proj_bias; bias_k and
/// bias_v; out_proj.
class MultiheadAttentionImpl : public Cloneable<MultiheadAttentionImpl> {
 public:
  MultiheadAttentionImpl(int64_t embed_dim, int64_t num_heads)
      : MultiheadAttentionImpl(MultiheadAttentionOptions(embed_dim, num_heads)) {}
  explicit MultiheadAttentionImpl(const MultiheadAttentionOptions& options) : options(options) {
    MultiheadAttentionImpl::reset();
  }

  void reset() override;
  void pretty_print(std::ostream& out) const override { out << "torch::nn::MultiheadAttention"; }
  /// The result, shaped like query, and the weights (undefined without need_weights); masks as in
  /// functional::multi_head_attention_forward.
  std::tuple<Tensor, Tensor> forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                     const Tensor& key_padding_mask = {}, bool need_weights = true,
                                     const Tensor& attn_mask = {},
                                     bool average_attn_weights = true);
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {
        {3, AnyValue(Tensor())}, {4, AnyValue(true)}, {5, AnyValue(Tensor())}, {6, AnyValue(true)}};
  }
  void _reset_parameters();

  MultiheadAttentionOptions options;
  bool _qkv_same_embed_dim = true;
  Tensor in_proj_weight;
  Tensor in_proj_bias;
  Linear out_proj = nullptr;
  Tensor bias_k;
  Tensor bias_v;
  Tensor q_proj_weight;
  Tensor k_proj_weight;
  Tensor v_proj_weight;
  int64_t head_dim = 0;
};
using MultiheadAttention = ModuleHolder<MultiheadAttentionImpl>;

}  // namespace fg::nn
