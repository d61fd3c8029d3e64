// The functors of ternary elementwise ops.
#pragma once

#include "tensor/kernels/math.h"

namespace fg::functors {

struct Addcmul {
  double value = 1;
  template <class T>
  constexpr T forward(T x, T a, T b) const {
    return x + lit<T>(value) * a * b;
  }
};
struct Addcdiv {
  double value = 1;
  template <class T>
  constexpr T forward(T x, T a, T b) const {
    return x + lit<T>(value) * (a / b);
  }
};
/// From the nearer end, so that weight 1 gives b exactly.
struct Lerp {
  template <class T>
  constexpr T forward(T a, T b, T weight) const {
    return abs(weight) < T(0.5) ? a + weight * (b - a) : b - (b - a) * (T(1) - weight);
  }
};

}  // namespace fg::functors
