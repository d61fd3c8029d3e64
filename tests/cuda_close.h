// Comparing what a GPU multiplied with the same in double.
#pragma once

#include <doctest/doctest.h>

#include "autograd/ops/compare.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/reduce.h"
#include "tensor/factories.h"

namespace fg::test {

inline constexpr ScalarType kAllTypes[] = {kByte, kChar,  kShort,  kInt,  kLong,
                                           kHalf, kFloat, kDouble, kBool, kBFloat16};

/// Whether `gpu` is on a GPU and `cpu` otherwise.
inline bool equals_on_gpu(const Tensor& gpu, const Tensor& cpu) {
  return gpu.is_cuda() && gpu.dtype() == cpu.dtype() && equal(gpu.cpu(), cpu);
}

/// The largest relative error of rounding to `type`.
inline double unit_roundoff(ScalarType type) {
  return type == kDouble ? 0x1p-53 : type == kFloat ? 0x1p-24 : type == kHalf ? 0x1p-11 : 0x1p-8;
}

/// Values in [-1, 1) that `type` holds exactly; a CPU tensor of dtype `type`.
inline Tensor random_values(IntArrayRef sizes, ScalarType type) {
  static Generator generator;
  Tensor x = empty(sizes, kDouble);
  x.uniform_(-1, 1, generator);
  return x.to(type);
}

/// The same elements of the same strides on the GPU, at the same distance from the storage's begin.
inline Tensor on_gpu(const Tensor& x) {
  if (x.numel() == 0) return x.to(kCUDA);
  int64_t extent = x.storage_offset() + 1;
  for (int64_t d = 0; d < x.dim(); ++d) extent += (x.size(d) - 1) * x.stride(d);
  const Tensor flat = x.as_strided({extent}, {1}, 0);
  return flat.to(kCUDA).as_strided(x.sizes(), x.strides(), x.storage_offset());
}

inline Tensor to_double(const Tensor& x) { return x.detach().cpu().to(kDouble); }

/// |got - expected| <= factor * bound for each element, or less than got's dtype can tell from 0.
inline void check_within(const Tensor& got, const Tensor& expected, const Tensor& bound,
                         double factor) {
  REQUIRE(got.sizes() == expected.sizes());
  if (got.numel() == 0) return;
  const double smallest = got.dtype() == kHalf ? 0x1p-24 : 0;
  const Tensor excess = (to_double(got) - expected).abs() - bound * factor - smallest;
  CHECK(excess.max().item<double>() <= 0);
}

/// The factor for a product whose inner extent is k, in units of the product of absolute values: rounding the
/// sums (in float32, or double), and the result, whose parts may have been added in its own type.
inline double product_tolerance(ScalarType type, int64_t k) {
  const double accumulated = type == kDouble ? 0x1p-53 : 0x1p-24;
  return 2 * double(k + 2) * accumulated + 4 * unit_roundoff(type);
}

}  // namespace fg::test
