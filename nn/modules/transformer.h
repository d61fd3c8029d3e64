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
  /// libtorch's names of `layer`.
  const Layer& encoder_layer() const requires std::is_same_v<Layer, TransformerEncoderLayer> {
    return layer();
  }
  const Layer& decoder_layer() const requires std::is_same_v<Layer, TransformerDecoderLayer> {
    return layer();
  }
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

/// `custom_encoder` and `custom_decoder`, where given, replace the stacks; they are called as those are.
struct TransformerOptions {
  TransformerOptions() = default;
  TransformerOptions(int64_t d_model, int64_t nhead) : d_model_(d_model), nhead_(nhead) {}
  TransformerOptions(int64_t d_model, int64_t nhead, int64_t num_encoder_layers,
                     int64_t num_decoder_layers)
      : d_model_(d_model),
        nhead_(nhead),
        num_encoder_layers_(num_encoder_layers),
        num_decoder_layers_(num_decoder_layers) {}
  FUSEGRAD_ARG(int64_t, d_model) = 512;
  FUSEGRAD_ARG(int64_t, nhead) = 8;
  FUSEGRAD_ARG(int64_t, num_encoder_layers) = 6;
  FUSEGRAD_ARG(int64_t, num_decoder_layers) = 6;
  FUSEGRAD_ARG(int64_t, dim_feedforward) = 2048;
  FUSEGRAD_ARG(double, dropout) = 0.1;
  FUSEGRAD_ARG(TransformerActivation, activation) = kReLU;
  FUSEGRAD_ARG(bool, batch_first) = false;
  FUSEGRAD_ARG(bool, norm_first) = false;
  FUSEGRAD_ARG(AnyModule, custom_encoder);
  FUSEGRAD_ARG(AnyModule, custom_decoder);
};

/// An encoder of `src` and a decoder of `tgt` that attends to its result.
class TransformerImpl : public Cloneable<TransformerImpl> {
 public:
  explicit TransformerImpl(TransformerOptions options = {}) : options(std::move(options)) {
    TransformerImpl::reset();
  }
  void reset() override;
  void pretty_print(std::ostream& out) const override;
  /// Xavier-uniform weights for all matrices.
  void reset_parameters();
  Tensor forward(const Tensor& src, const Tensor& tgt, const Tensor& src_mask = {},
                 const Tensor& tgt_mask = {}, const Tensor& memory_mask = {},
                 const Tensor& src_key_padding_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {});
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override;
  /// [size, size]: -inf above the diagonal, 0 elsewhere, so that no step sees a later one.
  static Tensor generate_square_subsequent_mask(int64_t size);

  TransformerOptions options;
  AnyModule encoder;
  AnyModule decoder;
};
using Transformer = ModuleHolder<TransformerImpl>;

}  // namespace fg::nn
