#include "nn/modules/conv.h"

#include <cmath>

#include "nn/functional/padding.h"
#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn {
namespace {

template <class Options>
void check_channels(const Options& options) {
  ENSURE(options.groups() > 0 && options.in_channels() % options.groups() == 0,
         "in_channels must be divisible by groups");
  ENSURE(options.out_channels() % options.groups() == 0,
         "out_channels must be divisible by groups");
}

/// [first, second, kernel...], the weight of a convolution.
template <size_t D>
Tensor empty_weight(int64_t first, int64_t second, const ExpandingArray<D>& kernel_size) {
  DimVector shape{first, second};
  for (int64_t extent : *kernel_size) shape.push_back(extent);
  return empty(shape);
}

template <class Options>
void print_common(std::ostream& out, const char* name, size_t rank, const Options& options) {
  out << "torch::nn::" << name << rank << "d(" << options.in_channels() << ", "
      << options.out_channels() << ", kernel_size=" << options.kernel_size()
      << ", stride=" << options.stride();
}

template <class Options>
void print_rest(std::ostream& out, const Options& options) {
  if (options.groups() != 1) out << ", groups=" << options.groups();
  if (!options.bias()) out << ", bias=false";
  if (!(options.padding_mode() == kZeros)) out << ", padding_mode=" << options.padding_mode();
  out << ')';
}

template <size_t D>
void print_unless(std::ostream& out, const char* name, const ExpandingArray<D>& value,
                  int64_t usual) {
  if (!(value == ExpandingArray<D>(usual))) out << ", " << name << '=' << value;
}

void reset_conv_parameters(const Tensor& weight, const Tensor& bias) {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (bias.defined()) init::default_bias_(bias, weight);
}

template <size_t D>
Tensor convolve(const Tensor& input, const Tensor& weight,
                const functional::ConvFuncOptions<D>& options) {
  if constexpr (D == 1)
    return functional::conv1d(input, weight, options);
  else if constexpr (D == 2)
    return functional::conv2d(input, weight, options);
  else
    return functional::conv3d(input, weight, options);
}

template <size_t D>
Tensor convolve_transposed(const Tensor& input, const Tensor& weight,
                           const functional::ConvTransposeFuncOptions<D>& options) {
  if constexpr (D == 1)
    return functional::conv_transpose1d(input, weight, options);
  else if constexpr (D == 2)
    return functional::conv_transpose2d(input, weight, options);
  else
    return functional::conv_transpose3d(input, weight, options);
}

/// What F.pad takes to pad as `options` say: the last dim first. "same" puts the odd one at the end.
template <size_t D>
std::vector<int64_t> explicit_padding(const ConvOptions<D>& options) {
  std::vector<int64_t> padding;
  for (size_t d = D; d-- > 0;) {
    int64_t before = (*options.padding().numbers())[d];
    int64_t after = before;
    if (options.padding().is_same()) {
      const int64_t total = (*options.dilation())[d] * ((*options.kernel_size())[d] - 1);
      before = total / 2;
      after = total - before;
    }
    padding.push_back(before);
    padding.push_back(after);
  }
  return padding;
}

functional::PadMode pad_mode(ConvPaddingMode mode) {
  if (mode == kReflect) return kReflect;
  if (mode == kReplicate) return kReplicate;
  return kCircular;
}

/// The output padding that makes the output's spatial extents `output_size`.
template <size_t D>
ExpandingArray<D> output_padding_for(const Tensor& input, std::vector<int64_t> output_size,
                                     const ConvTransposeOptions<D>& options) {
  const size_t leading = size_t(input.dim()) - D;
  if (output_size.size() == D + leading) {
    output_size.erase(output_size.begin(), output_size.begin() + ptrdiff_t(leading));
  }
  ENSURE(output_size.size() == D, "conv_transpose", D, "d: output_size must have ", D, " or ",
         D + leading, " values, got ", output_size.size());
  ExpandingArray<D> result(0);
  for (size_t d = 0; d < D; ++d) {
    const int64_t stride = (*options.stride())[d];
    const int64_t smallest = (input.size(int64_t(leading + d)) - 1) * stride -
                             2 * (*options.padding())[d] +
                             (*options.dilation())[d] * ((*options.kernel_size())[d] - 1) + 1;
    (*result)[d] = output_size[d] - smallest;
    ENSURE((*result)[d] >= 0 && (*result)[d] < std::max(stride, (*options.dilation())[d]),
           "conv_transpose", D, "d: output_size[", d, "] must lie in [", smallest, ", ",
           smallest + stride - 1, "], got ", output_size[d]);
  }
  return result;
}

}  // namespace

