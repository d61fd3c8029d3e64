// A small decoder-only transformer: pre-norm blocks, learned positions, output layer tied to the
// token embedding.
#pragma once

#include "fusegrad.h"

namespace fg::examples {

/// x + attention(norm(x)), then x + mlp(norm(x)). [batch, length, width] to the same.
class GptBlockImpl : public nn::Module {
 public:
  GptBlockImpl(int64_t width, int64_t heads, double dropout)
      : heads_(heads),
        norm1(register_module("norm1", nn::LayerNorm(nn::LayerNormOptions({width})))),
        qkv(register_module("qkv", nn::Linear(width, 3 * width))),
        proj(register_module("proj", nn::Linear(width, width))),
        norm2(register_module("norm2", nn::LayerNorm(nn::LayerNormOptions({width})))),
        fc1(register_module("fc1", nn::Linear(width, 4 * width))),
        fc2(register_module("fc2", nn::Linear(4 * width, width))),
        drop(register_module("drop", nn::Dropout(dropout))) {}

  Tensor forward(const Tensor& x) {
    const Tensor y = x + drop(proj(attention(norm1(x))));
    const auto gelu = nn::functional::GELUFuncOptions().approximate("tanh");
    return y + drop(fc2(nn::functional::gelu(fc1(norm2(y)), gelu)));
  }

 private:
  Tensor attention(const Tensor& x) {
    const int64_t batch = x.size(0), length = x.size(1), width = x.size(2);
    const Tensor split = qkv(x).view({batch, length, 3, heads_, width / heads_});
    const std::vector<Tensor> parts = split.permute({2, 0, 3, 1, 4}).unbind(0);
    const double dropout_p = is_training() ? drop->options.p() : 0;
    const Tensor y = scaled_dot_product_attention(parts[0], parts[1], parts[2], {}, dropout_p,
                                                  /*is_causal=*/true);
    return y.transpose(1, 2).reshape({batch, length, width});
  }

  const int64_t heads_;
  nn::LayerNorm norm1;
  nn::Linear qkv, proj;
  nn::LayerNorm norm2;
  nn::Linear fc1, fc2;
  nn::Dropout drop;
};
using GptBlock = nn::ModuleHolder<GptBlockImpl>;

struct GptOptions {
  int64_t vocabulary = 0;
  int64_t context = 64;
  int64_t layers = 4;
  int64_t heads = 4;
  int64_t width = 128;
  double dropout = 0;
};

/// Long tokens [batch, length <= context] to logits [batch, length, vocabulary].
class GptImpl : public nn::Module {
 public:
  explicit GptImpl(const GptOptions& options)
      : options(options),
        token(register_module("token", nn::Embedding(options.vocabulary, options.width))),
        position(register_module("position", nn::Embedding(options.context, options.width))),
        blocks(register_module("blocks", nn::ModuleList())),
        norm(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({options.width})))) {
    for (int64_t i = 0; i < options.layers; ++i)
      blocks->push_back(GptBlock(options.width, options.heads, options.dropout));
    // Small, so that the tied output layer begins with even guesses.
    nn::init::normal_(token->weight, 0, 0.02);
    nn::init::normal_(position->weight, 0, 0.02);
  }

  Tensor forward(const Tensor& tokens) {
    Tensor x = token(tokens) + position(arange(tokens.size(1), tokens.device()));
    for (const auto& block : *blocks) x = block->as<GptBlock>()->forward(x);
    return nn::functional::linear(norm(x), token->weight);
  }

  Device device() const { return token->weight.device(); }

  const GptOptions options;

 private:
  nn::Embedding token, position;
  nn::ModuleList blocks;
  nn::LayerNorm norm;
};
using Gpt = nn::ModuleHolder<GptImpl>;

}  // namespace fg::examples
