// Options of MultiheadAttention and the transformer layers.
#pragma once

#include <functional>

#include "nn/enum.h"
#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg::nn {

/// `kdim`, `vdim`: features of key and value, embed_dim unless set. `batch_first`: inputs are
/// [batch, length, features] rather than [length, batch, features].
struct MultiheadAttentionOptions {
  MultiheadAttentionOptions(int64_t embed_dim, int64_t num_heads)
      : embed_dim_(embed_dim), num_heads_(num_heads), kdim_(embed_dim), vdim_(embed_dim) {}
  FUSEGRAD_ARG(int64_t, embed_dim);
  FUSEGRAD_ARG(int64_t, num_heads);
  FUSEGRAD_ARG(double, dropout) = 0.0;
  FUSEGRAD_ARG(bool, bias) = true;
  FUSEGRAD_ARG(bool, add_bias_kv) = false;
  FUSEGRAD_ARG(bool, add_zero_attn) = false;
  FUSEGRAD_ARG(int64_t, kdim);
  FUSEGRAD_ARG(int64_t, vdim);
  FUSEGRAD_ARG(bool, batch_first) = false;
};

/// kReLU, kGELU or any function of one tensor.
class TransformerActivation {
 public:
  TransformerActivation(enumtype::kReLU);
  TransformerActivation(enumtype::kGELU);
  template <class F>
  requires std::is_invocable_r_v<Tensor, F, const Tensor&> TransformerActivation(F function)
      : function_(std::move(function)) {}
  Tensor operator()(const Tensor& x) const { return function_(x); }

 private:
  std::function<Tensor(const Tensor&)> function_;
};

using activation_t = TransformerActivation;  // libtorch's name

/// Options of TransformerEncoderLayer and TransformerDecoderLayer. `norm_first` normalises before
/// attention and feed-forward rather than after them.
struct TransformerLayerOptions {
  TransformerLayerOptions(int64_t d_model, int64_t nhead) : d_model_(d_model), nhead_(nhead) {}
  FUSEGRAD_ARG(int64_t, d_model);
  FUSEGRAD_ARG(int64_t, nhead);
  FUSEGRAD_ARG(int64_t, dim_feedforward) = 2048;
  FUSEGRAD_ARG(double, dropout) = 0.1;
  FUSEGRAD_ARG(TransformerActivation, activation) = kReLU;
  FUSEGRAD_ARG(bool, batch_first) = false;
  FUSEGRAD_ARG(bool, norm_first) = false;
};
using TransformerEncoderLayerOptions = TransformerLayerOptions;
using TransformerDecoderLayerOptions = TransformerLayerOptions;

namespace functional {

/// What multi_head_attention_forward needs beside its inputs; undefined tensors are absent.
struct MultiheadAttentionForwardFuncOptions {
  MultiheadAttentionForwardFuncOptions(int64_t embed_dim_to_check, int64_t num_heads,
                                       Tensor in_proj_weight, Tensor in_proj_bias, Tensor bias_k,
                                       Tensor bias_v, bool add_zero_attn, double dropout_p,
                                       Tensor out_proj_weight, Tensor out_proj_bias)
      : embed_dim_to_check_(embed_dim_to_check),
        num_heads_(num_heads),
        in_proj_weight_(std::move(in_proj_weight)),
        in_proj_bias_(std::move(in_proj_bias)),
        bias_k_(std::move(bias_k)),
        bias_v_(std::move(bias_v)),
        add_zero_attn_(add_zero_attn),
        dropout_p_(dropout_p),
        out_proj_weight_(std::move(out_proj_weight)),
        out_proj_bias_(std::move(out_proj_bias)) {}
  FUSEGRAD_ARG(int64_t, embed_dim_to_check);
  FUSEGRAD_ARG(int64_t, num_heads);
  FUSEGRAD_ARG(Tensor, in_proj_weight);
  FUSEGRAD_ARG(Tensor, in_proj_bias);
  FUSEGRAD_ARG(Tensor, bias_k);
  FUSEGRAD_ARG(Tensor, bias_v);
  FUSEGRAD_ARG(bool, add_zero_attn);
  FUSEGRAD_ARG(double, dropout_p);
  FUSEGRAD_ARG(Tensor, out_proj_weight);
  FUSEGRAD_ARG(Tensor, out_proj_bias);
  FUSEGRAD_ARG(bool, training) = true;
  FUSEGRAD_ARG(Tensor, key_padding_mask);
  FUSEGRAD_ARG(bool, need_weights) = true;
  FUSEGRAD_ARG(Tensor, attn_mask);
  FUSEGRAD_ARG(bool, use_separate_proj_weight) = false;
  FUSEGRAD_ARG(Tensor, q_proj_weight);
  FUSEGRAD_ARG(Tensor, k_proj_weight);
  FUSEGRAD_ARG(Tensor, v_proj_weight);
  FUSEGRAD_ARG(bool, average_attn_weights) = true;
};

}  // namespace functional
}  // namespace fg::nn
