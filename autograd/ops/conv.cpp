#include "autograd/ops/conv.h"

#include "autograd/autocast_call.h"
#include "autograd/node.h"
#include "autograd/ops/checks.h"
#include "autograd/ops/pad.h"
#include "autograd/ops/spatial.h"
#include "tensor/factories.h"
#include "tensor/kernels/conv.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

using detail::dense;
using detail::spatial_argument;
using detail::spatial_extents;
using detail::spatial_part;
using detail::spatial_sizes;

/// A convolution's geometry and the order in memory that its kernels read and write.
struct ConvSetup {
  ConvGeometry geometry;
  MemoryFormat format = MemoryFormat::Contiguous;
};

Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSetup& setup,
                bool transposed);
Tensor weight_grad(const Tensor& grad_output, const Tensor& input, const ConvSetup& setup);

/// Each gradient of a convolution is one of the three convolution ops again (tensor/kernels/conv.h),
/// and each is differentiable: second and higher orders need nothing else.
struct ConvolutionBackward : Node {
  Saved x{this}, weight{this};
  ConvSetup setup;
  bool transposed = false;

  std::string name() const override { return "ConvolutionBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor& grad = grads[0];
    std::vector<Tensor> result(3);
    if (!grad.defined()) return result;
    if (needs(0)) result[0] = convolve(grad, weight.unpack(), {}, setup, !transposed);
    if (needs(1)) {
      result[1] =
          transposed ? weight_grad(x.unpack(), grad, setup) : weight_grad(grad, x.unpack(), setup);
    }
    if (needs(2)) {
      std::vector<int64_t> dims = {0};
      for (int64_t d = 2; d < grad.dim(); ++d) dims.push_back(d);
      result[2] = grad.sum(dims);
    }
    return result;
  }
};

struct ConvolutionWeightGradBackward : Node {
  Saved grad_output{this}, input{this};
  ConvSetup setup;

  std::string name() const override { return "ConvolutionWeightGradBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor& grad = grads[0];
    std::vector<Tensor> result(2);
    if (!grad.defined()) return result;
    if (needs(0)) result[0] = convolve(input.unpack(), grad, {}, setup, false);
    if (needs(1)) result[1] = convolve(grad_output.unpack(), grad, {}, setup, true);
    return result;
  }
};

Tensor empty_as(MemoryFormat format, const DimVector& sizes, const Tensor& like) {
  return empty(sizes, like.options().memory_format(format));
}

/// conv(x, weight) + bias, or its adjoint in x when `transposed`. Batched, checked, of a kernel's dtype.
Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSetup& setup,
                bool transposed) {
  auto node = make_node<ConvolutionBackward>(x, weight, bias);
  const ConvGeometry& g = setup.geometry;
  const int64_t rank = x.dim() - 2;
  const Tensor y = empty_as(setup.format,
                            transposed ? spatial_sizes({g.batch, g.in_channels}, g.input, rank)
                                       : spatial_sizes({g.batch, g.out_channels}, g.output, rank),
                            x);
  const Tensor from = dense(x, setup.format), w = dense(weight, setup.format);
  if (transposed) {
    ON_DEVICE(x, conv_input_grad, y, from, w, dense(bias), g);
  } else {
    ON_DEVICE(x, conv_forward, y, from, w, dense(bias), g);
  }
  if (node) {
    node->x.save(x);
    node->weight.save(weight);
    node->setup = setup;
    node->transposed = transposed;
    node->attach(y);
  }
  return y;
}

Tensor weight_grad(const Tensor& grad_output, const Tensor& input, const ConvSetup& setup) {
  auto node = make_node<ConvolutionWeightGradBackward>(grad_output, input);
  const ConvGeometry& g = setup.geometry;
  const Tensor grad =
      empty_as(setup.format,
               spatial_sizes({g.out_channels, g.group_in()}, g.kernel, input.dim() - 2), input);
  ON_DEVICE(input, conv_weight_grad, grad, dense(grad_output, setup.format),
            dense(input, setup.format), g);
  if (node) {
    node->grad_output.save(grad_output);
    node->input.save(input);
    node->setup = setup;
    node->attach(grad);
  }
  return grad;
}

/// On the GPU channels last where the input or the weight is, as in PyTorch; the results are then channels last,
/// too. The CPU's kernels know contiguous tensors only.
MemoryFormat kernel_format(const Tensor& x, const Tensor& weight) {
  const MemoryFormat last =
      x.dim() == 5 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast;
  const auto is_last = [&](const Tensor& t) { return !t.is_contiguous() && t.is_contiguous(last); };
  return x.is_cuda() && (is_last(x) || is_last(weight)) ? last : MemoryFormat::Contiguous;
}

struct Arguments {
  IntArrayRef stride, padding, dilation, output_padding;
  int64_t groups, rank;
  bool transposed;
  const char* op;
};

