// The standard normal distribution, as GELU needs it.
#pragma once

#include "tensor/kernels/short_float.h"
#include "tensor/kernels/unary_ops.h"

namespace fg::functors {

/// c[0] + c[1] x + ... by Horner's rule.
template <int n>
constexpr float polynomial(const float (&c)[n], float x) {
  float sum = c[n - 1];
  for (int k = n - 2; k >= 0; --k) sum = sum * x + c[k];
  return sum;
}

/// Phi(x) without branches, as 2^P(-|x|) or 1 minus that, where P is a polynomial fit of log2 Phi below 0. Its
/// leading coefficient makes it fall to -infinity beyond the interval of the fit.
template <int n>
constexpr float normal_cdf_by_log(const float (&log2_cdf)[n], float x) {
  const float below = exp2_flushed(polynomial(log2_cdf, abs(x)));
  return x > 0 ? 1 - below : below;
}

/// Phi(x) in float, 16 instructions on the GPU where erff alone takes 25. The fit is minimax on [-8, 0], weighted
/// so that it errs by at most 2^-27 of 1 - Phi, and 2^-21 of Phi. Rounding adds up to 2.5 ulp where x > -1/2; below,
/// it stays under what (1 + erf) / 2 loses to cancellation: 5 ulp at -2, 30 at -6. Under -8 (6e-16) the result is
/// between Phi and 0, which (1 + erf) / 2 gives from -5.5 on.
constexpr float fast_normal_cdf(float x) {
  constexpr float kLog2Cdf[] = {-1.0f,           -1.15110493f,    -0.459216297f,   -0.0524476431f,
                                0.00693937996f,  2.75480397e-05f, -3.09098628e-4f, 9.27063229e-05f,
                                -1.61611588e-5f, 1.84217822e-06f, -1.3514952e-07f, 5.80191228e-09f,
                                -1.10816099e-10f};
  return normal_cdf_by_log(kLog2Cdf, x);
}

/// Phi(x) for bfloat16: within 2^-11.5 of it for x > -4, 2^-8.5 down to -13 (6e-39).
constexpr ShortFloat normal_cdf(ShortFloat x) {
  constexpr float kLog2Cdf[] = {-1.0003016f,    -1.1473527f,      -0.466556966f,  -0.0477551706f,
                                0.00626958022f, -0.000517902139f, 2.3748089e-05f, -4.56738036e-07f};
  return normal_cdf_by_log(kLog2Cdf, x.value);
}
constexpr ProductFloat normal_cdf(ProductFloat x) { return fast_normal_cdf(x.value); }

/// Phi(x), the probability of being below x.
template <class T>
constexpr T normal_cdf(const T& x) {
#if defined(__CUDA_ARCH__) || defined(FUSEGRAD_CUDA_HOST)
  if constexpr (std::is_same_v<T, float>) return fast_normal_cdf(x);
#endif
  return (erf(x * lit<T>(kInvSqrt2)) + lit<T>(1)) * lit<T>(0.5);
}

/// Phi'(x) = exp(-x^2 / 2) / sqrt(2 pi); here the exponent's rounding shows: 2^-22 of it near 0, 2^-16 at 13.
constexpr float fast_normal_pdf(float x) {
  constexpr float kHalfLog2E = 0.72134752f, kLog2InvSqrt2Pi = -1.32574806f;
  return exp2_flushed(kLog2InvSqrt2Pi - x * x * kHalfLog2E);
}
template <int kBits>
constexpr RoughFloat<kBits> normal_pdf(RoughFloat<kBits> x) {
  return fast_normal_pdf(x.value);
}
template <class T>
constexpr T normal_pdf(const T& x) {
#if defined(__CUDA_ARCH__) || defined(FUSEGRAD_CUDA_HOST)
  if constexpr (std::is_same_v<T, float>) return fast_normal_pdf(x);
#endif
  return exp(x * x * lit<T>(-0.5)) * lit<T>(kInvSqrt2Pi);
}

}  // namespace fg::functors
