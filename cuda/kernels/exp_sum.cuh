// Sums of exponentials in one pass: each partial sum is relative to its own largest term.
#pragma once

#include "cuda/kernels/block_reduce.cuh"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/math.h"

namespace fg::cuda {

/// exp(x), x <= 0, of what ends as a T. For 16-bit types by the GPU's own base-2 exponential: wrong by up to |x| / 10
/// million, and 0 below 2^-126.
template <class T>
__device__ __forceinline__ Compute<T> exp_for(Compute<T> x) {
  if constexpr (sizeof(T) == 2)
    return functors::exp2_flushed(x * 1.4426950408889634f);
  else
    return functors::exp(x);
}

/// exp(x) of a term of a sum whose logarithm is wanted, to which small terms matter little: the relative error is up to
/// 2^-22 + |x| 2^-24 in float.
template <class C>
__device__ __forceinline__ C term_exp(C x) {
  if constexpr (std::is_same_v<C, float>)
    return exp_for<BFloat16>(x);
  else
    return functors::exp(x);
}

/// The larger of two; NaN loses.
struct Larger {
  __device__ float operator()(float a, float b) const { return ::fmaxf(a, b); }
  __device__ double operator()(double a, double b) const { return ::fmax(a, b); }
};

/// The sum of exp(x - top), top being the largest x. `top` is not NaN for sure if an x is; `sum` is.
template <class C>
struct ExpSum {
  C top, sum;

  __device__ static ExpSum none() { return {-functors::infinity<C>(), C(0)}; }
  __device__ static ExpSum of(C x) { return {x, C(1)}; }
  /// Adds W terms, a power of two, for their logarithm; the sum is rescaled once. `top` becomes NaN with an x.
  template <int W>
  __device__ __forceinline__ void add(const C (&x)[W]) {
    C tree[W];
#pragma unroll
    for (int j = 0; j < W; ++j) tree[j] = x[j];
#pragma unroll
    for (int half = W / 2; half > 0; half /= 2)
#pragma unroll
      for (int j = 0; j < half; ++j) tree[j] = MaxOp()(tree[j], tree[j + half]);
    const C largest = MaxOp()(top, tree[0]);
    // The difference of equal infinities would be NaN.
    const C base = functors::abs(largest) < functors::infinity<C>() ? largest : C(0);
#pragma unroll
    for (int j = 0; j < W; ++j) tree[j] = term_exp(x[j] - base);
#pragma unroll
    for (int half = W / 2; half > 0; half /= 2)
#pragma unroll
      for (int j = 0; j < half; ++j) tree[j] += tree[j + half];
    sum = sum * term_exp(top - base) + tree[0];
    top = largest;
  }
  /// log(sum(exp(x - top))), and NaN for an infinite top, where the terms themselves are.
  __device__ C log_sum() const {
    return functors::abs(top) < functors::infinity<C>() ? functors::log(sum)
                                                        : functors::nan_value<C>();
  }
  /// The same relative to a `larger` top. The difference of equal infinities would be NaN.
  __device__ C relative_to(C larger) const {
    return top == larger ? sum : sum * functors::exp(top - larger);
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

/// The sum of a team's sums, to every thread: with one exponential, where joining them in pairs takes one each.
/// Takes buffers 0 and 1.
template <int kTeam, class C>
__device__ ExpSum<C> team_sum(const ExpSum<C>& mine) {
  const C top = team_reduce<kTeam, 0>(mine.top, Larger());
  return {top, team_reduce<kTeam, 1>(mine.relative_to(top))};
}

}  // namespace fg::cuda
