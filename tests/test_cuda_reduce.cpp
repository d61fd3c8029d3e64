// Reductions on the GPU against the same in double on the CPU: sizes around the borders of packs, warps, blocks and
// pieces, narrow and wide columns, 16-bit types, NaN, ties, and that the bits depend on the shape alone.
#include <cmath>
#include <limits>
#include <vector>

#include "autograd/ops/compare.h"
#include "autograd/ops/view.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

constexpr ScalarType kFloatingTypes[] = {kFloat, kDouble, kHalf, kBFloat16};

struct Cube {
  int64_t outer, n, inner;
};

/// (outer, n, inner) that take every kernel of fold.cuh: 4 lanes, a warp, a block, pieces; columns by pack and one by one.
const Cube kCubes[] = {{1, 1, 1},    {1, 0, 1},    {2, 0, 3},    {0, 3, 2},     {3, 0, 1},
                       {1, 7, 1},    {5, 3, 1},    {9, 4, 1},    {3, 8, 1},     {70, 9, 1},
                       {4, 31, 1},   {3, 33, 1},   {2, 64, 1},   {3, 65, 1},    {3, 127, 1},
                       {2, 255, 1},  {2, 257, 1},  {1, 1000, 1}, {3, 1025, 1},  {2, 2047, 1},
                       {2, 2049, 1}, {2, 4099, 1}, {1, 9001, 1}, {1, 40003, 1}, {2, 33000, 1},
                       {1, 5, 2},    {2, 7, 3},    {3, 6, 8},    {2, 33, 5},    {1, 300, 16},
                       {2, 9, 31},   {1, 10, 48},  {1, 4, 64},   {1, 5, 65},    {1, 3, 130},
                       {1, 6, 520},  {1, 3000, 3}, {1, 2500, 8}, {2, 700, 24},  {1, 130, 264}};

/// Rounding a sum of n terms as a tree, whose leaves are runs of a few dozen, and the result.
double sum_tolerance(ScalarType type, int64_t n) {
  const double accumulated = type == kDouble ? 0x1p-53 : 0x1p-24;
  return (std::log2(double(n) + 1) + 32) * accumulated + unit_roundoff(type);
}

Tensor same_elements_off_alignment(const Tensor& x) {
  const Tensor block = empty({x.numel() + 1}, x.options());
  const Tensor view = block.slice(0, 1).view(x.sizes());
  view.copy_(x);
  return view;
}

}  // namespace

TEST_CASE("cuda reduce: sums of every layout and type") {
  if (!require_gpu()) return;
  for (const ScalarType type : kFloatingTypes) {
    for (const Cube& cube : kCubes) {
      CAPTURE(type);
      CAPTURE(cube.outer);
      CAPTURE(cube.n);
      CAPTURE(cube.inner);
      const Tensor x = random_values({cube.outer, cube.n, cube.inner}, type);
      const Tensor got = x.to(kCUDA).sum(1);
      CHECK(got.dtype() == type);
      CHECK(got.is_cuda());
      const Tensor wide = to_double(x);
      check_within(got, wide.sum(1), wide.abs().sum(1), sum_tolerance(type, cube.n));
    }
  }
}

TEST_CASE("cuda reduce: extremes and where they stand, first of equals") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16, kLong}) {
    for (const Cube& cube : kCubes) {
      if (cube.n == 0) continue;
      CAPTURE(type);
      CAPTURE(cube.outer);
      CAPTURE(cube.n);
      CAPTURE(cube.inner);
      // Few different values, so that there are ties.
      const Tensor x =
          random_values({cube.outer, cube.n, cube.inner}, kDouble).mul(20).round().to(type);
      const Tensor on_device = x.to(kCUDA);
      CHECK(equal(on_device.amax({1}).cpu(), x.amax({1})));
      CHECK(equal(on_device.amin({1}).cpu(), x.amin({1})));
      const auto [largest, at] = on_device.max(1, false);
      const auto [expected, expected_at] = x.max(1, false);
      CHECK(equal(largest.cpu(), expected));
      CHECK(equal(at.cpu(), expected_at));
      CHECK(equal(on_device.argmin(1).cpu(), x.argmin(1)));
    }
  }
}