void check_tensors(const Tensor& input, const Tensor& weight, const Tensor& bias,
                   const Arguments& a) {
  detail::check_spatial_input(input, a.rank, a.op);
  detail::check_floating(input, a.op);
  ENSURE(weight.dim() == a.rank + 2, a.op, ": weight must have ", a.rank + 2, " dims, got shape ",
         weight.sizes());
  ENSURE(weight.numel() > 0, a.op, ": weight must not be empty, got shape ", weight.sizes());
  for (const Tensor* other : {&weight, &bias}) {
    if (!other->defined()) continue;
    const char* name = other == &weight ? "weight" : "bias";
    ENSURE(other->dtype() == input.dtype(), a.op, ": ", name, " must have the dtype of input, ",
           input.dtype(), ", got ", other->dtype());
    ENSURE(other->device() == input.device(), a.op, ": ", name, " must be on the device of input, ",
           input.device(), ", got ", other->device());
  }

  ENSURE(a.groups > 0, a.op, ": groups must be positive, got ", a.groups);
  ENSURE(weight.size(0) % a.groups == 0, a.op, ": groups must divide the ", weight.size(0),
         a.transposed ? " input" : " output", " channels of weight ", weight.sizes(), ", got ",
         a.groups);
  const int64_t channels = a.transposed ? weight.size(0) : weight.size(1) * a.groups;
  ENSURE(input.size(-a.rank - 1) == channels, a.op, ": input must have ", channels,
         " channels (weight ", weight.sizes(), ", groups ", a.groups, "), got shape ",
         input.sizes());
  const int64_t out_channels = a.transposed ? weight.size(1) * a.groups : weight.size(0);
  ENSURE(!bias.defined() || (bias.dim() == 1 && bias.size(0) == out_channels), a.op,
         ": bias must have shape [", out_channels, "], got ", bias.sizes());
}

/// Fills the larger side of a transposed convolution from its smaller side.
void set_transposed_extents(ConvGeometry& g, const Tensor& input, const Arguments& a) {
  const Extents extra = spatial_argument(a.output_padding, a.rank, 0, 0, "output_padding", a.op);
  g.output = spatial_extents(input.sizes(), a.rank);
  for (size_t d = 0; d < 3; ++d) {
    ENSURE(extra[d] < g.stride[d] || extra[d] < g.dilation[d], a.op,
           ": output_padding must be smaller than stride ", spatial_part(g.stride, a.rank),
           " or dilation ", spatial_part(g.dilation, a.rank), ", got ", a.output_padding);
    g.input[d] = (g.output[d] - 1) * g.stride[d] - 2 * g.padding[d] +
                 g.dilation[d] * (g.kernel[d] - 1) + extra[d] + 1;
    ENSURE(g.input[d] > 0, a.op, ": padding ", spatial_part(g.padding, a.rank),
           " leaves nothing of the output for input ", input.sizes(), " and weight kernel ",
           spatial_part(g.kernel, a.rank));
  }
}

void set_output_extents(ConvGeometry& g, const Tensor& input, const Arguments& a) {
  g.input = spatial_extents(input.sizes(), a.rank);
  for (size_t d = 0; d < 3; ++d) {
    const int64_t padded = g.input[d] + 2 * g.padding[d];
    const int64_t reach = g.dilation[d] * (g.kernel[d] - 1) + 1;
    ENSURE(reach <= padded, a.op, ": kernel ", spatial_part(g.kernel, a.rank), " with dilation ",
           spatial_part(g.dilation, a.rank),
           " must not be larger than the padded input, got input ", input.sizes(), " with padding ",
           spatial_part(g.padding, a.rank));
    g.output[d] = (padded - reach) / g.stride[d] + 1;
  }
}

ConvGeometry checked_geometry(const Tensor& input, const Tensor& weight, const Tensor& bias,
                              const Arguments& a) {
  check_tensors(input, weight, bias, a);
  ConvGeometry g;
  g.groups = a.groups;
  g.kernel = spatial_extents(weight.sizes(), a.rank);
  g.stride = spatial_argument(a.stride, a.rank, 1, 1, "stride", a.op);
  g.padding = spatial_argument(a.padding, a.rank, 0, 0, "padding", a.op);
  g.dilation = spatial_argument(a.dilation, a.rank, 1, 1, "dilation", a.op);
  g.batch = input.dim() == a.rank + 2 ? input.size(0) : 1;
  g.out_channels = weight.size(0);
  g.in_channels = weight.size(1) * a.groups;
  a.transposed ? set_transposed_extents(g, input, a) : set_output_extents(g, input, a);
  return g;
}

Tensor conv(const Tensor& input, const Tensor& weight, const Tensor& bias, const Arguments& a) {
  if (detail::is_autocast())
    return detail::autocast_call("convolution", conv, input, weight, bias, a);
  const profiler::RecordOp recorded(a.op, input, weight, bias);
  const ConvGeometry g = checked_geometry(input, weight, bias, a);
  const bool batched = input.dim() == a.rank + 2;
  const Tensor x = batched ? input : input.unsqueeze(0);
  const ScalarType type = kernel_type(input);
  const auto cast = [&](const Tensor& t) { return t.defined() ? t.to(type) : t; };
  const Tensor y =
      convolve(cast(x), cast(weight), cast(bias), {g, kernel_format(x, weight)}, a.transposed)
          .to(input.dtype());
  return batched ? y : y.squeeze(0);
}

