// Options of Fold, Unfold and the pixel shuffles.
#pragma once

#include "nn/expanding_array.h"
#include "tensor/arg.h"

namespace fg::nn {

struct FoldOptions {
  FoldOptions(ExpandingArray<2> output_size, ExpandingArray<2> kernel_size)
      : output_size_(output_size), kernel_size_(kernel_size) {}
  FUSEGRAD_ARG(ExpandingArray<2>, output_size);
  FUSEGRAD_ARG(ExpandingArray<2>, kernel_size);
  FUSEGRAD_ARG(ExpandingArray<2>, dilation) = 1;
  FUSEGRAD_ARG(ExpandingArray<2>, padding) = 0;
  FUSEGRAD_ARG(ExpandingArray<2>, stride) = 1;
};

struct UnfoldOptions {
  UnfoldOptions(ExpandingArray<2> kernel_size) : kernel_size_(kernel_size) {}
  FUSEGRAD_ARG(ExpandingArray<2>, kernel_size);
  FUSEGRAD_ARG(ExpandingArray<2>, dilation) = 1;
  FUSEGRAD_ARG(ExpandingArray<2>, padding) = 0;
  FUSEGRAD_ARG(ExpandingArray<2>, stride) = 1;
};

struct PixelShuffleOptions {
  PixelShuffleOptions(int64_t upscale_factor) : upscale_factor_(upscale_factor) {}
  FUSEGRAD_ARG(int64_t, upscale_factor);
};

struct PixelUnshuffleOptions {
  PixelUnshuffleOptions(int64_t downscale_factor) : downscale_factor_(downscale_factor) {}
  FUSEGRAD_ARG(int64_t, downscale_factor);
};

namespace functional {

using FoldFuncOptions = FoldOptions;
using UnfoldFuncOptions = UnfoldOptions;
using PixelShuffleFuncOptions = PixelShuffleOptions;
using PixelUnshuffleFuncOptions = PixelUnshuffleOptions;

}  // namespace functional
}  // namespace fg::nn
