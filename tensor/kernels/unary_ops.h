// The functors of unary elementwise ops. Each says what its backward needs (`saves`), and gives
// forward(x) and backward(g, x, y), where y = forward(x); of x and y only what it saves is valid.
// The same template runs on float and double in kernels and on Tensor in a differentiable backward.
// `integral = true`: also defined on integers, without change of dtype.
#pragma once

#include "tensor/kernels/math.h"

namespace fg::functors {

enum class Saves { nothing, input, output };

template <Saves what, bool on_integers = false>
struct Unary {
  static constexpr Saves saves = what;
  static constexpr bool integral = on_integers;
};

/// Piecewise constant ops: the gradient is zero.
struct ZeroGradient : Unary<Saves::nothing, true> {
  template <class T>
  constexpr T backward(const T& g, const T&, const T&) const {
    return g * lit<T>(0);
  }
};

inline constexpr double kLn2 = 0.69314718055994530942;
inline constexpr double kLn10 = 2.30258509299404568402;
inline constexpr double kInvSqrt2 = 0.70710678118654752440;
inline constexpr double kInvSqrt2Pi = 0.39894228040143267794;
inline constexpr double kTwoOverSqrtPi = 1.12837916709551257390;

struct Abs : Unary<Saves::input, true> {
  template <class T>
  constexpr T forward(const T& x) const {
    return abs(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return choose(x > lit<T>(0), g, choose(x < lit<T>(0), -g, g * lit<T>(0)));
  }
};
struct Neg : Unary<Saves::nothing, true> {
  template <class T>
  constexpr T forward(const T& x) const {
    return -x;
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T&) const {
    return -g;
  }
};
struct Sign : ZeroGradient {
  template <class T>
  constexpr T forward(const T& x) const {
    return T(T(x > T(0)) - T(x < T(0)));
  }
};
struct Square : Unary<Saves::input, true> {
  template <class T>
  constexpr T forward(const T& x) const {
    return x * x;
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * (x * lit<T>(2));
  }
};
struct Reciprocal : Unary<Saves::output> {
  template <class T>
  constexpr T forward(const T& x) const {
    return T(1) / x;
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return -g * (y * y);
  }
};
struct Sqrt : Unary<Saves::output> {
  template <class T>
  constexpr T forward(const T& x) const {
    return sqrt(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return g / (y * lit<T>(2));
  }
};
struct Rsqrt : Unary<Saves::output> {
  template <class T>
  constexpr T forward(const T& x) const {
    return T(1) / sqrt(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return g * (y * y * y) * lit<T>(-0.5);
  }
};
struct Exp : Unary<Saves::output> {
  template <class T>
  constexpr T forward(const T& x) const {
    return exp(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return g * y;
  }
};
struct Exp2 : Unary<Saves::output> {
  template <class T>
  constexpr T forward(const T& x) const {
    return exp2(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return g * (y * lit<T>(kLn2));
  }
};
struct Expm1 : Unary<Saves::output> {
  template <class T>
  constexpr T forward(const T& x) const {
    return expm1(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return g * (y + lit<T>(1));
  }
};
struct Log : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return log(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g / x;
  }
};
struct Log2 : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return log2(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g / (x * lit<T>(kLn2));
  }
};
struct Log10 : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return log10(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g / (x * lit<T>(kLn10));
  }
};
struct Log1p : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return log1p(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g / (x + lit<T>(1));
  }
};
struct Floor : ZeroGradient {
  template <class T>
  constexpr T forward(const T& x) const {
    if constexpr (std::is_integral_v<T>)
      return x;
    else
      return floor(x);
  }
};
struct Ceil : ZeroGradient {
  template <class T>
  constexpr T forward(const T& x) const {
    if constexpr (std::is_integral_v<T>)
      return x;
    else
      return ceil(x);
  }
};
struct Round : ZeroGradient {
  template <class T>
  constexpr T forward(const T& x) const {
    if constexpr (std::is_integral_v<T>)
      return x;
    else
      return round(x);
  }
};
struct Trunc : ZeroGradient {
  template <class T>
  constexpr T forward(const T& x) const {
    if constexpr (std::is_integral_v<T>)
      return x;
    else
      return trunc(x);
  }
};
struct Frac : Unary<Saves::nothing> {
  template <class T>
  constexpr T forward(const T& x) const {
    return x - trunc(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T&) const {
    return g;
  }
};
/// x^exponent for one exponent; the gradient at exponent 0 is 0 even where x = 0.
struct PowScalar : Unary<Saves::input, true> {
  double exponent = 1;
  template <class T>
  constexpr T forward(const T& x) const {
    return power(x, exponent);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    if (exponent == 0) return g * lit<T>(0);
    return g * (power(x, exponent - 1) * lit<T>(exponent));
  }

 private:
  // For numbers by way of |x|: vector versions of pow leave each negative base to the scalar one.
  template <class T>
  static constexpr T power(const T& x, double exponent) {
    const auto n = lit<T>(exponent);
    if constexpr (!std::is_floating_point_v<T>) {
      return pow(x, n);
    } else {
      const T magnitude = pow(abs(x), n);
      if (floor(n) != n)
        return choose((x < T(0)) & (x != -infinity<T>()), nan_value<T>(), magnitude);
      return floor(n / T(2)) * T(2) == n ? magnitude : copysign(magnitude, x);
    }
  }
};
struct NanToNum : Unary<Saves::input, true> {
  double nan = 0, posinf = 0, neginf = 0;
  template <class T>
  constexpr T forward(const T& x) const {
    if constexpr (std::is_integral_v<T>)
      return x;
    else {
      const T low = choose(x == -infinity<T>(), T(neginf), x);
      return choose(x != x, T(nan), choose(x == infinity<T>(), T(posinf), low));
    }
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return choose((x != x) | (abs(x) == infinity<T>()), g * lit<T>(0), g);
  }
};

}  // namespace fg::functors
