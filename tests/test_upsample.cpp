// Resizing: gradients of every mode, the modes' defining properties, and the error texts.

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/upsample.h"
#include "nn/functional.h"
#include "tensor/factories.h"
#include "tensor/kernels/resample.h"
#include "tests/op_check.h"

using namespace fg;
using namespace fg::test;
namespace F = nn::functional;

namespace {

using Options = F::InterpolateFuncOptions;
using Variables = std::vector<Tensor>;

void check_mode(const char* name, const Variables& x, const Options& options) {
  check_op(
      name, [&](const Variables& t) { return F::interpolate(t[0], options); }, x);
}

std::vector<int64_t> extents(int64_t rank, int64_t first) {
  std::vector<int64_t> result;
  for (int64_t d = 0; d < rank; ++d) result.push_back(first + 3 * d);
  return result;
}

Variables image(int64_t rank) {
  std::vector<int64_t> sizes = {2, 2};
  for (int64_t d = 0; d < rank; ++d) sizes.push_back(3 + d);
  return {input(sizes)};
}

}  // namespace

TEST_CASE("interpolate: gradients of every mode") {
  for (const int64_t rank : {1, 2, 3}) {
    for (const int64_t first : {2, 5}) {  // shrinking along some dims, growing along others
      const auto to_size = [&] { return Options().size(extents(rank, first)); };
      check_mode("nearest", image(rank), to_size().mode(kNearest));
      check_mode("nearest-exact", image(rank), to_size().mode(kNearestExact));
      check_mode("area", image(rank), to_size().mode(kArea));
      for (const bool align : {false, true}) {
        const Options::mode_t linear[] = {kLinear, kBilinear, kTrilinear};
        check_mode("linear", image(rank), to_size().mode(linear[rank - 1]).align_corners(align));
        if (rank != 2) continue;
        check_mode("bicubic", image(2), to_size().mode(kBicubic).align_corners(align));
        for (const Options::mode_t mode : {Options::mode_t(kBilinear), Options::mode_t(kBicubic)})
          check_mode("antialias", image(2),
                     to_size().mode(mode).align_corners(align).antialias(true));
      }
    }
  }
  const Tensor y = upsample_bilinear2d(image(2)[0], {5, 5}, false);
  CHECK(y.grad_fn()->name() == "UpsampleBackward");
}

TEST_CASE("interpolate: what each mode keeps") {
  const Tensor x = randn({2, 3, 5, 7}, kDouble);
  const Tensor twice = upsample_nearest2d(x, {10, 14});
  CHECK(twice.equal(x.repeat_interleave(2, 2).repeat_interleave(2, 3)));
  CHECK(upsample_bilinear2d(x, {5, 7}, false).equal(x));
  CHECK(upsample_bicubic2d(x, {5, 7}, true).equal(x));
  // A linear ramp stays one where the corners coincide.
  const Tensor ramp = linspace(-1, 2, 4, kDouble).reshape({1, 1, 4});
  CHECK(upsample_linear1d(ramp, {31}, true)
            .allclose(linspace(-1, 2, 31, kDouble).reshape({1, 1, 31}), 1e-14, 1e-14));
  // Every mode maps a constant to itself.
  const Tensor flat = full({1, 2, 6, 5}, 3.5, kDouble);
  CHECK(_upsample_bicubic2d_aa(flat, {4, 9}, false)
            .allclose(full({1, 2, 4, 9}, 3.5, kDouble), 1e-14, 1e-14));
  const Tensor zero = full({1, 1, 2}, -0.0, kFloat);
  CHECK(signbit(upsample_nearest1d(zero, {5})).all().item<bool>());
  CHECK(upsample_nearest1d(full({1, 1, 2}, INFINITY), {5}).isinf().all().item<bool>());
}

