// Element i of the sequences that arange and linspace fill, for host and device code.
#pragma once

#include <cstdint>
#include <type_traits>

#include "tensor/scalar.h"

namespace fg {

template <class T>
struct ArangeElement {
  using Wide = std::conditional_t<std::is_integral_v<T>, int64_t, double>;
  Wide first, step;

  ArangeElement(const Scalar& start, const Scalar& stride)
      : first(start.to<Wide>()), step(stride.to<Wide>()) {}
  constexpr T operator()(int64_t i) const { return static_cast<T>(first + Wide(i) * step); }
};

template <class T>
struct LinspaceElement {
  using Wide = std::conditional_t<std::is_same_v<T, float>, float, double>;
  Wide first, last, step;
  int64_t n;

  // The ends are values of the dtype: 2.5 starts an integral sequence at 2.
  LinspaceElement(const Scalar& start, const Scalar& end, int64_t count)
      : first(Wide(start.to<T>())),
        last(Wide(end.to<T>())),
        step(count > 1 ? (last - first) / Wide(count - 1) : Wide(0)),
        n(count) {}
  // From both ends, so that the last value is exact and the sequence symmetric.
  constexpr T operator()(int64_t i) const {
    return static_cast<T>(i < n / 2 || n == 1 ? first + step * Wide(i)
                                              : last - step * Wide(n - 1 - i));
  }
};

}  // namespace fg
