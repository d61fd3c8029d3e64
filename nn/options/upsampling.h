// Options of Upsample and interpolate.
#pragma once

#include "nn/enum.h"
#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg::nn {

namespace functional {

/// Either `size`, the spatial extents, or `scale_factor`, their multiples (rounded down). The scale
/// also places the outputs, unless `recompute_scale_factor` says that the extents do. Area and
/// nearest modes take no `align_corners`; others default to false. `antialias`: bilinear and bicubic.
struct InterpolateFuncOptions {
  using mode_t =
      OneOf<enumtype::kNearest, enumtype::kLinear, enumtype::kBilinear, enumtype::kBicubic,
            enumtype::kTrilinear, enumtype::kArea, enumtype::kNearestExact>;
  FUSEGRAD_ARG(optional<std::vector<int64_t>>, size) = nullopt;
  FUSEGRAD_ARG(optional<std::vector<double>>, scale_factor) = nullopt;
  FUSEGRAD_ARG(mode_t, mode) = kNearest;
  FUSEGRAD_ARG(optional<bool>, align_corners) = nullopt;
  FUSEGRAD_ARG(optional<bool>, recompute_scale_factor) = nullopt;
  FUSEGRAD_ARG(bool, antialias) = false;
};

}  // namespace functional

struct UpsampleOptions {
  using mode_t = functional::InterpolateFuncOptions::mode_t;
  FUSEGRAD_ARG(optional<std::vector<int64_t>>, size) = nullopt;
  FUSEGRAD_ARG(optional<std::vector<double>>, scale_factor) = nullopt;
  FUSEGRAD_ARG(mode_t, mode) = kNearest;
  FUSEGRAD_ARG(optional<bool>, align_corners) = nullopt;
};

}  // namespace fg::nn
