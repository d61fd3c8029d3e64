#include "autograd/ops/upsample.h"

#include "autograd/autocast_call.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/linear_map.h"
#include "autograd/ops/spatial.h"
#include "tensor/factories.h"
#include "tensor/kernels/resample.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

using detail::dense;
using detail::spatial_part;

using Scales = std::initializer_list<optional<double>>;

struct ResampleMap {
  static constexpr const char* kName = "UpsampleBackward";
  ResampleGeometry geometry;
  int64_t rank = 0;

  Tensor forward(const Tensor& x) const {
    if (kernel_type(x) != x.dtype()) return forward(x.to(kFloat)).to(x.dtype());
    const Tensor y = empty(detail::spatial_sizes_like(x, geometry.output, rank), x.options());
    ON_DEVICE(x, resample, y, dense(x), geometry);
    return y;
  }
  Tensor adjoint(const Tensor& y) const {
    if (kernel_type(y) != y.dtype()) return adjoint(y.to(kFloat)).to(y.dtype());
    const Tensor x = empty(detail::spatial_sizes_like(y, geometry.input, rank), y.options());
    ON_DEVICE(y, resample_grad, x, dense(y), geometry);
    return x;
  }
};

ResampleGeometry resample_geometry(const Tensor& input, IntArrayRef output_size, Scales scales,
                                   bool align_corners, const char* op) {
  const int64_t rank = int64_t(scales.size());
  ENSURE(input.dim() == rank + 2, op, ": input must have ", rank + 2,
         " dims (batch, channels, spatial...), got shape ", input.sizes());
  detail::check_spatial_input(input, rank, op);
  detail::check_floating(input, op);
  ENSURE(int64_t(output_size.size()) == rank, op, ": output_size must have ", rank,
         rank == 1 ? " value, got " : " values, got ", output_size);
  ResampleGeometry g;
  g.input = detail::spatial_extents(input.sizes(), rank);
  g.output = detail::spatial_argument(output_size, rank, 1, 1, "output_size", op);
  g.planes = input.size(0) * input.size(1);
  g.align_corners = align_corners;
  g.scale = {1, 1, 1};
  size_t d = size_t(3 - rank);
  for (const optional<double>& scale : scales) {
    const double in = double(g.input[d]), out = double(g.output[d]);
    if (align_corners)
      g.scale[d] = out > 1 ? (in - 1) / (out - 1) : 0;
    else
      g.scale[d] = scale && *scale > 0 ? 1 / *scale : in / out;
    ++d;
  }
  return g;
}

Tensor run_resample(const Tensor& input, IntArrayRef output_size, Scales scales, ResampleMode mode,
                    bool align_corners, const char* op) {
  if (detail::is_autocast())
    return detail::autocast_call("interpolate", run_resample, input, output_size, scales, mode,
                                 align_corners, op);
  const profiler::RecordOp recorded(op, input);
  ResampleGeometry g = resample_geometry(input, output_size, scales, align_corners, op);
  g.mode = mode;
  return detail::apply_linear_map(ResampleMap{g, int64_t(scales.size())}, input);
}

double triangle(double x) { return std::max(1 - std::abs(x), 0.0); }

/// Keys' convolution with a = -0.5, which Pillow uses.
double keys(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/// The matrix [outputs, inputs] of antialiased resizing along `dim`: `kernel`, which spans `radius` to
/// both sides, is widened by the scale where that is above 1, and each row sums to 1.
Tensor antialias_matrix(const ResampleGeometry& g, size_t dim, double (*kernel)(double),
                        double radius) {
  const int64_t inputs = g.input[dim], outputs = g.output[dim];
  const double scale = g.scale[dim], widening = std::max(scale, 1.0);
  const double support = radius * widening;
  const Tensor matrix = zeros({outputs, inputs}, kDouble);
  double* row = matrix.data_ptr<double>();
  for (int64_t o = 0; o < outputs; ++o, row += inputs) {
    const double center = scale * (double(o) + 0.5);
    const int64_t begin = std::max(int64_t(center - support + 0.5), int64_t(0));
    const int64_t end = std::min(int64_t(center + support + 0.5), inputs);
    double sum = 0;
    for (int64_t i = begin; i < end; ++i)
      sum += row[i] = kernel((double(i) - center + 0.5) / widening);
    for (int64_t i = begin; i < end && sum != 0; ++i) row[i] /= sum;
  }
  return matrix;
}

Tensor antialiased(const Tensor& input, IntArrayRef output_size, Scales scales, bool align_corners,
                   double (*kernel)(double), double radius, const char* op) {
  if (detail::is_autocast())
    return detail::autocast_call("interpolate", antialiased, input, output_size, scales,
                                 align_corners, kernel, radius, op);
  const profiler::RecordOp recorded(op, input);
  const ResampleGeometry g = resample_geometry(input, output_size, scales, align_corners, op);
  const Tensor x = is_reduced_floating(input.dtype()) ? input.to(kFloat) : input;
  const auto matrix = [&](size_t dim) {
    return antialias_matrix(g, dim, kernel, radius).to(x.options());
  };
  return matmul(matrix(1), matmul(x, matrix(2).t())).to(input.dtype());
}

}  // namespace

