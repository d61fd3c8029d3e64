// The functors of division with rounding, on floats and integers; conventions as in binary_ops.h.
#pragma once

#include "tensor/kernels/binary_ops.h"

namespace fg::functors {

/// Integer quotient rounded toward zero that survives b = 0 (checked by the op) and MIN / -1.
constexpr int64_t safe_quotient(int64_t a, int64_t b) {
  return b == 0 ? 0 : b == -1 ? int64_t(-uint64_t(a)) : a / b;
}
constexpr int64_t safe_modulus(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }
constexpr int64_t fmod(int64_t a, int64_t b) { return safe_modulus(a, b); }

/// Sign of the dividend, as C's fmod.
struct Fmod : Binary<kUsesNone, kUsesA | kUsesB, true> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return fmod(a, b);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T&, const T&, const T&) const {
    return g;
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T& b, const T&) const {
    return -g * trunc(a / b);
  }
};
/// Sign of the divisor, as Python's %.
struct Remainder : Binary<kUsesNone, kUsesA | kUsesB, true> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    const T m = fmod(a, b);
    return m != T(0) && (m < T(0)) != (b < T(0)) ? m + b : m;
  }
  template <class T>
  constexpr T grad_a(const T& g, const T&, const T&, const T&) const {
    return g;
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T& b, const T&) const {
    return -g * floor(a / b);
  }
};
/// floor(a / b) computed so that a == floor_divide(a, b) * b + remainder(a, b) holds in floats too.
struct FloorDivide : Binary<kUsesNone, kUsesNone, true> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    if constexpr (std::is_integral_v<T>) {
      const T q = safe_quotient(a, b);
      return safe_modulus(a, b) != 0 && (a < 0) != (b < 0) ? q - 1 : q;
    } else {
      if (b == T(0)) return a / b;
      const T m = fmod(a, b);
      T q = (a - m) / b;
      if (m != T(0) && (b < T(0)) != (m < T(0))) q -= T(1);
      if (q == T(0)) return copysign(T(0), a / b);
      const T whole = floor(q);
      return q - whole > T(0.5) ? whole + T(1) : whole;
    }
  }
  template <class T>
  constexpr T grad_a(const T& g, const T&, const T&, const T&) const {
    return g * lit<T>(0);
  }
  template <class T>
  constexpr T grad_b(const T& g, const T&, const T&, const T&) const {
    return g * lit<T>(0);
  }
};

}  // namespace fg::functors
