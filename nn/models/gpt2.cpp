#include "nn/models/gpt2.h"

#include <cmath>

#include "autograd/ops/attention.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/view.h"
#include "nn/functional/activation.h"
#include "nn/functional/linear.h"
#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn::models {
namespace {

constexpr double kStd = 0.02;

class AttentionImpl : public Module {
 public:
  AttentionImpl(const GPT2Options& options, double residual_std)
      : heads_(options.n_head()), p_(options.dropout()) {
    const int64_t width = options.n_embd();
    c_attn = register_module("c_attn", InOutLinear(width, 3 * width, kStd));
    c_proj = register_module("c_proj", InOutLinear(width, width, residual_std));
  }

  Tensor forward(const Tensor& x) {
    const int64_t batch = x.size(0), length = x.size(1), width = x.size(2);
    const Tensor split = c_attn(x).view({batch, length, 3, heads_, width / heads_});
    const std::vector<Tensor> qkv = split.permute({2, 0, 3, 1, 4}).unbind(0);
    const Tensor y = scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], {},
                                                  is_training() ? p_ : 0, /*is_causal=*/true);
    return c_proj(y.transpose(1, 2).reshape({batch, length, width}));
  }

  InOutLinear c_attn = nullptr, c_proj = nullptr;

 private:
  int64_t heads_;
  double p_;
};

class MlpImpl : public Module {
 public:
  MlpImpl(int64_t width, double residual_std) {
    c_fc = register_module("c_fc", InOutLinear(width, 4 * width, kStd));
    c_proj = register_module("c_proj", InOutLinear(4 * width, width, residual_std));
  }

  Tensor forward(const Tensor& x) {
    return c_proj(functional::gelu(c_fc(x), functional::GELUFuncOptions().approximate("tanh")));
  }

  InOutLinear c_fc = nullptr, c_proj = nullptr;
};

/// x + attn(ln_1(x)), then x + mlp(ln_2(x)).
class BlockImpl : public Module {
 public:
  explicit BlockImpl(const GPT2Options& options) : drop(options.dropout()) {
    const double residual_std = kStd / std::sqrt(2.0 * double(options.n_layer()));
    const LayerNormOptions norm({options.n_embd()});
    ln_1 = register_module("ln_1", LayerNorm(norm));
    attn = register_module("attn", std::make_shared<AttentionImpl>(options, residual_std));
    ln_2 = register_module("ln_2", LayerNorm(norm));
    mlp = register_module("mlp", std::make_shared<MlpImpl>(options.n_embd(), residual_std));
    register_module("drop", drop);
  }

  Tensor forward(const Tensor& x) {
    const Tensor y = x + drop(attn->forward(ln_1(x)));
    return y + drop(mlp->forward(ln_2(y)));
  }

  LayerNorm ln_1 = nullptr, ln_2 = nullptr;
  std::shared_ptr<AttentionImpl> attn;
  std::shared_ptr<MlpImpl> mlp;
  Dropout drop;
};

}  // namespace

InOutLinearImpl::InOutLinearImpl(int64_t in_features, int64_t out_features, double std) {
  weight = register_parameter("weight", init::normal_(empty({in_features, out_features}), 0, std));
  bias = register_parameter("bias", zeros({out_features}));
}

Tensor InOutLinearImpl::forward(const Tensor& x) { return functional::linear(x, weight.t(), bias); }

void InOutLinearImpl::pretty_print(std::ostream& out) const {
  out << detail::printed_name<InOutLinearImpl>() << "(in_features=" << weight.size(0)
      << ", out_features=" << weight.size(1) << ")";
}

GPT2Impl::GPT2Impl(const GPT2Options& options) : options(options) {
  const int64_t width = options.n_embd();
  ENSURE(options.n_head() > 0 && width % options.n_head() == 0, "GPT2: n_head must divide n_embd ",
         width, ", got ", options.n_head());
  wte = register_module("wte", Embedding(options.vocab_size(), width));
  wpe = register_module("wpe", Embedding(options.n_positions(), width));
  drop = register_module("drop", Dropout(options.dropout()));
  h = register_module("h", ModuleList());
  for (int64_t i = 0; i < options.n_layer(); ++i) h->push_back(BlockImpl(options));
  ln_f = register_module("ln_f", LayerNorm(LayerNormOptions({width})));
  init::normal_(wte->weight, 0, kStd);
  init::normal_(wpe->weight, 0, kStd);
}

Tensor GPT2Impl::forward(const Tensor& tokens) {
  ENSURE(tokens.dim() == 2 && tokens.size(1) <= options.n_positions(),
         "GPT2: tokens must have shape [batch, length <= ", options.n_positions(), "], got ",
         tokens.sizes());
  Tensor x = drop(wte(tokens) + wpe(arange(tokens.size(1), tokens.device())));
  for (const auto& block : *h) x = block->as<BlockImpl>()->forward(x);
  return functional::linear(ln_f(x), wte->weight);
}

}  // namespace fg::nn::models
