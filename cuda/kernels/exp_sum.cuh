// Sums of exponentials in one pass: each partial sum is relative to its own largest term.
#pragma once

#include <cuda_runtime.h>

#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/math.h"

namespace fg::cuda {

/// The sum of exp(x - top), top being the largest x. `top` is not NaN for sure if an x is; `sum` is.
template <class C>
struct ExpSum {
  C top, sum;

  __device__ static ExpSum none() { return {-functors::infinity<C>(), C(0)}; }
  __device__ static ExpSum of(C x) { return {x, C(1)}; }
  /// log(sum(exp(x - top))), and NaN for an infinite top, where the terms themselves are.
  __device__ C log_sum() const {
    return functors::abs(top) < functors::infinity<C>() ? functors::log(sum)
                                                        : functors::nan_value<C>();
  }
};

/// Joins two such sums.
struct JoinExpSums {
  template <class C>
  __device__ ExpSum<C> operator()(const ExpSum<C>& a, const ExpSum<C>& b) const {
    // The difference of equal infinities would be NaN.
    const C factor = a.top == b.top ? C(1) : functors::exp(-functors::abs(a.top - b.top));
    if (a.top > b.top) return {a.top, a.sum + b.sum * factor};
    return {b.top, a.sum * factor + b.sum};
  }
};

}  // namespace fg::cuda
