// Options of the pooling layers. Where no stride is given it equals the kernel.
#pragma once

#include "nn/expanding_array.h"
#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg::nn {

template <size_t D>
struct AvgPoolOptions {
  AvgPoolOptions(ExpandingArray<D> kernel_size) : kernel_size_(kernel_size), stride_(kernel_size) {}
  FUSEGRAD_ARG(ExpandingArray<D>, kernel_size);
  FUSEGRAD_ARG(ExpandingArray<D>, stride);
  FUSEGRAD_ARG(ExpandingArray<D>, padding) = 0;
  FUSEGRAD_ARG(bool, ceil_mode) = false;
  FUSEGRAD_ARG(bool, count_include_pad) = true;
  FUSEGRAD_ARG(optional<int64_t>, divisor_override) = nullopt;
};
using AvgPool1dOptions = AvgPoolOptions<1>;
using AvgPool2dOptions = AvgPoolOptions<2>;
using AvgPool3dOptions = AvgPoolOptions<3>;

template <size_t D>
struct MaxPoolOptions {
  MaxPoolOptions(ExpandingArray<D> kernel_size) : kernel_size_(kernel_size), stride_(kernel_size) {}
  FUSEGRAD_ARG(ExpandingArray<D>, kernel_size);
  FUSEGRAD_ARG(ExpandingArray<D>, stride);
  FUSEGRAD_ARG(ExpandingArray<D>, padding) = 0;
  FUSEGRAD_ARG(ExpandingArray<D>, dilation) = 1;
  FUSEGRAD_ARG(bool, ceil_mode) = false;
};
using MaxPool1dOptions = MaxPoolOptions<1>;
using MaxPool2dOptions = MaxPoolOptions<2>;
using MaxPool3dOptions = MaxPoolOptions<3>;

/// Output extents; an absent one keeps the input's.
template <size_t D>
struct AdaptivePoolOptions {
  AdaptivePoolOptions(ExpandingArrayWithOptionalElem<D> output_size) : output_size_(output_size) {}
  template <class T>
  requires std::is_convertible_v<T, ExpandingArrayWithOptionalElem<D>> AdaptivePoolOptions(
      const T& output_size)
      : output_size_(output_size) {}
  AdaptivePoolOptions(std::initializer_list<int64_t> output_size) : output_size_(output_size) {}
  FUSEGRAD_ARG(ExpandingArrayWithOptionalElem<D>, output_size);
};
template <size_t D>
using AdaptiveAvgPoolOptions = AdaptivePoolOptions<D>;
template <size_t D>
using AdaptiveMaxPoolOptions = AdaptivePoolOptions<D>;
using AdaptiveAvgPool1dOptions = AdaptivePoolOptions<1>;
using AdaptiveAvgPool2dOptions = AdaptivePoolOptions<2>;
using AdaptiveAvgPool3dOptions = AdaptivePoolOptions<3>;
using AdaptiveMaxPool1dOptions = AdaptivePoolOptions<1>;
using AdaptiveMaxPool2dOptions = AdaptivePoolOptions<2>;
using AdaptiveMaxPool3dOptions = AdaptivePoolOptions<3>;

template <size_t D>
struct MaxUnpoolOptions {
  MaxUnpoolOptions(ExpandingArray<D> kernel_size)
      : kernel_size_(kernel_size), stride_(kernel_size) {}
  FUSEGRAD_ARG(ExpandingArray<D>, kernel_size);
  FUSEGRAD_ARG(ExpandingArray<D>, stride);
  FUSEGRAD_ARG(ExpandingArray<D>, padding) = 0;
};
using MaxUnpool1dOptions = MaxUnpoolOptions<1>;
using MaxUnpool2dOptions = MaxUnpoolOptions<2>;
using MaxUnpool3dOptions = MaxUnpoolOptions<3>;

/// Either `output_size` or `output_ratio`, its part of the input's extents, in (0, 1).
/// `_random_samples`: [batch, channels, D] in [0, 1); drawn for each input if undefined.
template <size_t D>
struct FractionalMaxPoolOptions {
  using ExpandingArrayDouble = ExpandingArray<D, double>;
  FractionalMaxPoolOptions(ExpandingArray<D> kernel_size) : kernel_size_(kernel_size) {}
  FUSEGRAD_ARG(ExpandingArray<D>, kernel_size);
  FUSEGRAD_ARG(optional<ExpandingArray<D>>, output_size) = nullopt;
  FUSEGRAD_ARG(optional<ExpandingArrayDouble>, output_ratio) = nullopt;
  FUSEGRAD_ARG(Tensor, _random_samples);
};
using FractionalMaxPool2dOptions = FractionalMaxPoolOptions<2>;
using FractionalMaxPool3dOptions = FractionalMaxPoolOptions<3>;

template <size_t D>
struct LPPoolOptions {
  LPPoolOptions(double norm_type, ExpandingArray<D> kernel_size)
      : norm_type_(norm_type), kernel_size_(kernel_size), stride_(kernel_size) {}
  FUSEGRAD_ARG(double, norm_type);
  FUSEGRAD_ARG(ExpandingArray<D>, kernel_size);
  FUSEGRAD_ARG(ExpandingArray<D>, stride);
  FUSEGRAD_ARG(bool, ceil_mode) = false;
};
using LPPool1dOptions = LPPoolOptions<1>;
using LPPool2dOptions = LPPoolOptions<2>;

namespace functional {

using AvgPool1dFuncOptions = AvgPool1dOptions;
using AvgPool2dFuncOptions = AvgPool2dOptions;
using AvgPool3dFuncOptions = AvgPool3dOptions;
using MaxPool1dFuncOptions = MaxPool1dOptions;
using MaxPool2dFuncOptions = MaxPool2dOptions;
using MaxPool3dFuncOptions = MaxPool3dOptions;
using AdaptiveAvgPool1dFuncOptions = AdaptiveAvgPool1dOptions;
using AdaptiveAvgPool2dFuncOptions = AdaptiveAvgPool2dOptions;
using AdaptiveAvgPool3dFuncOptions = AdaptiveAvgPool3dOptions;
using AdaptiveMaxPool1dFuncOptions = AdaptiveMaxPool1dOptions;
using AdaptiveMaxPool2dFuncOptions = AdaptiveMaxPool2dOptions;
using AdaptiveMaxPool3dFuncOptions = AdaptiveMaxPool3dOptions;
using FractionalMaxPool2dFuncOptions = FractionalMaxPool2dOptions;
using FractionalMaxPool3dFuncOptions = FractionalMaxPool3dOptions;
using LPPool1dFuncOptions = LPPool1dOptions;
using LPPool2dFuncOptions = LPPool2dOptions;

/// `output_size`: the spatial extents, or all extents, of the unpooled output.
template <size_t D>
struct MaxUnpoolFuncOptions {
  MaxUnpoolFuncOptions(ExpandingArray<D> kernel_size)
      : kernel_size_(kernel_size), stride_(kernel_size) {}
  FUSEGRAD_ARG(ExpandingArray<D>, kernel_size);
  FUSEGRAD_ARG(ExpandingArray<D>, stride);
  FUSEGRAD_ARG(ExpandingArray<D>, padding) = 0;
  FUSEGRAD_ARG(optional<std::vector<int64_t>>, output_size) = nullopt;
};
using MaxUnpool1dFuncOptions = MaxUnpoolFuncOptions<1>;
using MaxUnpool2dFuncOptions = MaxUnpoolFuncOptions<2>;
using MaxUnpool3dFuncOptions = MaxUnpoolFuncOptions<3>;

}  // namespace functional
}  // namespace fg::nn
