#include "autograd/fused/builtin.h"

#include "autograd/fused/bias_dropout_residual.h"
#include "autograd/fused/pointwise.h"
#include "autograd/fused/stages.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/norm.h"
#include "tensor/kernels/builtin_chains.h"

namespace fg {
namespace {

using namespace functors;

// Made on first use, which registers them; register_builtin_fused_ops uses each once.
const auto& bias_gelu_chain() {
  static const ChainOp<BiasGelu> op("bias_gelu");
  return op;
}
const auto& swish_scale_chain() {
  static const ChainOp<SwishScale> op("swish_scale");
  return op;
}
const auto& conv3d_tail_chain() {
  static const ChainOp<Conv3dTail> op("relu_leaky_relu_gelu_sigmoid_bias");
  return op;
}
const auto& conv_transpose3d_tail_chain() {
  static const ChainOp<ConvTranspose3dTail> op("leaky_relu_scale_leaky_relu", LeakyRelu{{}, 0.2},
                                               MulChannel(), LeakyRelu{{}, 0.2});
  return op;
}
const auto& bias_hardtanh_mish_chain() {
  static const ChainOp<BiasHardtanhMish> op("bias_hardtanh_mish");
  return op;
}
const auto& logsumexp_tail_chain() {
  static const ChainOp<LogsumexpTail> op("leaky_relu2_gelu2");
  return op;
}

using autograd::variable_list;

Tensor sample(IntArrayRef sizes) { return randn(sizes, dtype(kDouble).requires_grad(true)); }

void register_norms() {
  register_fused_op(
      {"layer_norm",
       "LayerNormBackward",
       [](const variable_list& in) { return layer_norm(in[0], {7}, in[1], in[2]); },
       {},
       [] {
         return std::vector<variable_list>{{sample({2, 3, 7}), sample({7}), sample({7})}};
       }});
  register_fused_op({"rms_norm",
                     "RmsNormBackward",
                     [](const variable_list& in) { return rms_norm(in[0], {7}, in[1]); },
                     {},
                     [] {
                       return std::vector<variable_list>{{sample({3, 7}), sample({7})}};
                     }});
  register_fused_op({"group_norm",
                     "GroupNormBackward",
                     [](const variable_list& in) { return group_norm(in[0], 2, in[1], in[2]); },
                     {},
                     [] {
                       return std::vector<variable_list>{
                           {sample({2, 6, 5}), sample({6}), sample({6})},
                           {sample({3, 6}), sample({6}), sample({6})}};
                     }});
}

void register_losses() {
  register_fused_op(
      {"cross_entropy",
       "CrossEntropyBackward",
       [](const variable_list& in) { return cross_entropy(in[0], in[1]); },
       {},
       [] {
         return std::vector<variable_list>{{sample({5, 7}), tensor({0, 6, -100, 3, 3})}};
       }});
}

}  // namespace

Tensor bias_gelu(const Tensor& x, const Tensor& bias) { return bias_gelu_chain()(x, {bias}); }
Tensor swish_scale(const Tensor& x, const Tensor& scale) { return swish_scale_chain()(x, {scale}); }
Tensor relu_leaky_relu_gelu_sigmoid_bias(const Tensor& x, const Tensor& bias) {
  return conv3d_tail_chain()(x, {bias});
}
Tensor leaky_relu_scale_leaky_relu(const Tensor& x, const Tensor& multiplier) {
  return conv_transpose3d_tail_chain()(x, {multiplier});
}
Tensor bias_hardtanh_mish(const Tensor& x, const Tensor& bias) {
  return bias_hardtanh_mish_chain()(x, {bias});
}
Tensor leaky_relu2_gelu2(const Tensor& x) { return logsumexp_tail_chain()(x); }

void register_builtin_fused_ops() {
  bias_gelu_chain();
  swish_scale_chain();
  conv3d_tail_chain();
  conv_transpose3d_tail_chain();
  bias_hardtanh_mish_chain();
  logsumexp_tail_chain();
  register_norms();
  register_losses();
  register_fused_stages();
  register_bias_dropout_residual();
}

}  // namespace fg
