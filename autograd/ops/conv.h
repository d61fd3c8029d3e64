// Convolutions and transposed convolutions over one, two or three spatial dims.
#pragma once

#include <string_view>

#include "tensor/tensor.h"

namespace fg {

// Shapes, for rank N and spatial extents `spatial...`:
//   input  [batch, in_channels, spatial...] or [in_channels, spatial...]
//   weight [out_channels, in_channels / groups, kernel...]; transposed: [in_channels,
//          out_channels / groups, kernel...]
//   bias   [out_channels], or undefined
//   output [batch, out_channels, out...] with
//          out = (in + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1; transposed:
//          out = (in - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
// stride, padding, dilation, output_padding: one value for all dims or one per dim. Floating dtypes,
// the same for all tensors; Half and BFloat16 compute in Float. On the GPU an input or weight that is
// channels last makes the output so, and float may be rounded to TF32 (cuda/precision.h). Differentiable
// in input, weight and bias to any order. Errors: shapes that do not fit each other, groups that do not divide the
// channels, a kernel larger than the padded input, output_padding not below stride or dilation.

/// Convolution over the last dim of [batch, channels, length].
Tensor conv1d(const Tensor& input, const Tensor& weight, const Tensor& bias = {},
              IntArrayRef stride = 1, IntArrayRef padding = 0, IntArrayRef dilation = 1,
              int64_t groups = 1);
/// Convolution over the last two dims of [batch, channels, height, width].
Tensor conv2d(const Tensor& input, const Tensor& weight, const Tensor& bias = {},
              IntArrayRef stride = 1, IntArrayRef padding = 0, IntArrayRef dilation = 1,
              int64_t groups = 1);
/// Convolution over the last three dims of [batch, channels, depth, height, width].
Tensor conv3d(const Tensor& input, const Tensor& weight, const Tensor& bias = {},
              IntArrayRef stride = 1, IntArrayRef padding = 0, IntArrayRef dilation = 1,
              int64_t groups = 1);

/// A `padding` argument given as "same" (output extents equal the input's; stride must be 1) or
/// "valid" (no padding).
template <class T>
concept PaddingName = std::is_convertible_v<const T&, std::string_view>;

namespace detail {
Tensor conv_named_padding(const Tensor& input, const Tensor& weight, const Tensor& bias,
                          IntArrayRef stride, std::string_view padding, IntArrayRef dilation,
                          int64_t groups, int64_t rank);
}

template <PaddingName P>
Tensor conv1d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntArrayRef stride,
              const P& padding, IntArrayRef dilation = 1, int64_t groups = 1) {
  return detail::conv_named_padding(input, weight, bias, stride, padding, dilation, groups, 1);
}
template <PaddingName P>
Tensor conv2d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntArrayRef stride,
              const P& padding, IntArrayRef dilation = 1, int64_t groups = 1) {
  return detail::conv_named_padding(input, weight, bias, stride, padding, dilation, groups, 2);
}
template <PaddingName P>
Tensor conv3d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntArrayRef stride,
              const P& padding, IntArrayRef dilation = 1, int64_t groups = 1) {
  return detail::conv_named_padding(input, weight, bias, stride, padding, dilation, groups, 3);
}

/// The adjoint of conv1d, as a layer.
Tensor conv_transpose1d(const Tensor& input, const Tensor& weight, const Tensor& bias = {},
                        IntArrayRef stride = 1, IntArrayRef padding = 0,
                        IntArrayRef output_padding = 0, int64_t groups = 1,
                        IntArrayRef dilation = 1);
/// The adjoint of conv2d, as a layer.
Tensor conv_transpose2d(const Tensor& input, const Tensor& weight, const Tensor& bias = {},
                        IntArrayRef stride = 1, IntArrayRef padding = 0,
                        IntArrayRef output_padding = 0, int64_t groups = 1,
                        IntArrayRef dilation = 1);
/// The adjoint of conv3d, as a layer.
Tensor conv_transpose3d(const Tensor& input, const Tensor& weight, const Tensor& bias = {},
                        IntArrayRef stride = 1, IntArrayRef padding = 0,
                        IntArrayRef output_padding = 0, int64_t groups = 1,
                        IntArrayRef dilation = 1);

/// Any of the above, by the rank of `weight`. `output_padding` is used when `transposed`.
Tensor convolution(const Tensor& input, const Tensor& weight, const Tensor& bias,
                   IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool transposed,
                   IntArrayRef output_padding, int64_t groups);

}  // namespace fg
