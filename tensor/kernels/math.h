// Scalar math for the elementwise functors, for host and device code alike. Inside namespace
// fg::functors an unqualified `exp(x)` means this header's overload for float and double, and by
// argument-dependent lookup the public op for a Tensor: so one formula serves kernels and tape.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <type_traits>

namespace fg::functors {

/// The type of literals next to a T: T itself for numbers, double next to a Tensor.
template <class T>
using Literal = std::conditional_t<std::is_arithmetic_v<T>, T, double>;
template <class T>
constexpr Literal<T> lit(double value) {
  return static_cast<Literal<T>>(value);
}

/// `condition ? a : b` for numbers; the Tensor overload (where) is found by lookup.
template <class T>
requires std::is_arithmetic_v<T>
constexpr T choose(bool condition, T a, T b) { return condition ? a : b; }

// clang-format off
#define FOR_EACH_LIBM(X)                                                              \
  X(exp) X(exp2) X(expm1) X(log) X(log2) X(log10) X(log1p) X(sqrt)                    \
  X(sin) X(cos) X(tan) X(asin) X(acos) X(atan)                                        \
  X(sinh) X(cosh) X(tanh) X(asinh) X(acosh) X(atanh)                                  \
  X(erf) X(erfc) X(lgamma) X(floor) X(ceil) X(trunc)
// clang-format on
#define X(name)                                          \
  constexpr float name(float x) { return ::name##f(x); } \
  constexpr double name(double x) { return ::name(x); }
FOR_EACH_LIBM(X)
#undef X

/// Half to even, as PyTorch's round.
constexpr float round(float x) { return ::rintf(x); }
constexpr double round(double x) { return ::rint(x); }
template <class T>
requires std::is_arithmetic_v<T>
constexpr T abs(T x) {
  if constexpr (std::is_same_v<T, float>)
    return ::fabsf(x);
  else if constexpr (std::is_same_v<T, double>)
    return ::fabs(x);
  else
    return x < 0 ? T(-x) : x;
}
constexpr float pow(float x, float y) { return ::powf(x, y); }
constexpr double pow(double x, double y) { return ::pow(x, y); }
constexpr float atan2(float y, float x) { return ::atan2f(y, x); }
constexpr double atan2(double y, double x) { return ::atan2(y, x); }
constexpr float hypot(float x, float y) { return ::hypotf(x, y); }
constexpr double hypot(double x, double y) { return ::hypot(x, y); }
constexpr float fmod(float x, float y) { return ::fmodf(x, y); }
constexpr double fmod(double x, double y) { return ::fmod(x, y); }
constexpr float copysign(float x, float y) { return ::copysignf(x, y); }
constexpr double copysign(double x, double y) { return ::copysign(x, y); }

/// 2^x to 2 ulp, results below 2^-126 as 0: one instruction on the GPU.
constexpr float exp2_flushed(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return exp2(x);
#endif
}

/// Integer power by squaring; negative exponents give 0 except for bases 1 and -1.
constexpr int64_t pow(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t result = 1;
  for (uint64_t b = uint64_t(base); exponent; exponent >>= 1, b *= b)
    if (exponent & 1) result *= b;
  return int64_t(result);
}

/// A NaN, and an infinity, in T's precision.
template <class T>
constexpr Literal<T> nan_value() {
  return std::numeric_limits<Literal<T>>::quiet_NaN();
}
template <class T>
constexpr Literal<T> infinity() {
  return std::numeric_limits<Literal<T>>::infinity();
}

/// Hurwitz zeta function of s > 1 and a > 0 by Euler-Maclaurin summation (DLMF 25.11.5).
template <class T>
constexpr T hurwitz_zeta(T s, T a) {
  // (2k)! / B_2k for k = 1...12.
  constexpr double kFactors[] = {12.0,
                                 -720.0,
                                 30240.0,
                                 -1209600.0,
                                 47900160.0,
                                 -1.8924375803183791606e9,
                                 7.47242496e10,
                                 -2.950130727918164224e12,
                                 1.1646782814350067249e14,
                                 -4.5979787224074726105e15,
                                 1.8152105401943546773e17,
                                 -7.1661652561756670113e18};
  T sum = pow(a, -s);
  T term = sum;
  T n = a;
  for (int i = 0; i < 9 || n <= T(9); ++i) {
    n += T(1);
    term = pow(n, -s);
    sum += term;
  }
  sum += term * n / (s - T(1)) - term / T(2);
  T rising = T(1);
  T k = T(0);
  for (double factor : kFactors) {
    rising *= s + k;
    term /= n;
    const T correction = rising * term / T(factor);
    sum += correction;
    k += T(1);
    rising *= s + k;
    term /= n;
    k += T(1);
  }
  return sum;
}

/// Order-th derivative of digamma, order >= 1, by reflection below 1/2 for the trigamma case only
/// (higher orders are undefined there, as in PyTorch, except through the poles).
template <class T>
requires std::is_floating_point_v<T>
constexpr T polygamma(int order, T x) {
  if (order == 1 && x < T(0.5)) {
    const T pi = T(3.14159265358979323846);
    const T s = sin(pi * x);
    return -hurwitz_zeta(T(2), T(1) - x) + pi * pi / (s * s);
  }
  T factorial = T(1);
  for (int i = 2; i <= order; ++i) factorial *= T(i);
  return (order % 2 ? factorial : -factorial) * hurwitz_zeta(T(order + 1), x);
}

/// Logarithmic derivative of the gamma function: recurrence up to 10, then the asymptotic series
/// (Abramowitz and Stegun 6.3.18); reflection for negative arguments.
template <class T>
requires std::is_floating_point_v<T>
constexpr T digamma(T x) {
  if (x == T(0)) return copysign(infinity<T>(), -x);
  T reflected = T(0);
  if (x < T(0)) {
    const T whole = trunc(x);
    if (whole == x) return nan_value<T>();
    const T pi = T(3.14159265358979323846);
    reflected = -pi / tan(pi * (x - whole));
    x = T(1) - x;
  }
  T shift = T(0);
  while (x < T(10)) {
    shift -= T(1) / x;
    x += T(1);
  }
  const T r = T(1) / (x * x);
  const T series =
      r *
      (T(1.0 / 12) -
       r * (T(1.0 / 120) -
            r * (T(1.0 / 252) - r * (T(1.0 / 240) - r * (T(1.0 / 132) - r * (T(691.0 / 32760) -
                                                                             r * T(1.0 / 12)))))));
  return reflected + shift + log(x) - T(0.5) / x - series;
}

/// Inverse error function: Giles' single-precision polynomial ("Approximating the erfinv function",
/// 2010), then Newton steps on erf to full precision.
template <class T>
requires std::is_floating_point_v<T>
constexpr T erfinv(T y) {
  if (!(abs(y) <= T(1))) return nan_value<T>();
  if (abs(y) == T(1)) return copysign(infinity<T>(), y);
  const T w = -log((T(1) - y) * (T(1) + y));
  T x = T(0);
  if (w < T(5)) {
    const T v = w - T(2.5);
    for (double c : {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                     -0.00125372503, -0.00417768164, 0.246640727, 1.50140941})
      x = x * v + T(c);
  } else {
    const T v = sqrt(w) - T(3);
    for (double c : {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                     -0.0076224613, 0.00943887047, 1.00167406, 2.83297682})
      x = x * v + T(c);
  }
  x *= y;
  constexpr double kTwoOverSqrtPi = 1.12837916709551257390;
  for (int step = 0; step < 2; ++step) x -= (erf(x) - y) / (T(kTwoOverSqrtPi) * exp(-x * x));
  return x;
}

}  // namespace fg::functors
