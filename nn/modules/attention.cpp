#include "nn/modules/attention.h"

#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn {

void MultiheadAttentionImpl::reset() {
  const int64_t embed = options.embed_dim();
  _qkv_same_embed_dim = options.kdim() == embed && options.vdim() == embed;
  ENSURE(options.num_heads() > 0 && embed % options.num_heads() == 0,
         "embed_dim must be divisible by num_heads");
  head_dim = embed / options.num_heads();
  auto parameter = [&](const char* name, bool wanted, std::initializer_list<int64_t> shape) {
    return register_parameter(name, wanted ? fg::empty(shape) : Tensor());
  };
  in_proj_weight = parameter("in_proj_weight", _qkv_same_embed_dim, {3 * embed, embed});
  q_proj_weight = parameter("q_proj_weight", !_qkv_same_embed_dim, {embed, embed});
  k_proj_weight = parameter("k_proj_weight", !_qkv_same_embed_dim, {embed, options.kdim()});
  v_proj_weight = parameter("v_proj_weight", !_qkv_same_embed_dim, {embed, options.vdim()});
  in_proj_bias = parameter("in_proj_bias", options.bias(), {3 * embed});
  out_proj = register_module("out_proj", Linear(LinearOptions(embed, embed).bias(options.bias())));
  bias_k = parameter("bias_k", options.add_bias_kv(), {1, 1, embed});
  bias_v = parameter("bias_v", options.add_bias_kv(), {1, 1, embed});
  _reset_parameters();
}

void MultiheadAttentionImpl::_reset_parameters() {
  for (const Tensor& weight : {in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight}) {
    if (weight.defined()) init::xavier_uniform_(weight);
  }
  if (in_proj_bias.defined()) {
    init::zeros_(in_proj_bias);
    init::zeros_(out_proj->bias);
  }
  for (const Tensor& row : {bias_k, bias_v}) {
    if (row.defined()) init::xavier_normal_(row);
  }
}

std::tuple<Tensor, Tensor> MultiheadAttentionImpl::forward(
    const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& key_padding_mask,
    bool need_weights, const Tensor& attn_mask, bool average_attn_weights) {
  const auto function =
      functional::MultiheadAttentionForwardFuncOptions(
          options.embed_dim(), options.num_heads(), in_proj_weight, in_proj_bias, bias_k, bias_v,
          options.add_zero_attn(), options.dropout(), out_proj->weight, out_proj->bias)
          .training(is_training())
          .key_padding_mask(key_padding_mask)
          .need_weights(need_weights)
          .attn_mask(attn_mask)
          .use_separate_proj_weight(!_qkv_same_embed_dim)
          .q_proj_weight(q_proj_weight)
          .k_proj_weight(k_proj_weight)
          .v_proj_weight(v_proj_weight)
          .average_attn_weights(average_attn_weights);
  if (!options.batch_first()) {
    return functional::multi_head_attention_forward(query, key, value, function);
  }
  const Tensor q = query.transpose(0, 1);
  const Tensor k = key.is_same(query) ? q : key.transpose(0, 1);
  const Tensor v = value.is_same(key) ? k : value.transpose(0, 1);
  auto [result, weights] = functional::multi_head_attention_forward(q, k, v, function);
  return {result.transpose(0, 1), weights};
}

}  // namespace fg::nn
