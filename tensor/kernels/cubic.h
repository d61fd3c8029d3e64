// Cubic convolution (Keys, 1981) with a = -0.75, PyTorch's choice: interpolation from four neighbours.
#pragma once

#include "tensor/kernels/math.h"

namespace fg {

/// Weights of the inputs at -1, 0, 1, 2 for a position t in [0, 1); T is a number or a Tensor.
template <class T>
constexpr void cubic_weights(const T& t, T (&weight)[4]) {
  using L = functors::Literal<T>;
  constexpr L a = L(-0.75);
  const auto inner = [](const T& x) -> T { return ((a + 2) * x - (a + 3)) * x * x + L(1); };
  const auto outer = [](const T& x) -> T { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  weight[0] = outer(t + L(1));
  weight[1] = inner(t);
  weight[2] = inner(L(1) - t);
  weight[3] = outer(L(2) - t);
}

/// The derivatives of the weights in t.
template <class T>
constexpr void cubic_slopes(T t, T (&slope)[4]) {
  constexpr T a = T(-0.75);
  const auto inner = [](T x) { return (3 * (a + 2) * x - 2 * (a + 3)) * x; };
  const auto outer = [](T x) { return (3 * a * x - 10 * a) * x + 8 * a; };
  slope[0] = outer(t + 1);
  slope[1] = inner(t);
  slope[2] = -inner(1 - t);
  slope[3] = -outer(2 - t);
}

}  // namespace fg
