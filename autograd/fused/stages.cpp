#include "autograd/fused/stages.h"

#include "autograd/fused/stage.h"
#include "tensor/kernels/builtin_chains.h"

namespace fg {
namespace {

using namespace functors;
using stage::Conv;
using stage::MaxPooled;
using stage::Pointwise;
using stage::RowNormed;

struct ConvArguments {
  IntArrayRef stride, padding, dilation;
  int64_t groups;
  bool transposed = false;
  IntArrayRef output_padding = 0;
};

/// A parameter of any floating dtype as the stage computes with it, in x's, for the checks: without its memory.
Tensor rounded(const Tensor& parameter, const Tensor& x) {
  if (!parameter.defined() || !parameter.is_floating_point() || parameter.dtype() == x.dtype())
    return parameter;
  return empty({1}, parameter.options().dtype(x.dtype())).expand(parameter.sizes());
}

Conv conv_producer(const char* op, const std::vector<Tensor>& in, const ConvArguments& a) {
  ENSURE(in[0].dim() == in[1].dim(), op, ": x must have ", in[1].dim(),
         " dims (batch, channels, spatial...), got shape ", in[0].sizes());
  return {
      detail::conv_geometry(in[0], rounded(in[1], in[0]), rounded(in[2], in[0]), a.stride,
                            a.padding, a.dilation, a.transposed, a.output_padding, a.groups, op),
      a.transposed, in[1].dim() - 2};
}

/// The tail of a pool over what the convolution gives.
template <class C>
MaxPooled<C> pooled(const char* op, const Conv& producer, const std::vector<Tensor>& in,
                    const C& chain, IntArrayRef kernel_size) {
  // Of the result's shape, without its memory.
  const Tensor shape = empty({1}, in[0].options()).expand(producer.result_sizes(in));
  return {chain, detail::pool_geometry(shape, kernel_size, producer.rank, op), producer.rank};
}

void check_rows(const char* op, const Tensor& x) {
  ENSURE(x.dim() == 2 && x.is_floating_point(), op,
         ": x must be floating of shape [n, features], got ", x.dtype(), " of shape ", x.sizes());
}
void check_linear_rows(const char* op, const std::vector<Tensor>& in) {
  check_rows(op, in[0]);
  detail::check_linear(in[0], rounded(in[1], in[0]), rounded(in[2], in[0]), op);
}
void check_sum(const char* op, const Tensor& x, const Tensor& residual) {
  check_rows(op, x);
  ENSURE(residual.sizes() == x.sizes() && residual.dtype() == x.dtype(), op,
         ": residual must have x's dtype and shape, ", x.dtype(), ' ', x.sizes(), ", got ",
         residual.dtype(), ' ', residual.sizes());
  ENSURE(residual.device() == x.device(), op, ": residual must be on ", x.device(),
         " (x's device), got ", residual.device());
}

/// The terms of a sum: under autocast their dtypes may differ.
std::vector<Tensor> terms_of(const char* op, const Tensor& x, const Tensor& residual) {
  std::vector<Tensor> terms{x, residual};
  if (detail::is_autocast())
    for (Tensor& t : terms) t = t.to(promote_types(x.dtype(), residual.dtype()));
  check_sum(op, terms[0], terms[1]);
  return terms;
}

template <class C>
Tensor conv_chain(const char* op, const C& chain, const std::vector<Tensor>& in,
                  const std::vector<Tensor>& operands, const ConvArguments& a) {
  return FusedStage<Conv, Pointwise<C>>::apply(op, conv_producer(op, in, a), {chain}, in, operands);
}
template <class C>
Tensor conv_chain_pool(const char* op, const C& chain, const std::vector<Tensor>& in,
                       const std::vector<Tensor>& operands, IntArrayRef kernel_size,
                       const ConvArguments& a) {
  const Conv producer = conv_producer(op, in, a);
  return FusedStage<Conv, MaxPooled<C>>::apply(
      op, producer, pooled(op, producer, in, chain, kernel_size), in, operands);
}
template <class C>
Tensor linear_chain(const char* op, const std::vector<Tensor>& in,
                    const std::vector<Tensor>& operands) {
  check_linear_rows(op, in);
  return FusedStage<stage::Linear, Pointwise<C>>::apply(op, {}, {}, in, operands);
}

}  // namespace

Tensor conv3d_relu_leaky_relu_gelu_sigmoid_bias(const Tensor& x, const Tensor& weight,
                                                const Tensor& conv_bias, const Tensor& bias,
                                                IntArrayRef stride, IntArrayRef padding,
                                                IntArrayRef dilation, int64_t groups) {
  return conv_chain("conv3d_relu_leaky_relu_gelu_sigmoid_bias", Conv3dTail(),
                    {x, weight, conv_bias}, {bias}, {stride, padding, dilation, groups});
}

Tensor conv_transpose3d_leaky_relu_scale_leaky_relu_max_pool3d(
    const Tensor& x, const Tensor& weight, const Tensor& conv_bias, const Tensor& multiplier,
    IntArrayRef kernel_size, IntArrayRef stride, IntArrayRef padding, IntArrayRef output_padding,
    int64_t groups, IntArrayRef dilation) {
  const ConvTranspose3dTail chain(LeakyRelu{{}, 0.2}, MulChannel(), LeakyRelu{{}, 0.2});
  return conv_chain_pool("conv_transpose3d_leaky_relu_scale_leaky_relu_max_pool3d", chain,
                         {x, weight, conv_bias}, {multiplier}, kernel_size,
                         {stride, padding, dilation, groups, true, output_padding});
}

Tensor linear_bias_hardtanh_mish_group_norm(const Tensor& x, const Tensor& weight,
                                            const Tensor& linear_bias, const Tensor& bias,
                                            int64_t num_groups, const Tensor& norm_weight,
                                            const Tensor& norm_bias, double eps, double min_val,
                                            double max_val) {
  constexpr const char* kOp = "linear_bias_hardtanh_mish_group_norm";
  check_linear_rows(kOp, {x, weight, linear_bias});
  ENSURE(num_groups > 0 && weight.size(0) % num_groups == 0, kOp,
         ": num_groups must be positive and divide the ", weight.size(0), " features, got ",
         num_groups);
  const BiasHardtanhMish chain(AddChannel(), Hardtanh{{}, min_val, max_val}, Mish());
  return FusedStage<stage::Linear, RowNormed<BiasHardtanhMish>>::apply(
      kOp, {}, {chain, num_groups, true, eps}, {x, weight, linear_bias},
      {bias, norm_weight, norm_bias});
}

Tensor linear_logsumexp_leaky_relu2_gelu2(const Tensor& x, const Tensor& weight,
                                          const Tensor& bias) {
  constexpr const char* kOp = "linear_logsumexp_leaky_relu2_gelu2";
  check_linear_rows(kOp, {x, weight, bias});
  return FusedStage<stage::Linear, stage::Logsumexp<LogsumexpTail>>::apply(kOp, {}, {},
                                                                           {x, weight, bias}, {});
}

Tensor conv2d_relu(const Tensor& x, const Tensor& weight, const Tensor& bias, IntArrayRef stride,
                   IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  return conv_chain("conv2d_relu", Chain<Relu>(), {x, weight, bias}, {},
                    {stride, padding, dilation, groups});
}

Tensor conv2d_relu_max_pool2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                              IntArrayRef kernel_size, IntArrayRef stride, IntArrayRef padding,
                              IntArrayRef dilation, int64_t groups) {
  return conv_chain_pool("conv2d_relu_max_pool2d", Chain<Relu>(), {x, weight, bias}, {},
                         kernel_size, {stride, padding, dilation, groups});
}

Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return linear_chain<Chain<Gelu>>("linear_gelu", {x, weight, bias}, {});
}

