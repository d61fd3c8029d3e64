// Values of bfloat16 elements inside kernels: floats, of whose results 8 bits are kept. What a functor that has a
// short form (`short_form = true`) calls besides arithmetic may then err by up to 2^-11 of the result, an eighth of
// bfloat16's unit roundoff (far tails by more: normal.h); on the GPU that is one instruction where a float's needs
// ten. Functors without one get floats. float16 elements, with three bits more, are computed as floats.
#pragma once

#include "tensor/kernels/math.h"

namespace fg::functors {

/// A float of which only the first kBits bits count.
template <int kBits>
struct RoughFloat {
  float value = 0;

  constexpr RoughFloat() = default;
  constexpr RoughFloat(float v) : value(v) {}
  constexpr explicit operator float() const { return value; }

  friend constexpr RoughFloat operator-(RoughFloat a) { return -a.value; }
  friend constexpr RoughFloat operator+(RoughFloat a, RoughFloat b) { return a.value + b.value; }
  friend constexpr RoughFloat operator-(RoughFloat a, RoughFloat b) { return a.value - b.value; }
  friend constexpr RoughFloat operator*(RoughFloat a, RoughFloat b) { return a.value * b.value; }
  /// Within 2^-22; 0 for divisors above 2^126.
  friend constexpr RoughFloat operator/(RoughFloat a, RoughFloat b) {
#ifdef __CUDA_ARCH__
    return __fdividef(a.value, b.value);
#else
    return a.value / b.value;
#endif
  }
  friend constexpr bool operator>(RoughFloat a, RoughFloat b) { return a.value > b.value; }
  friend constexpr bool operator>=(RoughFloat a, RoughFloat b) { return a.value >= b.value; }
  friend constexpr RoughFloat choose(bool condition, RoughFloat a, RoughFloat b) {
    return condition ? a : b;
  }
  /// Within 2^-16; 0 below 2^-126.
  friend constexpr RoughFloat exp(RoughFloat x) { return exp2_flushed(x.value * 1.44269504f); }
};

/// For bfloat16.
using ShortFloat = RoughFloat<8>;
/// For what has been multiplied in TF32 (11 bits): the float's formulas, with the GPU's own exp and division.
using ProductFloat = RoughFloat<11>;
template <class T>
inline constexpr bool is_rough_float = false;
template <int kBits>
inline constexpr bool is_rough_float<RoughFloat<kBits>> = true;

template <class F>
inline constexpr bool has_short_form = requires {
  requires F::short_form;
};

/// x as functor F takes it.
template <class F, class T>
constexpr decltype(auto) argument_of(const T& x) {
  if constexpr (is_rough_float<T> && !has_short_form<F>)
    return x.value;
  else
    return (x);
}

}  // namespace fg::functors