/// "same" pads dilation * (kernel - 1) in all; an odd one goes to the far side, as an explicit pad.
Tensor conv_same(const Tensor& input, const Tensor& weight, const Tensor& bias, Arguments a) {
  const profiler::RecordOp recorded(a.op, input, weight, bias);
  const Extents stride = spatial_argument(a.stride, a.rank, 1, 1, "stride", a.op);
  ENSURE(numel_of(stride) == 1, a.op, ": padding 'same' needs stride 1, got ", a.stride);
  ENSURE(weight.dim() == a.rank + 2, a.op, ": weight must have ", a.rank + 2, " dims, got shape ",
         weight.sizes());
  const Extents dilation = spatial_argument(a.dilation, a.rank, 1, 1, "dilation", a.op);
  const Extents kernel = spatial_extents(weight.sizes(), a.rank);
  DimVector padding, far_side;
  bool even = true;
  for (int64_t d = 3 - a.rank; d < 3; ++d) {
    const int64_t total = dilation[size_t(d)] * (kernel[size_t(d)] - 1);
    padding.push_back(total / 2);
    far_side.insert(0, total % 2);
    far_side.insert(0, 0);
    even = even && total % 2 == 0;
  }
  a.padding = padding;
  if (even) return conv(input, weight, bias, a);
  detail::check_spatial_input(input, a.rank, a.op);
  return conv(constant_pad_nd(input, far_side), weight, bias, a);
}

constexpr const char* kConvNames[] = {"conv1d", "conv2d", "conv3d"};
constexpr const char* kTransposedNames[] = {"conv_transpose1d", "conv_transpose2d",
                                            "conv_transpose3d"};

}  // namespace

ConvGeometry detail::conv_geometry(const Tensor& input, const Tensor& weight, const Tensor& bias,
                                   IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                                   bool transposed, IntArrayRef output_padding, int64_t groups,
                                   const char* op) {
  return checked_geometry(
      input, weight, bias,
      {stride, padding, dilation, output_padding, groups, weight.dim() - 2, transposed, op});
}

Tensor detail::conv_named_padding(const Tensor& input, const Tensor& weight, const Tensor& bias,
                                  IntArrayRef stride, std::string_view padding,
                                  IntArrayRef dilation, int64_t groups, int64_t rank) {
  const int64_t none = 0;
  const Arguments a = {stride, none, dilation, none, groups, rank, false, kConvNames[rank - 1]};
  ENSURE(padding == "same" || padding == "valid", a.op,
         ": padding must be 'same', 'valid' or numbers, got '", padding, "'");
  return padding == "same" ? conv_same(input, weight, bias, a) : conv(input, weight, bias, a);
}

Tensor conv1d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntArrayRef stride,
              IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  return conv(input, weight, bias, {stride, padding, dilation, 0, groups, 1, false, kConvNames[0]});
}
Tensor conv2d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntArrayRef stride,
              IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  return conv(input, weight, bias, {stride, padding, dilation, 0, groups, 2, false, kConvNames[1]});
}
Tensor conv3d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntArrayRef stride,
              IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  return conv(input, weight, bias, {stride, padding, dilation, 0, groups, 3, false, kConvNames[2]});
}

Tensor conv_transpose1d(const Tensor& input, const Tensor& weight, const Tensor& bias,
                        IntArrayRef stride, IntArrayRef padding, IntArrayRef output_padding,
                        int64_t groups, IntArrayRef dilation) {
  return conv(input, weight, bias,
              {stride, padding, dilation, output_padding, groups, 1, true, kTransposedNames[0]});
}
Tensor conv_transpose2d(const Tensor& input, const Tensor& weight, const Tensor& bias,
                        IntArrayRef stride, IntArrayRef padding, IntArrayRef output_padding,
                        int64_t groups, IntArrayRef dilation) {
  return conv(input, weight, bias,
              {stride, padding, dilation, output_padding, groups, 2, true, kTransposedNames[1]});
}
Tensor conv_transpose3d(const Tensor& input, const Tensor& weight, const Tensor& bias,
                        IntArrayRef stride, IntArrayRef padding, IntArrayRef output_padding,
                        int64_t groups, IntArrayRef dilation) {
  return conv(input, weight, bias,
              {stride, padding, dilation, output_padding, groups, 3, true, kTransposedNames[2]});
}

Tensor convolution(const Tensor& input, const Tensor& weight, const Tensor& bias,
                   IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool transposed,
                   IntArrayRef output_padding, int64_t groups) {
  const int64_t rank = weight.dim() - 2;
  ENSURE(rank >= 1 && rank <= 3, "convolution: weight must have 3, 4 or 5 dims, got shape ",
         weight.sizes());
  return conv(input, weight, bias,
              {stride, padding, dilation, output_padding, groups, rank, transposed, "convolution"});
}

}  // namespace fg
