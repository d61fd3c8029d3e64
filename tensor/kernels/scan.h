// Kernels that run along one dim and carry a value from element to element. All tensors are
// contiguous, of one shape and one compute type (float, double or int64); sums and products of
// float accumulate in double.
#pragma once

#include "tensor/tensor.h"

namespace fg {

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
