// Values of bfloat16 elements inside kernels: floats, of whose results 8 bits are kept. What a functor that has a
// short form (`short_form = true`) calls besides arithmetic may then err by up to 2^-11 of the result, an eighth of
// bfloat16's unit roundoff (far tails by more: normal.h); on the GPU that is one instruction where a float's needs
// ten. Functors without one get floats. float16 elements, with three bits more, are computed as floats.
#pragma once

#include "tensor/kernels/math.h"

namespace fg::functors {

struct ShortFloat {
  float value = 0;

  constexpr ShortFloat() = default;
  constexpr ShortFloat(float v) : value(v) {}
  constexpr explicit operator float() const { return value; }

  friend constexpr ShortFloat operator-(ShortFloat a) { return -a.value; }
  friend constexpr ShortFloat operator+(ShortFloat a, ShortFloat b) { return a.value + b.value; }
  friend constexpr ShortFloat operator-(ShortFloat a, ShortFloat b) { return a.value - b.value; }
  friend constexpr ShortFloat operator*(ShortFloat a, ShortFloat b) { return a.value * b.value; }
  /// Within 2^-22; 0 for divisors above 2^126.
  friend constexpr ShortFloat operator/(ShortFloat a, ShortFloat b) {
#ifdef __CUDA_ARCH__
    return __fdividef(a.value, b.value);
#else
    return a.value / b.value;
#endif
  }
  friend constexpr bool operator>(ShortFloat a, ShortFloat b) { return a.value > b.value; }
  friend constexpr bool operator>=(ShortFloat a, ShortFloat b) { return a.value >= b.value; }
  friend constexpr ShortFloat choose(bool condition, ShortFloat a, ShortFloat b) {
    return condition ? a : b;
  }
  /// Within 2^-16; 0 below 2^-126.
  friend constexpr ShortFloat exp(ShortFloat x) { return exp2_flushed(x.value * 1.44269504f); }
};

template <class F>
inline constexpr bool has_short_form = requires {
  requires F::short_form;
};

/// x as functor F takes it.
template <class F, class T>
constexpr decltype(auto) argument_of(const T& x) {
  if constexpr (std::is_same_v<T, ShortFloat> && !has_short_form<F>)
    return x.value;
  else
    return (x);
}

}  // namespace fg::functors