Tensor linear_swish_scale(const Tensor& x, const Tensor& weight, const Tensor& bias,
                          const Tensor& scale) {
  return linear_chain<SwishScale>("linear_swish_scale", {x, weight, bias}, {scale});
}

Tensor residual_layer_norm(const Tensor& x, const Tensor& residual, const Tensor& weight,
                           const Tensor& bias, double eps) {
  return FusedStage<stage::Sum, RowNormed<Chain<>>>::apply(
      "residual_layer_norm", {}, {{}, 1, true, eps}, terms_of("residual_layer_norm", x, residual),
      {weight, bias});
}

Tensor residual_rms_norm(const Tensor& x, const Tensor& residual, const Tensor& weight,
                         double eps) {
  return FusedStage<stage::Sum, RowNormed<Chain<>>>::apply(
      "residual_rms_norm", {}, {{}, 1, false, eps}, terms_of("residual_rms_norm", x, residual),
      {weight, Tensor()});
}

namespace {

using autograd::variable_list;

Tensor sample(IntArrayRef sizes) { return randn(sizes, dtype(kDouble).requires_grad(true)); }

void add(const char* name, FusedOp::Function fused,
         std::function<std::vector<variable_list>()> samples) {
  register_fused_op(
      {name, camel_case(name) + "Backward", std::move(fused), {}, std::move(samples)});
}

void register_conv_stages() {
  // Short planes and planes of more than one block, several slabs of the batch, groups, no bias.
  add(
      "conv3d_relu_leaky_relu_gelu_sigmoid_bias",
      [](const variable_list& in) {
        return conv3d_relu_leaky_relu_gelu_sigmoid_bias(in[0], in[1], in[2], in[3]);
      },
      [] {
        return std::vector<variable_list>{
            {sample({2, 2, 5, 9, 13}), sample({3, 2, 3, 3, 3}), sample({3}), sample({3, 1, 1, 1})},
            {sample({9, 1, 3, 4, 3}), sample({2, 1, 3, 3, 2}), Tensor(), sample({2})}};
      });
  add(
      "conv_transpose3d_leaky_relu_scale_leaky_relu_max_pool3d",
      [](const variable_list& in) {
        return conv_transpose3d_leaky_relu_scale_leaky_relu_max_pool3d(in[0], in[1], in[2], in[3],
                                                                       2, 2, 1, 1);
      },
      [] {
        return std::vector<variable_list>{
            {sample({3, 2, 3, 2, 5}), sample({2, 3, 3, 3, 3}), sample({3}), sample({3, 1, 1, 1})},
            {sample({2, 1, 1, 2, 3}), sample({1, 2, 3, 3, 3}), sample({2}), sample({2})}};
      });
  add(
      "conv2d_relu",
      [](const variable_list& in) { return conv2d_relu(in[0], in[1], in[2], 2, 1, 1, 2); },
      [] {
        return std::vector<variable_list>{
            {sample({3, 4, 5, 6}), sample({6, 2, 3, 3}), sample({6})}};
      });
  add(
      "conv2d_relu_max_pool2d",
      [](const variable_list& in) {
        return conv2d_relu_max_pool2d(in[0], in[1], in[2], {2, 3}, 1, 1);
      },
      [] {
        return std::vector<variable_list>{
            {sample({2, 2, 5, 7}), sample({3, 2, 3, 3}), sample({3})}};
      });
}

void register_linear_stages() {
  add(
      "linear_bias_hardtanh_mish_group_norm",
      [](const variable_list& in) {
        return linear_bias_hardtanh_mish_group_norm(in[0], in[1], in[2], in[3], 2, in[4], in[5]);
      },
      [] {
        return std::vector<variable_list>{
            {sample({5, 3}), sample({6, 3}), sample({6}), sample({6}), sample({6}), sample({6})}};
      });
  add(
      "linear_logsumexp_leaky_relu2_gelu2",
      [](const variable_list& in) {
        return linear_logsumexp_leaky_relu2_gelu2(in[0], in[1], in[2]);
      },
      [] {
        return std::vector<variable_list>{{sample({5, 3}), sample({7, 3}), sample({7})}};
      });
  add(
      "linear_gelu", [](const variable_list& in) { return linear_gelu(in[0], in[1], in[2]); },
      [] {
        return std::vector<variable_list>{{sample({5, 3}), sample({7, 3}), sample({7})}};
      });
  add(
      "linear_swish_scale",
      [](const variable_list& in) { return linear_swish_scale(in[0], in[1], in[2], in[3]); },
      [] {
        return std::vector<variable_list>{
            {sample({5, 3}), sample({7, 3}), sample({7}), sample({7})}};
      });
}

void register_residual_stages() {
  add(
      "residual_layer_norm",
      [](const variable_list& in) { return residual_layer_norm(in[0], in[1], in[2], in[3]); },
      [] {
        return std::vector<variable_list>{
            {sample({5, 7}), sample({5, 7}), sample({7}), sample({7})}};
      });
  add(
      "residual_rms_norm",
      [](const variable_list& in) { return residual_rms_norm(in[0], in[1], in[2]); },
      [] {
        return std::vector<variable_list>{{sample({5, 7}), sample({5, 7}), sample({7})}};
      });
}

}  // namespace

void register_fused_stages() {
  register_conv_stages();
  register_linear_stages();
  register_residual_stages();
}

}  // namespace fg
