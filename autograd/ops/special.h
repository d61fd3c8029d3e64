// Elementwise math that is composed of other elementwise ops. All are differentiable but
// the tests and those that say so.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// sin(pi x) / (pi x), and 1 at 0.
Tensor sinc(const Tensor& x);
Tensor deg2rad(const Tensor& degrees);
Tensor rad2deg(const Tensor& radians);
/// x itself; not defined for Bool.
Tensor positive(const Tensor& x);
/// b - alpha * a.
Tensor rsub(const Tensor& a, const Tensor& b, const Scalar& alpha = 1);
/// log2(2^a + 2^b), computed without overflow.
Tensor logaddexp2(const Tensor& a, const Tensor& b);
/// x * 2^other.
Tensor ldexp(const Tensor& x, const Tensor& other);
/// x to `decimals` places behind the point (before it, if negative).
Tensor round(const Tensor& x, int64_t decimals);
/// The logarithm of the multivariate gamma function of dimension p >= 1.
Tensor mvlgamma(const Tensor& x, int64_t p);
/// -x log(x); 0 at 0, -infinity below.
Tensor entr(const Tensor& x);
/// The distribution function of the standard normal distribution.
Tensor ndtr(const Tensor& x);
/// x log(1 + y), and 0 where x is 0 (unless y is NaN).
Tensor xlog1py(const Tensor& x, const Tensor& y);
/// 0 below 0, 1 above (of x's dtype), and the element of `values` at 0. Not differentiable.
Tensor heaviside(const Tensor& x, const Tensor& values);
/// The greatest common divisor and the least common multiple of integers, never negative. On a GPU the host
/// waits for each step of Euclid's algorithm.
Tensor gcd(const Tensor& a, const Tensor& b);
Tensor lcm(const Tensor& a, const Tensor& b);
/// Whether each element is +infinity, or -infinity (Bool).
Tensor isposinf(const Tensor& x);
Tensor isneginf(const Tensor& x);

}  // namespace fg
