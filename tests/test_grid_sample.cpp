// Sampling by grids: gradients of every mode, the composed form against the kernels, affine grids, and
// the error texts.

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/grid_sample.h"
#include "nn/functional.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using namespace fg::test;
namespace F = nn::functional;

namespace {

using Variables = std::vector<Tensor>;

// Away from the kinks, which lie at multiples of half an input: positions are moved to the middle
// between them, give or take a fifth of an input.
Tensor smooth_grid(const std::vector<int64_t>& sizes, const std::vector<int64_t>& extents,
                   bool align_corners) {
  const Tensor grid = input(sizes, -1.7, 1.7).detach();
  for (size_t k = 0; k < extents.size(); ++k) {
    const double scale = align_corners ? double(extents[k] - 1) / 2 : double(extents[k]) / 2;
    const double shift = align_corners ? scale : scale - 0.5;
    const Tensor column = grid.select(-1, int64_t(k));
    const Tensor position = column * scale + shift;
    const Tensor between = (position * 2).floor() * 0.5 + 0.25;
    column.copy_((between + (position - between) * 0.6 - shift) / scale);
  }
  return grid.requires_grad_(true);
}

}  // namespace

TEST_CASE("grid_sampler: gradients of every mode and padding") {
  for (const bool align : {false, true}) {
    for (const int64_t padding : {0, 1, 2}) {
      for (const int64_t mode : {0, 1, 2}) {
        const std::string name =
            str("grid_sampler mode ", mode, " padding ", padding, " align ", align);
        // 16-bit coordinates land elsewhere, so that only these are not compared.
        OpCheckOptions options;
        options.other_dtypes = false;
        check_op(
            name,
            [=](const Variables& t) { return grid_sampler(t[0], t[1], mode, padding, align); },
            {input({2, 2, 3, 4}), smooth_grid({2, 2, 3, 2}, {4, 3}, align)}, options);
        if (mode == 2) continue;
        check_op(
            name + " 3-d",
            [=](const Variables& t) { return grid_sampler(t[0], t[1], mode, padding, align); },
            {input({1, 2, 2, 3, 4}), smooth_grid({1, 1, 2, 2, 3}, {4, 3, 2}, align)}, options);
      }
    }
  }
}

TEST_CASE("grid_sampler: the gradients' composed form agrees with the kernels") {
  for (const int64_t mode : {0, 1, 2}) {
    for (const int64_t padding : {0, 1, 2}) {
      const Tensor x = input({2, 3, 5, 4}), grid = smooth_grid({2, 9, 30, 2}, {4, 5}, false);
      const Tensor y = grid_sampler(x, grid, mode, padding, false);
      const Tensor g = randn(y.sizes(), kDouble);
      const auto kernel = autograd::grad({y}, {x, grid}, {g}, true, false);
      const auto composed = autograd::grad({y}, {x, grid}, {g}, true, true);
      CAPTURE(mode);
      CAPTURE(padding);
      CHECK(kernel[0].allclose(composed[0], 1e-12, 1e-12));
      CHECK(kernel[1].allclose(composed[1], 1e-12, 1e-12));
      CHECK(kernel[1].abs().max().item<double>() > (mode == 1 ? -1 : 0.1));
    }
  }
}

TEST_CASE("affine_grid: the identity samples the input itself") {
  const Tensor theta = tensor({{{1., 0., 0.}, {0., 1., 0.}}}, kDouble);
  const Tensor x = randn({1, 2, 5, 3}, kDouble);
  for (const bool align : {false, true}) {
    const Tensor grid = F::affine_grid(theta, {1, 2, 5, 3}, align);
    CHECK(grid.sizes() == IntArrayRef({1, 5, 3, 2}));
    const Tensor same = F::grid_sample(x, grid, F::GridSampleFuncOptions().align_corners(align));
    CHECK(same.allclose(x, 1e-13, 1e-13));
  }
  check_op("affine_grid",
           [](const Variables& t) {
             return F::affine_grid(t[0], {2, 1, 2, 3, 2}, true);
           },
           {input({2, 3, 4})});
}

#define CHECK_ERROR(expression, text) CHECK_THROWS_WITH_AS(expression, text, Error)

TEST_CASE("grid_sampler, affine_grid: errors") {
  const Tensor x = ones({1, 2, 4, 4}), grid = zeros({1, 3, 3, 2});
  CHECK_ERROR(grid_sampler(ones({2, 4, 4}), grid, 0, 0, false),
              "grid_sampler: input must have 4 or 5 dims, got shape [2, 4, 4]");
  CHECK_ERROR(grid_sampler(x, zeros({2, 3, 3, 2}), 0, 0, false),
              "grid_sampler: grid must have 4 dims, the first of extent 1 (input's batch) and the "
              "last of extent 2, got shape [2, 3, 3, 2]");
  CHECK_ERROR(grid_sampler(x, zeros({1, 3, 3, 3}), 0, 0, false),
              "grid_sampler: grid must have 4 dims, the first of extent 1 (input's batch) and the "
              "last of extent 2, got shape [1, 3, 3, 3]");
  CHECK_ERROR(grid_sampler(x, grid.to(kDouble), 0, 0, false),
              "grid_sampler: grid must have input's dtype Float, got Double");
  CHECK_ERROR(grid_sampler(x, grid, 3, 0, false),
              "grid_sampler: interpolation_mode must be 0 (bilinear), 1 (nearest) or 2 (bicubic), "
              "got 3");
  CHECK_ERROR(grid_sampler(x, grid, 0, -1, false),
              "grid_sampler: padding_mode must be 0 (zeros), 1 (border) or 2 (reflection), got -1");
  CHECK_ERROR(grid_sampler(ones({1, 1, 2, 2, 2}), zeros({1, 1, 1, 1, 3}), 2, 0, false),
              "grid_sampler: bicubic interpolation only supports 4D input, got shape "
              "[1, 1, 2, 2, 2]");
  CHECK_ERROR(grid_sampler(ones({1, 2, 0, 4}), grid, 0, 0, false),
              "grid_sampler: only the batch of input may be empty, got shape [1, 2, 0, 4]");
  CHECK_ERROR(F::affine_grid(ones({1, 2, 3}, kInt), {1, 1, 2, 2}),
              "Expected theta to have floating point type, but got Int");
  CHECK_ERROR(F::affine_grid(ones({1, 2, 2}), {1, 1, 2, 2}),
              "Expected a batch of 2D affine matrices of shape Nx2x3 for size [1, 1, 2, 2]. Got "
              "[1, 2, 2].");
  CHECK_ERROR(F::affine_grid(ones({1, 2, 3}), {1, 1, 2, 2, 2}),
              "Expected a batch of 3D affine matrices of shape Nx3x4 for size [1, 1, 2, 2, 2]. Got "
              "[1, 2, 3].");
  CHECK_ERROR(F::affine_grid(ones({1, 2, 3}), {1, 1, 2}),
              "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
              "respectively. Got size [1, 1, 2]");
  CHECK_ERROR(F::affine_grid(ones({1, 2, 3}), {1, 1, 0, 2}),
              "Expected non-zero, positive output size. Got [1, 1, 0, 2]");
}
