#include "nn/modules/transformer.h"

#include <limits>

#include "autograd/ops/elementwise.h"
#include "nn/functional/activation.h"
#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn {

TransformerActivation::TransformerActivation(enumtype::kReLU)
    : function_([](const Tensor& x) { return functional::relu(x); }) {}
TransformerActivation::TransformerActivation(enumtype::kGELU)
    : function_([](const Tensor& x) { return functional::gelu(x); }) {}

namespace {

MultiheadAttention attention_of(const TransformerLayerOptions& options) {
  return MultiheadAttention(MultiheadAttentionOptions(options.d_model(), options.nhead())
                                .dropout(options.dropout())
                                .batch_first(options.batch_first()));
}

LayerNorm norm_of(const TransformerLayerOptions& options) {
  return LayerNorm(LayerNormOptions({options.d_model()}));
}

/// x + block(norm(x)), or norm(x + block(x)).
template <class Block>
Tensor residual(const Tensor& x, LayerNorm& norm, bool norm_first, const Block& block) {
  return norm_first ? x + block(norm(x)) : norm(x + block(x));
}

/// The attention's result without its weights.
Tensor attend(MultiheadAttention& attention, const Tensor& query, const Tensor& memory,
              const Tensor& mask, const Tensor& key_padding_mask) {
  return std::get<0>(
      attention(query, memory, memory, key_padding_mask, /*need_weights=*/false, mask));
}

/// `num_layers` copies of the layer in a list.
template <class Layer>
ModuleList stack_of(const TransformerStackOptions<Layer>& options) {
  ModuleList layers;
  for (int64_t i = 0; i < options.num_layers(); ++i) layers->push_back(options.layer()->clone());
  return layers;
}

/// Undefined tensors for the masks in positions 2 to `end`.
std::vector<std::pair<unsigned, AnyValue>> mask_defaults(unsigned end) {
  std::vector<std::pair<unsigned, AnyValue>> defaults;
  for (unsigned position = 2; position < end; ++position) {
    defaults.emplace_back(position, AnyValue(Tensor()));
  }
  return defaults;
}

}  // namespace

void TransformerEncoderLayerImpl::reset() {
  self_attn = register_module("self_attn", attention_of(options));
  linear1 = register_module("linear1", Linear(options.d_model(), options.dim_feedforward()));
  dropout = register_module("dropout", Dropout(options.dropout()));
  linear2 = register_module("linear2", Linear(options.dim_feedforward(), options.d_model()));
  norm1 = register_module("norm1", norm_of(options));
  norm2 = register_module("norm2", norm_of(options));
  dropout1 = register_module("dropout1", Dropout(options.dropout()));
  dropout2 = register_module("dropout2", Dropout(options.dropout()));
}

void TransformerEncoderLayerImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::TransformerEncoderLayerImpl";
}

Tensor TransformerEncoderLayerImpl::forward(const Tensor& src, const Tensor& src_mask,
                                            const Tensor& src_key_padding_mask) {
  const bool norm_first = options.norm_first();
  const Tensor attended = residual(src, norm1, norm_first, [&](const Tensor& x) {
    return dropout1(attend(self_attn, x, x, src_mask, src_key_padding_mask));
  });
  return residual(attended, norm2, norm_first, [&](const Tensor& x) {
    return dropout2(linear2(dropout(options.activation()(linear1(x)))));
  });
}

void TransformerDecoderLayerImpl::reset() {
  self_attn = register_module("self_attn", attention_of(options));
  multihead_attn = register_module("multihead_attn", attention_of(options));
  linear1 = register_module("linear1", Linear(options.d_model(), options.dim_feedforward()));
  dropout = register_module("dropout", Dropout(options.dropout()));
  linear2 = register_module("linear2", Linear(options.dim_feedforward(), options.d_model()));
  norm1 = register_module("norm1", norm_of(options));
  norm2 = register_module("norm2", norm_of(options));
  norm3 = register_module("norm3", norm_of(options));
  dropout1 = register_module("dropout1", Dropout(options.dropout()));
  dropout2 = register_module("dropout2", Dropout(options.dropout()));
  dropout3 = register_module("dropout3", Dropout(options.dropout()));
}

void TransformerDecoderLayerImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::TransformerDecoderLayerImpl";
}

Tensor TransformerDecoderLayerImpl::forward(const Tensor& tgt, const Tensor& memory,
                                            const Tensor& tgt_mask, const Tensor& memory_mask,
                                            const Tensor& tgt_key_padding_mask,
                                            const Tensor& memory_key_padding_mask) {
  const bool norm_first = options.norm_first();
  const Tensor self_attended = residual(tgt, norm1, norm_first, [&](const Tensor& x) {
    return dropout1(attend(self_attn, x, x, tgt_mask, tgt_key_padding_mask));
  });
  const Tensor attended = residual(self_attended, norm2, norm_first, [&](const Tensor& x) {
    return dropout2(attend(multihead_attn, x, memory, memory_mask, memory_key_padding_mask));
  });
  return residual(attended, norm3, norm_first, [&](const Tensor& x) {
    return dropout3(linear2(dropout(options.activation()(linear1(x)))));
  });
}

