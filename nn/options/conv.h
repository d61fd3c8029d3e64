// Options of the convolutions.
#pragma once

#include "nn/enum.h"
#include "nn/expanding_array.h"
#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg::nn {

/// What surrounds the input of a convolution: zeros, its mirror image, its edge or its other end.
using ConvPaddingMode =
    OneOf<enumtype::kZeros, enumtype::kReflect, enumtype::kReplicate, enumtype::kCircular>;

/// Padding by numbers, or kSame (the output keeps the input's extents; stride must be 1), or kValid
/// (none).
template <size_t D>
class ConvPadding {
 public:
  ConvPadding(int64_t single) : numbers_(single) {}
  ConvPadding(std::initializer_list<int64_t> list) : numbers_(list) {}
  ConvPadding(const std::vector<int64_t>& values) : numbers_(values) {}
  ConvPadding(ExpandingArray<D> numbers) : numbers_(numbers) {}
  ConvPadding(enumtype::kSame) : numbers_(0), same_(true) {}
  ConvPadding(enumtype::kValid) : numbers_(0), valid_(true) {}
  bool is_same() const { return same_; }
  bool is_valid() const { return valid_; }
  /// 0 for kSame and kValid.
  const ExpandingArray<D>& numbers() const { return numbers_; }

 private:
  ExpandingArray<D> numbers_;
  bool same_ = false;
  bool valid_ = false;
};

template <size_t D>
struct ConvOptions {
  ConvOptions(int64_t in_channels, int64_t out_channels, ExpandingArray<D> kernel_size)
      : in_channels_(in_channels), out_channels_(out_channels), kernel_size_(kernel_size) {}
  FUSEGRAD_ARG(int64_t, in_channels);
  FUSEGRAD_ARG(int64_t, out_channels);
  FUSEGRAD_ARG(ExpandingArray<D>, kernel_size);
  FUSEGRAD_ARG(ExpandingArray<D>, stride) = 1;
  FUSEGRAD_ARG(ConvPadding<D>, padding) = 0;
  FUSEGRAD_ARG(ExpandingArray<D>, dilation) = 1;
  FUSEGRAD_ARG(int64_t, groups) = 1;
  FUSEGRAD_ARG(bool, bias) = true;
  FUSEGRAD_ARG(ConvPaddingMode, padding_mode) = kZeros;
};
using Conv1dOptions = ConvOptions<1>;
using Conv2dOptions = ConvOptions<2>;
using Conv3dOptions = ConvOptions<3>;

/// `output_padding` enlarges the output at its end, below the stride or the dilation.
template <size_t D>
struct ConvTransposeOptions {
  ConvTransposeOptions(int64_t in_channels, int64_t out_channels, ExpandingArray<D> kernel_size)
      : in_channels_(in_channels), out_channels_(out_channels), kernel_size_(kernel_size) {}
  FUSEGRAD_ARG(int64_t, in_channels);
  FUSEGRAD_ARG(int64_t, out_channels);
  FUSEGRAD_ARG(ExpandingArray<D>, kernel_size);
  FUSEGRAD_ARG(ExpandingArray<D>, stride) = 1;
  FUSEGRAD_ARG(ExpandingArray<D>, padding) = 0;
  FUSEGRAD_ARG(ExpandingArray<D>, output_padding) = 0;
  FUSEGRAD_ARG(int64_t, groups) = 1;
  FUSEGRAD_ARG(bool, bias) = true;
  FUSEGRAD_ARG(ExpandingArray<D>, dilation) = 1;
  FUSEGRAD_ARG(ConvPaddingMode, padding_mode) = kZeros;
};
using ConvTranspose1dOptions = ConvTransposeOptions<1>;
using ConvTranspose2dOptions = ConvTransposeOptions<2>;
using ConvTranspose3dOptions = ConvTransposeOptions<3>;

namespace functional {

template <size_t D>
struct ConvFuncOptions {
  FUSEGRAD_ARG(Tensor, bias);
  FUSEGRAD_ARG(ExpandingArray<D>, stride) = 1;
  FUSEGRAD_ARG(ConvPadding<D>, padding) = 0;
  FUSEGRAD_ARG(ExpandingArray<D>, dilation) = 1;
  FUSEGRAD_ARG(int64_t, groups) = 1;
};
using Conv1dFuncOptions = ConvFuncOptions<1>;
using Conv2dFuncOptions = ConvFuncOptions<2>;
using Conv3dFuncOptions = ConvFuncOptions<3>;

template <size_t D>
struct ConvTransposeFuncOptions {
  FUSEGRAD_ARG(Tensor, bias);
  FUSEGRAD_ARG(ExpandingArray<D>, stride) = 1;
  FUSEGRAD_ARG(ExpandingArray<D>, padding) = 0;
  FUSEGRAD_ARG(ExpandingArray<D>, output_padding) = 0;
  FUSEGRAD_ARG(int64_t, groups) = 1;
  FUSEGRAD_ARG(ExpandingArray<D>, dilation) = 1;
};
using ConvTranspose1dFuncOptions = ConvTransposeFuncOptions<1>;
using ConvTranspose2dFuncOptions = ConvTransposeFuncOptions<2>;
using ConvTranspose3dFuncOptions = ConvTransposeFuncOptions<3>;

}  // namespace functional
}  // namespace fg::nn