TEST_CASE("resample_readers: covers exactly the outputs that read an input") {
  ResampleGeometry g;
  for (const auto mode : {ResampleMode::nearest, ResampleMode::linear, ResampleMode::cubic}) {
    for (const auto& [in, out] : {std::pair{1, 5}, {5, 1}, {4, 9}, {9, 4}, {7, 7}, {3, 30}}) {
      g.mode = mode;
      g.input = {1, 1, in};
      g.output = {1, 1, out};
      g.scale = {1, 1, double(in) / out};
      for (int64_t i = 0; i < in; ++i) {
        int64_t begin = out, end = 0;
        for (int64_t o = 0; o < out; ++o) {
          const auto taps = resample_taps<float>(g, 2, o);
          for (int64_t k = 0; k < taps.count; ++k) {
            if (resample_source(taps, k, in) != i) continue;
            begin = std::min(begin, o);
            end = o + 1;
          }
        }
        const ResampleReaders readers = resample_readers<float>(g, 2, i);
        CAPTURE(in);
        CAPTURE(out);
        CAPTURE(i);
        if (begin >= end) continue;  // no output reads it: any range will do, as no tap matches
        CHECK(readers.begin == begin);
        CHECK(readers.end == end);
      }
    }
  }
}

#define CHECK_ERROR(expression, text) CHECK_THROWS_WITH_AS(expression, text, Error)

TEST_CASE("interpolate: errors") {
  const Tensor line = ones({1, 2, 4}), picture = ones({1, 2, 4, 4}), volume = ones({1, 1, 2, 2, 2});
  const auto size = [](std::vector<int64_t> s) { return Options().size(s); };
  CHECK_ERROR(F::interpolate(picture), "either size or scale_factor should be defined");
  CHECK_ERROR(F::interpolate(picture, size({2, 2}).scale_factor(std::vector<double>{2, 2})),
              "only one of size or scale_factor should be defined");
  CHECK_ERROR(F::interpolate(line, Options().scale_factor(std::vector<double>{3, 3, 3})),
              "scale_factor shape must match input shape. Input is 1D, scale_factor size is "
              "[3, 3, 3]");
  CHECK_ERROR(F::interpolate(picture, size({2, 2}).align_corners(true)),
              "align_corners option can only be set with the interpolating modes: linear | "
              "bilinear | bicubic | trilinear");
  CHECK_ERROR(F::interpolate(picture, size({2, 2}).antialias(true)),
              "Anti-alias option is only supported for bilinear and bicubic modes");
  CHECK_ERROR(F::interpolate(line, size({2}).mode(kBilinear)),
              "Got 3D input, but bilinear mode needs 4D input");
  CHECK_ERROR(F::interpolate(picture, size({2, 2}).mode(kTrilinear)),
              "Got 4D input, but trilinear mode needs 5D input");
  CHECK_ERROR(F::interpolate(volume, size({2, 2, 2}).mode(kLinear)),
              "Got 5D input, but linear mode needs 3D input");
  CHECK_ERROR(F::interpolate(ones({2, 2}), size({4})),
              "Input Error: Only 3D, 4D and 5D input Tensors supported (got 2D) for the modes: "
              "nearest | linear | bilinear | bicubic | trilinear (got kNearest)");
  CHECK_ERROR(F::interpolate(volume, size({2, 2, 2}).mode(kBicubic)),
              "Input Error: Only 3D, 4D and 5D input Tensors supported (got 5D) for the modes: "
              "nearest | linear | bilinear | bicubic | trilinear (got kBicubic)");
  CHECK_ERROR(F::interpolate(picture, size({2})),
              "upsample_nearest2d: output_size must have 2 values, got [2]");
  CHECK_ERROR(F::interpolate(picture, size({0, 2})),
              "upsample_nearest2d: output_size must be at least 1, got [0, 2]");
  CHECK_ERROR(upsample_nearest1d(ones({1, 1, 2}, kInt), {2}),
              "upsample_nearest1d: input must have a floating dtype, got Int");
  CHECK_ERROR(upsample_bilinear2d(line, {2, 2}, false),
              "upsample_bilinear2d: input must have 4 dims (batch, channels, spatial...), got "
              "shape [1, 2, 4]");
  CHECK_ERROR(upsample_linear1d(ones({1, 0, 4}), {2}, false),
              "upsample_linear1d: only the batch of input may be empty, got shape [1, 0, 4]");
}