std::vector<std::pair<unsigned, AnyValue>> TransformerDecoderLayerImpl::forward_defaults() const {
  return mask_defaults(6);
}

void TransformerEncoderImpl::reset() {
  layers = register_module("layers", stack_of(options));
  norm = options.norm().clone();
  if (!norm.is_empty()) register_module("norm", norm.ptr());
}

void TransformerEncoderImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::TransformerEncoderImpl";
}

Tensor TransformerEncoderImpl::forward(const Tensor& src, const Tensor& src_mask,
                                       const Tensor& src_key_padding_mask) {
  Tensor x = src;
  for (const auto& layer : *layers) {
    x = call(*layer->as<TransformerEncoderLayer>(), x, src_mask, src_key_padding_mask);
  }
  return norm.is_empty() ? x : norm.forward(x);
}

void TransformerDecoderImpl::reset() {
  layers = register_module("layers", stack_of(options));
  norm = options.norm().clone();
  if (!norm.is_empty()) register_module("norm", norm.ptr());
}

void TransformerDecoderImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::TransformerDecoderImpl";
}

Tensor TransformerDecoderImpl::forward(const Tensor& tgt, const Tensor& memory,
                                       const Tensor& tgt_mask, const Tensor& memory_mask,
                                       const Tensor& tgt_key_padding_mask,
                                       const Tensor& memory_key_padding_mask) {
  Tensor x = tgt;
  for (const auto& layer : *layers) {
    x = call(*layer->as<TransformerDecoderLayer>(), x, memory, tgt_mask, memory_mask,
             tgt_key_padding_mask, memory_key_padding_mask);
  }
  return norm.is_empty() ? x : norm.forward(x);
}

std::vector<std::pair<unsigned, AnyValue>> TransformerDecoderImpl::forward_defaults() const {
  return mask_defaults(6);
}

namespace {

/// `options.num_..._layers` layers and a norm.
template <class StackOptions, class LayerOptions>
StackOptions stack_options(const TransformerOptions& options, int64_t num_layers) {
  LayerOptions layer(options.d_model(), options.nhead());
  layer.dim_feedforward(options.dim_feedforward())
      .dropout(options.dropout())
      .activation(options.activation())
      .batch_first(options.batch_first())
      .norm_first(options.norm_first());
  return StackOptions(layer, num_layers).norm(AnyModule(norm_of(layer)));
}

}  // namespace

void TransformerImpl::reset() {
  if (options.custom_encoder().is_empty())
    encoder = AnyModule(
        TransformerEncoder(stack_options<TransformerEncoderOptions, TransformerEncoderLayerOptions>(
            options, options.num_encoder_layers())));
  else
    encoder = options.custom_encoder().clone();
  register_module("encoder", encoder.ptr());
  if (options.custom_decoder().is_empty())
    decoder = AnyModule(
        TransformerDecoder(stack_options<TransformerDecoderOptions, TransformerDecoderLayerOptions>(
            options, options.num_decoder_layers())));
  else
    decoder = options.custom_decoder().clone();
  register_module("decoder", decoder.ptr());
  reset_parameters();
}

void TransformerImpl::pretty_print(std::ostream& out) const { out << "torch::nn::TransformerImpl"; }

void TransformerImpl::reset_parameters() {
  for (const Tensor& parameter : parameters())
    if (parameter.dim() > 1) init::xavier_uniform_(parameter);
}

Tensor TransformerImpl::forward(const Tensor& src, const Tensor& tgt, const Tensor& src_mask,
                                const Tensor& tgt_mask, const Tensor& memory_mask,
                                const Tensor& src_key_padding_mask,
                                const Tensor& tgt_key_padding_mask,
                                const Tensor& memory_key_padding_mask) {
  ENSURE(src.dim() == 3 && tgt.dim() == 3, "src and tgt should have 3 dimensions, but got ",
         src.dim(), " and ", tgt.dim());
  const int64_t batch = options.batch_first() ? 0 : 1;
  ENSURE(src.size(batch) == tgt.size(batch), "src and tgt should have equal batch size (at dim ",
         batch, "), but got ", src.size(batch), " and ", tgt.size(batch));
  ENSURE(src.size(2) == options.d_model() && tgt.size(2) == options.d_model(),
         "src and tgt should have same feature size as d_model (at dim 2), but got ", src.size(2),
         " and ", tgt.size(2), " while d_model is ", options.d_model());
  const auto memory = encoder.forward(src, src_mask, src_key_padding_mask);
  return decoder.forward(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask,
                         memory_key_padding_mask);
}

std::vector<std::pair<unsigned, AnyValue>> TransformerImpl::forward_defaults() const {
  return mask_defaults(8);
}

Tensor TransformerImpl::generate_square_subsequent_mask(int64_t size) {
  ENSURE(size >= 0, "generate_square_subsequent_mask: size must not be negative, got ", size);
  return full({size, size}, -std::numeric_limits<double>::infinity(), kFloat).triu(1);
}

}  // namespace fg::nn