Tensor upsample_nearest1d(const Tensor& input, IntArrayRef output_size, optional<double> scales) {
  return run_resample(input, output_size, {scales}, ResampleMode::nearest, false,
                      "upsample_nearest1d");
}
Tensor upsample_nearest2d(const Tensor& input, IntArrayRef output_size, optional<double> scales_h,
                          optional<double> scales_w) {
  return run_resample(input, output_size, {scales_h, scales_w}, ResampleMode::nearest, false,
                      "upsample_nearest2d");
}
Tensor upsample_nearest3d(const Tensor& input, IntArrayRef output_size, optional<double> scales_d,
                          optional<double> scales_h, optional<double> scales_w) {
  return run_resample(input, output_size, {scales_d, scales_h, scales_w}, ResampleMode::nearest,
                      false, "upsample_nearest3d");
}

Tensor _upsample_nearest_exact1d(const Tensor& input, IntArrayRef output_size,
                                 optional<double> scales) {
  return run_resample(input, output_size, {scales}, ResampleMode::nearest_exact, false,
                      "upsample_nearest_exact1d");
}
Tensor _upsample_nearest_exact2d(const Tensor& input, IntArrayRef output_size,
                                 optional<double> scales_h, optional<double> scales_w) {
  return run_resample(input, output_size, {scales_h, scales_w}, ResampleMode::nearest_exact, false,
                      "upsample_nearest_exact2d");
}
Tensor _upsample_nearest_exact3d(const Tensor& input, IntArrayRef output_size,
                                 optional<double> scales_d, optional<double> scales_h,
                                 optional<double> scales_w) {
  return run_resample(input, output_size, {scales_d, scales_h, scales_w},
                      ResampleMode::nearest_exact, false, "upsample_nearest_exact3d");
}

Tensor upsample_linear1d(const Tensor& input, IntArrayRef output_size, bool align_corners,
                         optional<double> scales) {
  return run_resample(input, output_size, {scales}, ResampleMode::linear, align_corners,
                      "upsample_linear1d");
}
Tensor upsample_bilinear2d(const Tensor& input, IntArrayRef output_size, bool align_corners,
                           optional<double> scales_h, optional<double> scales_w) {
  return run_resample(input, output_size, {scales_h, scales_w}, ResampleMode::linear, align_corners,
                      "upsample_bilinear2d");
}
Tensor upsample_trilinear3d(const Tensor& input, IntArrayRef output_size, bool align_corners,
                            optional<double> scales_d, optional<double> scales_h,
                            optional<double> scales_w) {
  return run_resample(input, output_size, {scales_d, scales_h, scales_w}, ResampleMode::linear,
                      align_corners, "upsample_trilinear3d");
}
Tensor upsample_bicubic2d(const Tensor& input, IntArrayRef output_size, bool align_corners,
                          optional<double> scales_h, optional<double> scales_w) {
  return run_resample(input, output_size, {scales_h, scales_w}, ResampleMode::cubic, align_corners,
                      "upsample_bicubic2d");
}

Tensor _upsample_bilinear2d_aa(const Tensor& input, IntArrayRef output_size, bool align_corners,
                               optional<double> scales_h, optional<double> scales_w) {
  return antialiased(input, output_size, {scales_h, scales_w}, align_corners, triangle, 1,
                     "upsample_bilinear2d_aa");
}
Tensor _upsample_bicubic2d_aa(const Tensor& input, IntArrayRef output_size, bool align_corners,
                              optional<double> scales_h, optional<double> scales_w) {
  return antialiased(input, output_size, {scales_h, scales_w}, align_corners, keys, 2,
                     "upsample_bicubic2d_aa");
}

}  // namespace fg
