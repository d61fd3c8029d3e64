// Scans and sorts on the GPU against the CPU, along dims and lines of every kind.
#include <cmath>
#include <limits>

#include "autograd/ops/compare.h"
#include "autograd/ops/scan.h"
#include "autograd/ops/sort.h"
#include "autograd/ops/view.h"
#include "tensor/kernels/scan.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// Shape and dim of lines that take every path: a thread per line, a block per line, cut lines of both kinds.
struct Shape {
  DimVector sizes;
  int64_t dim;
};
const Shape kShapes[] = {
    {{1}, 0},       {{0}, 0},       {{3, 0, 2}, 1}, {{0, 4}, 1},  {{7}, 0},        {{32}, 0},
    {{33}, 0},      {{255}, 0},     {{256}, 0},     {{257}, 0},   {{5, 1030}, 1},  {{1030, 5}, 0},
    {{40, 300}, 0}, {{6, 5, 4}, 1}, {{3, 9}, 1},    {{20000}, 0}, {{2, 16500}, 1}, {{900, 2}, 0}};

bool same(const Tensor& gpu, const Tensor& cpu) {
  return gpu.is_cuda() && gpu.dtype() == cpu.dtype() && gpu.sizes() == cpu.sizes() &&
         allclose(gpu.cpu().to(kDouble), cpu.to(kDouble), 0, 0, true);
}

void check_close(const Tensor& gpu, const Tensor& cpu, double tolerance) {
  REQUIRE(gpu.is_cuda());
  REQUIRE(gpu.dtype() == cpu.dtype());
  CHECK(allclose(gpu.cpu().to(kDouble), cpu.to(kDouble), tolerance, tolerance, true));
}

/// Few different values, so that there are ties, and some that are not numbers.
Tensor with_ties(IntArrayRef sizes, ScalarType type, bool special) {
  static Generator generator;
  const Tensor x = empty(sizes, kDouble);
  x.random_(-20, 20, generator);
  if (special && is_floating(type)) {
    const Tensor pick = empty(sizes, kDouble);
    pick.uniform_(0, 1, generator);
    x.masked_fill_(pick.lt(0.04), kNaN);
    x.masked_fill_(pick.gt(0.98), kInf);
    x.masked_fill_(pick.gt(0.96).logical_and(pick.lt(0.98)), -0.0);
  }
  return x.to(type);
}

}  // namespace

TEST_CASE("cuda scan: sums, products and their logarithmic kind") {
  if (!require_gpu()) return;
  for (const Shape& shape : kShapes) {
    CAPTURE(shape.sizes);
    for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
      const Tensor x = random_values(shape.sizes, type);
      // Double has nothing wider to accumulate in.
      const double length = type == kDouble ? double(x.numel()) : 0;
      const double eps = (4 + length) * unit_roundoff(type);
      check_close(cumsum(x.to(kCUDA), shape.dim), cumsum(x, shape.dim), eps);
      const Tensor near_one = (x * 0.01 + 1).to(type);
      check_close(cumprod(near_one.to(kCUDA), shape.dim), cumprod(near_one, shape.dim), eps);
      check_close(logcumsumexp(x.to(kCUDA), shape.dim), logcumsumexp(x, shape.dim), eps);
    }
    const Tensor whole = with_ties(shape.sizes, kLong, false);
    CHECK(same(cumsum(whole.to(kCUDA), shape.dim), cumsum(whole, shape.dim)));
    CHECK(same(cumprod(whole.to(kCUDA), shape.dim), cumprod(whole, shape.dim)));
    const Tensor flags = whole.gt(0);
    CHECK(same(cumsum(flags.to(kCUDA), shape.dim), cumsum(flags, shape.dim)));
  }
}

TEST_CASE("cuda scan: what is not a number") {
  if (!require_gpu()) return;
  for (const int64_t length : {9, 600, 17000}) {
    const Tensor x = random_values({length}, kFloat);
    x[length / 3] = kInf;
    x[length / 2] = -kInf;
    CHECK(same(cumsum(x.to(kCUDA), 0).isfinite(), cumsum(x, 0).isfinite()));
    CHECK(same(logcumsumexp(x.to(kCUDA), 0).isinf(), logcumsumexp(x, 0).isinf()));
    const Tensor low = full({length}, -kInf, kFloat);
    CHECK(same(logcumsumexp(low.to(kCUDA), 0), low));
    low[length / 2] = kNaN;
    CHECK(same(logcumsumexp(low.to(kCUDA), 0).isnan(), logcumsumexp(low, 0).isnan()));
  }
}

