// The functors of piecewise linear (and quadratic) activations; the conventions are those of unary_ops.h.
#pragma once

#include "tensor/kernels/unary_ops.h"

namespace fg::functors {

struct Relu : Unary<Saves::output, true> {
  template <class T>
  constexpr T forward(const T& x) const {
    return choose(x < lit<T>(0), lit<T>(0), x);
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return choose(y <= lit<T>(0), lit<T>(0), g);
  }
};
struct LeakyRelu : Unary<Saves::input> {
  double negative_slope = 0.01;
  template <class T>
  constexpr T forward(const T& x) const {
    return choose(x > lit<T>(0), x, x * lit<T>(negative_slope));
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return choose(x > lit<T>(0), g, g * lit<T>(negative_slope));
  }
};
struct Hardtanh : Unary<Saves::input> {
  double min = -1, max = 1;
  template <class T>
  constexpr T forward(const T& x) const {
    const T raised = choose(x < lit<T>(min), lit<T>(min), x);
    return choose(raised > lit<T>(max), lit<T>(max), raised);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return choose((x <= lit<T>(min)) | (x >= lit<T>(max)), lit<T>(0), g);
  }
};
struct Relu6 : Hardtanh {
  constexpr Relu6() : Hardtanh{{}, 0, 6} {}
};
struct Hardsigmoid : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return Hardtanh{{}, 0, 1}.forward(T(x * lit<T>(1.0 / 6) + lit<T>(0.5)));
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return choose((x > lit<T>(-3)) & (x < lit<T>(3)), g * lit<T>(1.0 / 6), g * lit<T>(0));
  }
};
struct Hardswish : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return x * Hardtanh{{}, 0, 6}.forward(T(x + lit<T>(3))) * lit<T>(1.0 / 6);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    const T middle = g * (x * lit<T>(1.0 / 3) + lit<T>(0.5));
    return choose(x < lit<T>(-3), g * lit<T>(0), choose(x <= lit<T>(3), middle, g));
  }
};
struct Hardshrink : Unary<Saves::input> {
  double lambda = 0.5;
  template <class T>
  constexpr T forward(const T& x) const {
    return choose((x >= lit<T>(-lambda)) & (x <= lit<T>(lambda)), lit<T>(0), x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return choose((x >= lit<T>(-lambda)) & (x <= lit<T>(lambda)), lit<T>(0), g);
  }
};
struct Softshrink : Unary<Saves::input> {
  double lambda = 0.5;
  template <class T>
  constexpr T forward(const T& x) const {
    return choose(x > lit<T>(lambda), x - lit<T>(lambda),
                  choose(x < lit<T>(-lambda), x + lit<T>(lambda), x * lit<T>(0)));
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return choose((x >= lit<T>(-lambda)) & (x <= lit<T>(lambda)), lit<T>(0), g);
  }
};
struct Threshold : Unary<Saves::input, true> {
  double threshold = 0, value = 0;
  template <class T>
  constexpr T forward(const T& x) const {
    return choose(x <= lit<T>(threshold), lit<T>(value), x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return choose(x <= lit<T>(threshold), lit<T>(0), g);
  }
};
/// Bounds that are absent are infinite, so that the NaN-propagating comparison is the only rule; a bound
/// that is NaN makes every result NaN.
struct Clamp : Unary<Saves::input, true> {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  template <class T>
  constexpr T bound(double value) const {
    if constexpr (std::is_integral_v<T>) {
      if (value >= 0x1p63) return std::numeric_limits<T>::max();
      if (value <= -0x1p63) return std::numeric_limits<T>::min();
    }
    return T(value);
  }
  template <class T>
  constexpr T forward(const T& x) const {
    if constexpr (std::is_floating_point_v<T>)
      if (min != min || max != max) return nan_value<T>();
    const T low = bound<T>(min), high = bound<T>(max);
    const T raised = choose(x < low, low, x);
    return choose(raised > high, high, raised);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return choose((x >= lit<T>(min)) & (x <= lit<T>(max)), g, g * lit<T>(0));
  }
};

}  // namespace fg::functors
