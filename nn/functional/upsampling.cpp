// The checks and their texts are libtorch's.
#include "nn/functional/upsampling.h"

#include <cmath>

#include "autograd/ops/pool.h"
#include "autograd/ops/upsample.h"
#include "tensor/profiler.h"

namespace fg::nn::functional {
namespace {

std::vector<int64_t> output_extents(const Tensor& input, const InterpolateFuncOptions& options) {
  const auto& scale_factor = options.scale_factor();
  ENSURE(options.size() || scale_factor, "either size or scale_factor should be defined");
  ENSURE(!options.size() || !scale_factor, "only one of size or scale_factor should be defined");
  if (options.size()) return *options.size();
  const int64_t rank = input.dim() - 2;
  ENSURE(int64_t(scale_factor->size()) == rank,
         "scale_factor shape must match input shape. Input is ", rank, "D, scale_factor size is ",
         ArrayRef<double>(*scale_factor));
  std::vector<int64_t> extents;
  for (int64_t d = 0; d < rank; ++d)
    extents.push_back(int64_t(std::floor(double(input.size(d + 2)) * (*scale_factor)[size_t(d)])));
  return extents;
}

/// Whether `mode` is one of the linear family, and how many spatial dims it is for.
int64_t linear_rank(const InterpolateFuncOptions::mode_t& mode) {
  if (mode == kLinear) return 1;
  if (mode == kBilinear) return 2;
  return mode == kTrilinear ? 3 : 0;
}

const char* linear_name(int64_t rank) {
  return rank == 1 ? "linear" : rank == 2 ? "bilinear" : "trilinear";
}

Tensor nearest(const Tensor& x, IntArrayRef size, const std::vector<optional<double>>& s) {
  if (s.size() == 1) return upsample_nearest1d(x, size, s[0]);
  if (s.size() == 2) return upsample_nearest2d(x, size, s[0], s[1]);
  return upsample_nearest3d(x, size, s[0], s[1], s[2]);
}

Tensor nearest_exact(const Tensor& x, IntArrayRef size, const std::vector<optional<double>>& s) {
  if (s.size() == 1) return _upsample_nearest_exact1d(x, size, s[0]);
  if (s.size() == 2) return _upsample_nearest_exact2d(x, size, s[0], s[1]);
  return _upsample_nearest_exact3d(x, size, s[0], s[1], s[2]);
}

Tensor area(const Tensor& x, IntArrayRef size) {
  if (x.dim() == 3) return fg::adaptive_avg_pool1d(x, size);
  return x.dim() == 4 ? fg::adaptive_avg_pool2d(x, size) : fg::adaptive_avg_pool3d(x, size);
}

Tensor linear(const Tensor& x, IntArrayRef size, const std::vector<optional<double>>& s,
              bool align_corners, bool antialias) {
  if (s.size() == 1) return upsample_linear1d(x, size, align_corners, s[0]);
  if (s.size() == 3) return upsample_trilinear3d(x, size, align_corners, s[0], s[1], s[2]);
  return antialias ? _upsample_bilinear2d_aa(x, size, align_corners, s[0], s[1])
                   : upsample_bilinear2d(x, size, align_corners, s[0], s[1]);
}

}  // namespace

Tensor interpolate(const Tensor& input, const InterpolateFuncOptions& options) {
  const profiler::RecordOp recorded("interpolate", input);
  const auto mode = options.mode();
  const int64_t dim = input.dim(), wanted_rank = linear_rank(mode);
  ENSURE(!(mode == kNearest || mode == kArea) || !options.align_corners(),
         "align_corners option can only be set with the interpolating modes: linear | bilinear | "
         "bicubic | trilinear");
  ENSURE(!options.antialias() || (dim == 4 && (mode == kBilinear || mode == kBicubic)),
         "Anti-alias option is only supported for bilinear and bicubic modes");
  ENSURE(dim >= 3 && dim <= 5 && (mode != kBicubic || dim == 4),
         "Input Error: Only 3D, 4D and 5D input Tensors supported (got ", dim,
         "D) for the modes: nearest | linear | bilinear | bicubic | trilinear (got ", mode, ")");
  ENSURE(wanted_rank == 0 || wanted_rank == dim - 2, "Got ", dim, "D input, but ",
         linear_name(wanted_rank), " mode needs ", wanted_rank + 2, "D input");

  const std::vector<int64_t> size = output_extents(input, options);
  std::vector<optional<double>> scales(size_t(dim - 2), nullopt);
  if (options.scale_factor() && !options.recompute_scale_factor().value_or(false))
    scales.assign(options.scale_factor()->begin(), options.scale_factor()->end());
  const bool align_corners = options.align_corners().value_or(false);
  if (mode == kNearest) return nearest(input, size, scales);
  if (mode == kNearestExact) return nearest_exact(input, size, scales);
  if (mode == kArea) return area(input, size);
  if (mode != kBicubic) return linear(input, size, scales, align_corners, options.antialias());
  return options.antialias()
             ? _upsample_bicubic2d_aa(input, size, align_corners, scales[0], scales[1])
             : upsample_bicubic2d(input, size, align_corners, scales[0], scales[1]);
}

}  // namespace fg::nn::functional
