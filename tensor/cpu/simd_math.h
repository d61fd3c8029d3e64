// Tells the compiler that glibc's libmvec has vector versions of these functions, so that loops over
// the functors vectorise without -ffast-math. Include first in a source whose loops call math.
#pragma once

#include <cmath>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#if __GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 35)
// clang-format off
#define FOR_EACH_VECTOR_MATH(X)                                                       \
  X(exp) X(exp2) X(expm1) X(log) X(log2) X(log10) X(log1p)                            \
  X(sin) X(cos) X(tan) X(asin) X(acos) X(atan)                                        \
  X(sinh) X(cosh) X(tanh) X(asinh) X(acosh) X(atanh) X(erf) X(erfc)
// clang-format on
extern "C" {
#define X(name)                                                              \
  float name##f(float) noexcept __attribute__((simd("notinbranch"), const)); \
  double name(double) noexcept __attribute__((simd("notinbranch"), const));
FOR_EACH_VECTOR_MATH(X)
#undef X
#define X(name)                                                                     \
  float name##f(float, float) noexcept __attribute__((simd("notinbranch"), const)); \
  double name(double, double) noexcept __attribute__((simd("notinbranch"), const));
X(pow) X(atan2) X(hypot)
#undef X
}
#endif
#endif
