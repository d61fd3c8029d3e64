#include "nn/models/reference_models.h"

#include "autograd/fused/stages.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/softmax.h"
#include "tensor/factories.h"

namespace fg::nn::models {
namespace {

ExpandingArray<3> kernel_of(const ReferenceSize& size) {
  return ExpandingArray<3>(ArrayRef<int64_t>(size.kernel));
}

/// A parameter behind the convolution or product, where PyTorch's autocast leaves it as it is: next to a 16-bit x it makes
/// the result Float.
Tensor promoting(const Tensor& parameter, ScalarType type) {
  return is_reduced_floating(type) ? parameter : parameter.to(type);
}

template <class Impl>
ReferenceModelKind kind(const char* name, const char* weight, int64_t out_dim = 0) {
  return {name,
          weight,
          out_dim,
          1 - out_dim,
          Impl::full(),
          Impl::small(),
          [](const ReferenceSize& size) { return std::make_shared<Impl>(size); }};
}

}  // namespace

Conv3dChainImpl::Conv3dChainImpl(const ReferenceSize& size) {
  conv = register_module(
      "conv", Conv3d(Conv3dOptions(size.input.at(1), size.out_channels, kernel_of(size))));
  bias = register_parameter("bias", randn({size.out_channels, 1, 1, 1}));
}

Tensor Conv3dChainImpl::forward(const Tensor& x) {
  if (is_fused())
    return conv3d_relu_leaky_relu_gelu_sigmoid_bias(x, conv->weight, conv->bias, bias);
  const ScalarType type = x.dtype();
  const Tensor weight = conv->weight.to(type), conv_bias = conv->bias.to(type);
  return sigmoid(gelu(leaky_relu(relu(conv3d(x, weight, conv_bias)), 0.01))) +
         promoting(bias, type);
}

ConvTranspose3dPoolImpl::ConvTranspose3dPoolImpl(const ReferenceSize& size) {
  conv_transpose = register_module(
      "conv_transpose",
      ConvTranspose3d(ConvTranspose3dOptions(size.input.at(1), size.out_channels, kernel_of(size))
                          .stride(2)
                          .padding(1)
                          .output_padding(1)));
  multiplier = register_parameter("multiplier", randn({size.out_channels, 1, 1, 1}));
}

Tensor ConvTranspose3dPoolImpl::forward(const Tensor& x) {
  if (is_fused())
    return conv_transpose3d_leaky_relu_scale_leaky_relu_max_pool3d(
        x, conv_transpose->weight, conv_transpose->bias, multiplier, 2, 2, 1, 1);
  const ScalarType type = x.dtype();
  const Tensor weight = conv_transpose->weight.to(type), bias = conv_transpose->bias.to(type);
  const Tensor y = conv_transpose3d(x, weight, bias, 2, 1, 1);
  return max_pool3d(leaky_relu(leaky_relu(y, 0.2) * promoting(multiplier, type), 0.2), 2);
}

LinearGroupNormImpl::LinearGroupNormImpl(const ReferenceSize& size) {
  gemm = register_module("gemm", Linear(size.input.at(1), size.out_channels));
  bias = register_parameter("bias", randn({size.out_channels}));
  groupnorm = register_module("groupnorm", GroupNorm(size.num_groups, size.out_channels));
}

Tensor LinearGroupNormImpl::forward(const Tensor& x) {
  const int64_t groups = groupnorm->options.num_groups();
  const double eps = groupnorm->options.eps();
  if (is_fused())
    return linear_bias_hardtanh_mish_group_norm(x, gemm->weight, gemm->bias, bias, groups,
                                                groupnorm->weight, groupnorm->bias, eps);
  const ScalarType type = x.dtype();
  const Tensor weight = gemm->weight.to(type), gemm_bias = gemm->bias.to(type);
  const Tensor norm_weight = promoting(groupnorm->weight, type);
  const Tensor norm_bias = promoting(groupnorm->bias, type);
  const Tensor y = mish(hardtanh(fg::linear(x, weight, gemm_bias) + promoting(bias, type)));
  return group_norm(y, groups, norm_weight, norm_bias, eps);
}

LinearLogsumexpImpl::LinearLogsumexpImpl(const ReferenceSize& size) {
  linear = register_module("linear", Linear(size.input.at(1), size.out_channels));
}

Tensor LinearLogsumexpImpl::forward(const Tensor& x) {
  if (is_fused()) return linear_logsumexp_leaky_relu2_gelu2(x, linear->weight, linear->bias);
  const ScalarType type = x.dtype();
  const Tensor weight = linear->weight.to(type), bias = linear->bias.to(type);
  // Autocast computes it in Float.
  const ScalarType sum_type = promoting(linear->weight, type).dtype();
  const Tensor y = logsumexp(fg::linear(x, weight, bias).to(sum_type), 1, true);
  return gelu(gelu(leaky_relu(leaky_relu(y, 0.01), 0.01)));
}

const std::vector<ReferenceModelKind>& reference_models() {
  static const std::vector<ReferenceModelKind> kinds{
      kind<Conv3dChainImpl>("conv3d_chain", "conv.weight"),
      kind<ConvTranspose3dPoolImpl>("conv_transpose3d_pool", "conv_transpose.weight", 1),
      kind<LinearGroupNormImpl>("linear_group_norm", "gemm.weight"),
      kind<LinearLogsumexpImpl>("linear_logsumexp", "linear.weight")};
  return kinds;
}

const ReferenceModelKind& reference_model(const std::string& name) {
  std::string names;
  for (const ReferenceModelKind& kind : reference_models()) {
    if (kind.name == name) return kind;
    names += (names.empty() ? "" : ", ") + kind.name;
  }
  fg::detail::fail(str("reference_model: name must be one of ", names, ", got ", name));
}

}  // namespace fg::nn::models