TEST_CASE("cuda reduce: products, integers, any and all") {
  if (!require_gpu()) return;
  for (const Cube& cube : kCubes) {
    CAPTURE(cube.outer);
    CAPTURE(cube.n);
    CAPTURE(cube.inner);
    const std::vector<int64_t> sizes = {cube.outer, cube.n, cube.inner};
    const Tensor factors = random_values(sizes, kDouble).mul(1e-3).add(1);
    const Tensor product = factors.to(kCUDA).prod(1);
    check_within(product, factors.prod(1), factors.prod(1).abs(), double(cube.n + 1) * 0x1p-53);
    const Tensor whole = random_values(sizes, kDouble).mul(1000).to(kLong);
    CHECK(equal(whole.to(kCUDA).sum(1).cpu(), whole.sum(1)));
    CHECK(equal(whole.to(kCUDA).prod(1).cpu(), whole.prod(1)));  // wraps on both
    const Tensor rare = random_values(sizes, kDouble).gt(0.99), common = rare.logical_not();
    CHECK(equal(rare.to(kCUDA).any(1).cpu(), rare.any(1)));
    CHECK(equal(common.to(kCUDA).all(1).cpu(), common.all(1)));
  }
}

TEST_CASE("cuda reduce: NaN wins, infinities count") {
  if (!require_gpu()) return;
  for (const int64_t inner : {1, 4}) {
    for (const int64_t n : {3, 40, 700, 9000}) {
      for (const int64_t at : {int64_t(0), n / 2, n - 1}) {
        CAPTURE(inner);
        CAPTURE(n);
        CAPTURE(at);
        Tensor x = random_values({2, n, inner}, kFloat);
        x.select(1, at).fill_(kNaN);
        x.select(1, n - 1).select(1, 0).fill_(kNaN);
        const Tensor g = x.to(kCUDA);
        CHECK(g.amax({1}).isnan().all().item<bool>());
        CHECK(g.amin({1}).isnan().all().item<bool>());
        CHECK(g.sum(1).isnan().all().item<bool>());
        CHECK(equal(g.argmax(1).cpu(), x.argmax(1)));
        x = random_values({2, n, inner}, kFloat);
        x.select(1, at).fill_(-kInf);
        CHECK(equal(x.to(kCUDA).amin({1}).cpu(), x.amin({1})));
        CHECK(equal(x.to(kCUDA).argmin(1).cpu(), x.argmin(1)));
        CHECK(x.to(kCUDA).sum(1).eq(-kInf).all().item<bool>());
      }
    }
  }
}

TEST_CASE("cuda reduce: the bits depend on neither alignment nor chance") {
  if (!require_gpu()) return;
  for (const ScalarType type : kFloatingTypes) {
    for (const Cube& cube : kCubes) {
      CAPTURE(type);
      CAPTURE(cube.n);
      CAPTURE(cube.inner);
      const Tensor x = random_values({cube.outer, cube.n, cube.inner}, type).to(kCUDA);
      const Tensor once = x.sum(1).cpu();
      CHECK(equal(x.sum(1).cpu(), once));
      CHECK(equal(same_elements_off_alignment(x).sum(1).cpu(), once));
    }
  }
}

TEST_CASE("cuda reduce: several dims, other dtypes, strides, gradients") {
  if (!require_gpu()) return;
  for (const ScalarType type : kFloatingTypes) {
    CAPTURE(type);
    const Tensor x = random_values({3, 17, 5, 9}, type), wide = to_double(x), g = x.to(kCUDA);
    const double tolerance = sum_tolerance(type, 3 * 17 * 9);
    check_within(g.sum(IntArrayRef{0, 2}), wide.sum(IntArrayRef{0, 2}),
                 wide.abs().sum(IntArrayRef{0, 2}), tolerance);
    check_within(g.transpose(1, 3).sum(IntArrayRef{1}), wide.transpose(1, 3).sum(IntArrayRef{1}),
                 wide.abs().transpose(1, 3).sum(IntArrayRef{1}), tolerance);
    check_within(g.sum(), wide.sum(), wide.abs().sum(), tolerance);
    // Read as 16-bit types, written as float: one rounding less.
    const Tensor in_float = g.sum(IntArrayRef{1, 3}, false, kFloat);
    CHECK(in_float.dtype() == kFloat);
    check_within(in_float, wide.sum(IntArrayRef{1, 3}), wide.abs().sum(IntArrayRef{1, 3}),
                 sum_tolerance(kFloat, 17 * 9));
    const Tensor leaf = g.detach().requires_grad_();
    leaf.mean(IntArrayRef{0, 3}).sum().backward();
    check_within(leaf.grad(), full_like(wide, 1.0 / 27), full_like(wide, 1.0 / 27),
                 4 * unit_roundoff(type));
  }
}
