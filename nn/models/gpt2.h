// GPT-2 of Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), with the parameter names and
// layouts of the published safetensors files, so that these load here.
#pragma once

#include "nn/modules/container.h"
#include "nn/modules/dropout.h"
#include "nn/modules/embedding.h"
#include "nn/modules/normalization.h"

namespace fg::nn::models {

/// x W + b with the weight as GPT-2's files have it: [in, out], Linear's transposed.
class InOutLinearImpl : public Module {
 public:
  InOutLinearImpl(int64_t in_features, int64_t out_features, double std);
  Tensor forward(const Tensor& x);
  void pretty_print(std::ostream& out) const override;

  Tensor weight, bias;
};
using InOutLinear = ModuleHolder<InOutLinearImpl>;

/// The smallest of the published models unless told otherwise.
struct GPT2Options {
  GPT2Options() = default;
  FUSEGRAD_ARG(int64_t, vocab_size) = 50257;
  FUSEGRAD_ARG(int64_t, n_positions) = 1024;
  FUSEGRAD_ARG(int64_t, n_embd) = 768;
  FUSEGRAD_ARG(int64_t, n_layer) = 12;
  /// Must divide n_embd.
  FUSEGRAD_ARG(int64_t, n_head) = 12;
  FUSEGRAD_ARG(double, dropout) = 0.1;
};

/// Long tokens [batch, length <= n_positions] to logits [batch, length, vocab_size]; the output layer is the token
/// embedding. Weights begin as normal draws of deviation 0.02, those before a residual sum of 0.02 / sqrt(2 n_layer).
///
/// The published files hold masks as well (`h.0.attn.bias`): load them with `strict` off.
class GPT2Impl : public Module {
 public:
  explicit GPT2Impl(const GPT2Options& options = {});
  Tensor forward(const Tensor& tokens);

  GPT2Options options;
  Embedding wte = nullptr, wpe = nullptr;
  Dropout drop = nullptr;
  ModuleList h = nullptr;
  LayerNorm ln_f = nullptr;
};
using GPT2 = ModuleHolder<GPT2Impl>;

}  // namespace fg::nn::models
