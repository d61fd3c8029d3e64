// Options of grid_sample.
#pragma once

#include "nn/enum.h"
#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg::nn::functional {

struct GridSampleFuncOptions {
  using mode_t = OneOf<enumtype::kBilinear, enumtype::kNearest, enumtype::kBicubic>;
  using padding_mode_t = OneOf<enumtype::kZeros, enumtype::kBorder, enumtype::kReflection>;
  FUSEGRAD_ARG(mode_t, mode) = kBilinear;
  FUSEGRAD_ARG(padding_mode_t, padding_mode) = kZeros;
  FUSEGRAD_ARG(optional<bool>, align_corners) = nullopt;
};

}  // namespace fg::nn::functional
