#include "nn/functional/conv.h"

#include "autograd/ops/conv.h"

namespace fg::nn::functional {
namespace {

/// fg::conv<D>d with its padding by numbers or by name.
template <size_t D, class Op>
Tensor apply(const Op& op, const Tensor& input, const Tensor& weight,
             const ConvFuncOptions<D>& options) {
  auto with = [&](const auto& padding) {
    return op(input, weight, options.bias(), *options.stride(), padding, *options.dilation(),
              options.groups());
  };
  if (options.padding().is_same()) return with("same");
  return with(IntArrayRef(*options.padding().numbers()));
}

template <size_t D, class Op>
Tensor apply_transposed(const Op& op, const Tensor& input, const Tensor& weight,
                        const ConvTransposeFuncOptions<D>& options) {
  return op(input, weight, options.bias(), *options.stride(), *options.padding(),
            *options.output_padding(), options.groups(), *options.dilation());
}

}  // namespace

Tensor conv1d(const Tensor& input, const Tensor& weight, const Conv1dFuncOptions& options) {
  return apply([](const auto&... a) { return fg::conv1d(a...); }, input, weight, options);
}

Tensor conv2d(const Tensor& input, const Tensor& weight, const Conv2dFuncOptions& options) {
  return apply([](const auto&... a) { return fg::conv2d(a...); }, input, weight, options);
}

Tensor conv3d(const Tensor& input, const Tensor& weight, const Conv3dFuncOptions& options) {
  return apply([](const auto&... a) { return fg::conv3d(a...); }, input, weight, options);
}

Tensor conv_transpose1d(const Tensor& input, const Tensor& weight,
                        const ConvTranspose1dFuncOptions& options) {
  return apply_transposed(fg::conv_transpose1d, input, weight, options);
}

Tensor conv_transpose2d(const Tensor& input, const Tensor& weight,
                        const ConvTranspose2dFuncOptions& options) {
  return apply_transposed(fg::conv_transpose2d, input, weight, options);
}

Tensor conv_transpose3d(const Tensor& input, const Tensor& weight,
                        const ConvTranspose3dFuncOptions& options) {
  return apply_transposed(fg::conv_transpose3d, input, weight, options);
}

}  // namespace fg::nn::functional
