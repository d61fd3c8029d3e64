// Kernels that run along one dim and carry a value from element to element. All tensors are
// contiguous, of one shape and one compute type (float, double or int64; on CUDA also 16-bit types);
// sums and products of floating types accumulate in double.
#pragma once

#include "tensor/kernels/math.h"
#include "tensor/tensor.h"

namespace fg {

/// log(exp(a) + exp(b)) without overflow; -inf is its zero, NaN wins.
constexpr double log_add_exp(double a, double b) {
  if (a != a || b != b) return std::numeric_limits<double>::quiet_NaN();
  const double high = a > b ? a : b, low = a > b ? b : a;
  const bool infinite = high - high != 0;
  return infinite ? high : high + functors::log1p(functors::exp(low - high));
}

/// out_i = x_0 + ... + x_i along `dim`, or from the far end if `reverse`.
using CumulativeSum = void(const Tensor& out, const Tensor& x, int64_t dim, bool reverse);
/// out_i = a_i * out_{i-1} + b_i, with out_{-1} = 0; if `reverse` out_i = a_{i+1} * out_{i+1} + b_i.
using LinearRecurrence = void(const Tensor& out, const Tensor& a, const Tensor& b, int64_t dim,
                              bool reverse);
using CumulativeProduct = void(const Tensor& out, const Tensor& x, int64_t dim);
/// out_i = log(exp(x_0) + ... + exp(x_i)).
using LogCumulativeSumExp = CumulativeProduct;
/// Where the largest (smallest) element up to i stands; the last of equals or of NaNs.
using CumulativeExtreme = void(const Tensor& indices, const Tensor& x, int64_t dim, bool largest);

namespace cpu {
CumulativeSum cumsum;
CumulativeProduct cumprod;
LinearRecurrence linear_recurrence;
LogCumulativeSumExp logcumsumexp;
CumulativeExtreme cumulative_extreme;
}  // namespace cpu

namespace cuda {
CumulativeSum cumsum;
CumulativeProduct cumprod;
LinearRecurrence linear_recurrence;
LogCumulativeSumExp logcumsumexp;
CumulativeExtreme cumulative_extreme;
}  // namespace cuda

}  // namespace fg