TEST_CASE("cuda scan: recurrences from both ends") {
  if (!require_gpu()) return;
  for (const Shape& shape : kShapes) {
    CAPTURE(shape.sizes);
    for (const ScalarType type : {kFloat, kDouble, kHalf}) {
      for (const bool reverse : {false, true}) {
        const Tensor a = random_values(shape.sizes, type), b = random_values(shape.sizes, type);
        const Tensor expected = empty(shape.sizes, kDouble),
                     got = empty(shape.sizes, dtype(type).device(kCUDA));
        cpu::linear_recurrence(expected, a.to(kDouble), b.to(kDouble), shape.dim, reverse);
        cuda::linear_recurrence(got, a.to(kCUDA), b.to(kCUDA), shape.dim, reverse);
        check_close(got, expected.to(type), (type == kDouble ? 64 : 4) * unit_roundoff(type));
      }
    }
  }
}

TEST_CASE("cuda scan: running extremes, the last of equals or of NaNs") {
  if (!require_gpu()) return;
  for (const Shape& shape : kShapes) {
    CAPTURE(shape.sizes);
    for (const ScalarType type : {kFloat, kDouble, kBFloat16, kLong, kInt}) {
      const Tensor x = with_ties(shape.sizes, type, shape.sizes[0] % 2 == 0);
      const auto [high, high_at] = cummax(x, shape.dim);
      const auto [gpu_high, gpu_high_at] = cummax(x.to(kCUDA), shape.dim);
      CHECK(same(gpu_high, high));
      CHECK(same(gpu_high_at, high_at));
      CHECK(same(std::get<1>(cummin(x.to(kCUDA), shape.dim)), std::get<1>(cummin(x, shape.dim))));
    }
  }
}

TEST_CASE("cuda sort: stable, NaN greatest, either direction") {
  if (!require_gpu()) return;
  // Lines that one block sorts, up to its limit, and longer ones.
  const Shape shapes[] = {{{1}, 0},    {{0}, 0},       {{3, 0, 2}, 1}, {{7}, 0},     {{33}, 0},
                          {{257}, 0},  {{6, 5, 4}, 1}, {{3, 70}, 1},   {{70, 3}, 0}, {{2048}, 0},
                          {{2049}, 0}, {{3, 2500}, 1}, {{2100, 3}, 0}};
  for (const Shape& shape : shapes) {
    CAPTURE(shape.sizes);
    for (const ScalarType type : {kFloat, kDouble, kHalf, kLong, kBFloat16, kByte}) {
      const Tensor x = with_ties(shape.sizes, type, true);
      const int64_t extent = x.size(shape.dim);
      if (extent > 100 && (type == kBFloat16 || type == kByte)) continue;
      for (const bool descending : {false, true}) {
        const auto [values, order] = sort(x, shape.dim, descending);
        const auto [gpu_values, gpu_order] = sort(x.to(kCUDA), shape.dim, descending);
        CHECK(same(gpu_order, order));
        CHECK(same(gpu_values, values));
      }
      if (extent == 0 || extent == 2048) continue;
      for (const int64_t k : {int64_t(1), (extent + 1) / 2, extent}) {
        CHECK(
            same(std::get<1>(topk(x.to(kCUDA), k, shape.dim)), std::get<1>(topk(x, k, shape.dim))));
        CHECK(same(std::get<1>(kthvalue(x.to(kCUDA), k, shape.dim)),
                   std::get<1>(kthvalue(x, k, shape.dim))));
      }
      CHECK(same(std::get<1>(median(x.to(kCUDA), shape.dim)), std::get<1>(median(x, shape.dim))));
    }
  }
}

TEST_CASE("cuda sort: distinct values with their counts") {
  if (!require_gpu()) return;
  const Tensor x = with_ties({50, 70}, kLong, false);
  const auto [values, inverse, counts] = unique(x, true, true, true);
  const auto [gpu_values, gpu_inverse, gpu_counts] = unique(x.to(kCUDA), true, true, true);
  CHECK(same(gpu_values, values));
  CHECK(same(gpu_inverse, inverse));
  CHECK(same(gpu_counts, counts));
}
