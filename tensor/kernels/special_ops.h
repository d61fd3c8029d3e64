// The functors of trigonometric, hyperbolic, error and gamma functions; the conventions are those of
// unary_ops.h.
#pragma once

#include "tensor/kernels/unary_ops.h"

namespace fg::functors {

struct Sin : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return sin(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * cos(x);
  }
};
struct Cos : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return cos(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return -g * sin(x);
  }
};
struct Tan : Unary<Saves::output> {
  template <class T>
  constexpr T forward(const T& x) const {
    return tan(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return g * (y * y + lit<T>(1));
  }
};
struct Asin : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return asin(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g / sqrt(lit<T>(1) - x * x);
  }
};
struct Acos : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return acos(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return -g / sqrt(lit<T>(1) - x * x);
  }
};
struct Atan : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return atan(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g / (x * x + lit<T>(1));
  }
};
struct Sinh : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return sinh(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * cosh(x);
  }
};
struct Cosh : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return cosh(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * sinh(x);
  }
};
struct Tanh : Unary<Saves::output> {
  template <class T>
  constexpr T forward(const T& x) const {
    return tanh(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return g * (lit<T>(1) - y * y);
  }
};
struct Asinh : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return asinh(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g / sqrt(x * x + lit<T>(1));
  }
};
struct Acosh : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return acosh(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g / (sqrt(x - lit<T>(1)) * sqrt(x + lit<T>(1)));
  }
};
struct Atanh : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return atanh(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g / (lit<T>(1) - x * x);
  }
};
struct Erf : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return erf(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * (exp(-(x * x)) * lit<T>(kTwoOverSqrtPi));
  }
};
struct Erfc : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return erfc(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * (exp(-(x * x)) * lit<T>(-kTwoOverSqrtPi));
  }
};
struct Erfinv : Unary<Saves::output> {
  template <class T>
  constexpr T forward(const T& x) const {
    return erfinv(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return g * (exp(y * y) * lit<T>(1 / kTwoOverSqrtPi));
  }
};
struct Lgamma : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return lgamma(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * digamma(x);
  }
};
struct Digamma : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return digamma(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * polygamma(1, x);
  }
};
struct Polygamma : Unary<Saves::input> {
  int order = 1;
  template <class T>
  constexpr T forward(const T& x) const {
    return polygamma(order, x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * polygamma(order + 1, x);
  }
};

}  // namespace fg::functors
