// The transformer of Vaswani et al. (2017): layers, stacks of layers, and the whole. Tensors are
// [length, batch, d_model], or [batch, length, d_model] with batch_first; masks as in
// functional::multi_head_attention_forward.
#pragma once

#include "nn/modules/any.h"
#include "nn/modules/attention.h"
#include "nn/modules/container.h"
#include "nn/modules/dropout.h"
#include "nn/modules/normalization.h"

namespace fg::nn {

/// Self-attention and a feed-forward net of two linear layers, each with dropout, residual connection
/// and layer norm.
class TransformerEncoderLayerImpl : public Cloneable<TransformerEncoderLayerImpl> {
 public:
  TransformerEncoderLayerImpl(int64_t d_model, int64_t nhead)
      : TransformerEncoderLayerImpl(TransformerEncoderLayerOptions(d_model, nhead)) {}
  explicit TransformerEncoderLayerImpl(const TransformerEncoderLayerOptions& options)
      : options(options) {
    TransformerEncoderLayerImpl::reset();
  }
  void reset() override;
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& src, const Tensor& src_mask = {},
                 const Tensor& src_key_padding_mask = {});
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {{1, AnyValue(Tensor())}, {2, AnyValue(Tensor())}};
  }

  TransformerEncoderLayerOptions options;
  MultiheadAttention self_attn = nullptr;
  Linear linear1 = nullptr, linear2 = nullptr;
  Dropout dropout = nullptr, dropout1 = nullptr, dropout2 = nullptr;
  LayerNorm norm1 = nullptr, norm2 = nullptr;
};
using TransformerEncoderLayer = ModuleHolder<TransformerEncoderLayerImpl>;

/// An encoder layer with attention to the encoder's result (`memory`) between its two parts.
class TransformerDecoderLayerImpl : public Cloneable<TransformerDecoderLayerImpl> {
 public:
  TransformerDecoderLayerImpl(int64_t d_model, int64_t nhead)
      : TransformerDecoderLayerImpl(TransformerDecoderLayerOptions(d_model, nhead)) {}
  explicit TransformerDecoderLayerImpl(const TransformerDecoderLayerOptions& options)
      : options(options) {
    TransformerDecoderLayerImpl::reset();
  }
  void reset() override;
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& tgt, const Tensor& memory, const Tensor& tgt_mask = {},
                 const Tensor& memory_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {});
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override;

  TransformerDecoderLayerOptions options;
  MultiheadAttention self_attn = nullptr, multihead_attn = nullptr;
  Linear linear1 = nullptr, linear2 = nullptr;
  Dropout dropout = nullptr, dropout1 = nullptr, dropout2 = nullptr, dropout3 = nullptr;
  LayerNorm norm1 = nullptr, norm2 = nullptr, norm3 = nullptr;
};
using TransformerDecoderLayer = ModuleHolder<TransformerDecoderLayerImpl>;

/// A layer to be copied `num_layers` times, and a module for the end (or an empty AnyModule).
template <class Layer>
struct TransformerStackOptions {
  TransformerStackOptions(Layer layer, int64_t num_layers)
      : layer_(std::move(layer)), num_layers_(num_layers) {}
  TransformerStackOptions(const TransformerLayerOptions& layer, int64_t num_layers)
      : TransformerStackOptions(Layer(layer), num_layers) {}
  FUSEGRAD_ARG(Layer, layer);
  FUSEGRAD_ARG(int64_t, num_layers);
  FUSEGRAD_ARG(AnyModule, norm);
};
using TransformerEncoderOptions = TransformerStackOptions<TransformerEncoderLayer>;
using TransformerDecoderOptions = TransformerStackOptions<TransformerDecoderLayer>;

class TransformerEncoderImpl : public Cloneable<TransformerEncoderImpl> {
 public:
  TransformerEncoderImpl(TransformerEncoderLayer layer, int64_t num_layers)
      : TransformerEncoderImpl(TransformerEncoderOptions(std::move(layer), num_layers)) {}
  explicit TransformerEncoderImpl(TransformerEncoderOptions options) : options(std::move(options)) {
    TransformerEncoderImpl::reset();
  }
  void reset() override;
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& src, const Tensor& src_mask = {},
                 const Tensor& src_key_padding_mask = {});
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {{1, AnyValue(Tensor())}, {2, AnyValue(Tensor())}};
  }

  TransformerEncoderOptions options;
  ModuleList layers = nullptr;
  AnyModule norm;
};
using TransformerEncoder = ModuleHolder<TransformerEncoderImpl>;

class TransformerDecoderImpl : public Cloneable<TransformerDecoderImpl> {
 public:
  TransformerDecoderImpl(TransformerDecoderLayer layer, int64_t num_layers)
      : TransformerDecoderImpl(TransformerDecoderOptions(std::move(layer), num_layers)) {}
  explicit TransformerDecoderImpl(TransformerDecoderOptions options) : options(std::move(options)) {
    TransformerDecoderImpl::reset();
  }
  void reset() override;
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& tgt, const Tensor& memory, const Tensor& tgt_mask = {},
                 const Tensor& memory_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {});
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override;

  TransformerDecoderOptions options;
  ModuleList layers = nullptr;
  AnyModule norm;
};
using TransformerDecoder = ModuleHolder<TransformerDecoderImpl>;

}  // namespace fg::nn