template <size_t D, class Derived>
void ConvNdImpl<D, Derived>::reset() {
  check_channels(options);
  if (options.padding().is_same()) {
    for (int64_t stride : *options.stride()) {
      ENSURE(stride == 1, "padding='same' is not supported for strided convolutions");
    }
  }
  weight = this->register_parameter(
      "weight", empty_weight(options.out_channels(), options.in_channels() / options.groups(),
                             options.kernel_size()));
  bias =
      this->register_parameter("bias", options.bias() ? empty({options.out_channels()}) : Tensor());
  reset_parameters();
}

template <size_t D, class Derived>
void ConvNdImpl<D, Derived>::reset_parameters() {
  reset_conv_parameters(weight, bias);
}

template <size_t D, class Derived>
void ConvNdImpl<D, Derived>::pretty_print(std::ostream& out) const {
  print_common(out, "Conv", D, options);
  if (options.padding().is_same())
    out << ", padding='same'";
  else if (options.padding().is_valid())
    out << ", padding='valid'";
  else
    print_unless(out, "padding", options.padding().numbers(), 0);
  print_unless(out, "dilation", options.dilation(), 1);
  print_rest(out, options);
}

template <size_t D, class Derived>
Tensor ConvNdImpl<D, Derived>::forward(const Tensor& input) {
  auto function = functional::ConvFuncOptions<D>()
                      .bias(bias)
                      .stride(options.stride())
                      .dilation(options.dilation())
                      .groups(options.groups());
  if (options.padding_mode() == kZeros) {
    return convolve<D>(input, weight, function.padding(options.padding()));
  }
  const auto padded = functional::pad(
      input,
      functional::PadFuncOptions(explicit_padding(options)).mode(pad_mode(options.padding_mode())));
  return convolve<D>(padded, weight, function);
}

template <size_t D, class Derived>
void ConvTransposeNdImpl<D, Derived>::reset() {
  check_channels(options);
  ENSURE(options.padding_mode() == kZeros,
         "Only `zeros` padding mode is supported for ConvTranspose", D, "d");
  weight = this->register_parameter(
      "weight", empty_weight(options.in_channels(), options.out_channels() / options.groups(),
                             options.kernel_size()));
  bias =
      this->register_parameter("bias", options.bias() ? empty({options.out_channels()}) : Tensor());
  reset_parameters();
}

template <size_t D, class Derived>
void ConvTransposeNdImpl<D, Derived>::reset_parameters() {
  reset_conv_parameters(weight, bias);
}

template <size_t D, class Derived>
void ConvTransposeNdImpl<D, Derived>::pretty_print(std::ostream& out) const {
  print_common(out, "ConvTranspose", D, options);
  print_unless(out, "padding", options.padding(), 0);
  print_unless(out, "dilation", options.dilation(), 1);
  print_unless(out, "output_padding", options.output_padding(), 0);
  print_rest(out, options);
}

template <size_t D, class Derived>
Tensor ConvTransposeNdImpl<D, Derived>::forward(const Tensor& input,
                                                const optional<std::vector<int64_t>>& output_size) {
  return convolve_transposed<D>(
      input, weight,
      functional::ConvTransposeFuncOptions<D>()
          .bias(bias)
          .stride(options.stride())
          .padding(options.padding())
          .output_padding(output_size ? output_padding_for(input, *output_size, options)
                                      : options.output_padding())
          .groups(options.groups())
          .dilation(options.dilation()));
}

template class ConvNdImpl<1, Conv1dImpl>;
template class ConvNdImpl<2, Conv2dImpl>;
template class ConvNdImpl<3, Conv3dImpl>;
template class ConvTransposeNdImpl<1, ConvTranspose1dImpl>;
template class ConvTransposeNdImpl<2, ConvTranspose2dImpl>;
template class ConvTransposeNdImpl<3, ConvTranspose3dImpl>;

}  // namespace fg::nn
