// The functors of binary elementwise ops: forward(a, b) and the gradients grad_a, grad_b from
// (g, a, b, y). `grad_a_uses` and `grad_b_uses` say which of a, b, y those read, so that a node keeps
// nothing else. `integral = true`: also defined on integers.
#pragma once

#include "tensor/kernels/math.h"

namespace fg::functors {

enum Uses : unsigned { kUsesNone = 0, kUsesA = 1, kUsesB = 2, kUsesY = 4 };

template <unsigned a_uses, unsigned b_uses, bool on_integers>
struct Binary {
  static constexpr unsigned grad_a_uses = a_uses;
  static constexpr unsigned grad_b_uses = b_uses;
  static constexpr bool integral = on_integers;
};

/// a + alpha * b; sub is alpha negated.
struct Add : Binary<kUsesNone, kUsesNone, true> {
  double alpha = 1;
  int64_t integer_alpha = 1;
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    if constexpr (std::is_integral_v<T>)
      return a + b * integer_alpha;
    else
      return a + b * lit<T>(alpha);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T&, const T&, const T&) const {
    return g;
  }
  template <class T>
  constexpr T grad_b(const T& g, const T&, const T&, const T&) const {
    return alpha == 1 ? g : alpha == -1 ? -g : g * lit<T>(alpha);
  }
};
struct Mul : Binary<kUsesB, kUsesA, true> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return a * b;
  }
  template <class T>
  constexpr T grad_a(const T& g, const T&, const T& b, const T&) const {
    return g * b;
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T&, const T&) const {
    return g * a;
  }
};
struct Div : Binary<kUsesB, kUsesA | kUsesB, false> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return a / b;
  }
  template <class T>
  constexpr T grad_a(const T& g, const T&, const T& b, const T&) const {
    return g / b;
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T& b, const T&) const {
    return -g * (a / b / b);
  }
};
/// Gradients at the corners are PyTorch's: d/da is 0 where b = 0, d/db is 0 where a = 0 and b >= 0.
struct Pow : Binary<kUsesA | kUsesB, kUsesA | kUsesB | kUsesY, true> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return pow(a, b);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T& a, const T& b, const T&) const {
    return choose(b == lit<T>(0), lit<T>(0), g * (b * pow(a, b - lit<T>(1))));
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T& b, const T& y) const {
    const auto corner = (a == lit<T>(0)) & (b >= lit<T>(0));
    return choose(corner, lit<T>(0), g * (y * log(choose(corner, lit<T>(1), a))));
  }
};
struct Atan2 : Binary<kUsesA | kUsesB, kUsesA | kUsesB, false> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return atan2(a, b);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T& a, const T& b, const T&) const {
    return g * (b / (a * a + b * b));
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T& b, const T&) const {
    return -g * (a / (a * a + b * b));
  }
};
/// NaN propagates; ties share the gradient.
struct Maximum : Binary<kUsesA | kUsesB, kUsesA | kUsesB, true> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return choose((a > b) | (a != a), a, b);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T& a, const T& b, const T&) const {
    return choose(a == b, g * lit<T>(0.5), choose(a < b, g * lit<T>(0), g));
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T& b, const T& y) const {
    return grad_a(g, b, a, y);
  }
};
struct Minimum : Binary<kUsesA | kUsesB, kUsesA | kUsesB, true> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return choose((a < b) | (a != a), a, b);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T& a, const T& b, const T&) const {
    return choose(a == b, g * lit<T>(0.5), choose(a > b, g * lit<T>(0), g));
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T& b, const T& y) const {
    return grad_a(g, b, a, y);
  }
};
/// A NaN loses against a number; ties go to a.
struct Fmax : Binary<kUsesA | kUsesB, kUsesA | kUsesB, true> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return choose((a >= b) | (b != b), a, b);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T& a, const T& b, const T&) const {
    return choose((a >= b) | (b != b), g, g * lit<T>(0));
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T& b, const T&) const {
    return choose((a >= b) | (b != b), g * lit<T>(0), g);
  }
};
struct Fmin : Binary<kUsesA | kUsesB, kUsesA | kUsesB, true> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return choose((a <= b) | (b != b), a, b);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T& a, const T& b, const T&) const {
    return choose((a <= b) | (b != b), g, g * lit<T>(0));
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T& b, const T&) const {
    return choose((a <= b) | (b != b), g * lit<T>(0), g);
  }
};
struct Hypot : Binary<kUsesA | kUsesY, kUsesB | kUsesY, false> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return hypot(a, b);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T& a, const T&, const T& y) const {
    return g * (a / y);
  }
  template <class T>
  constexpr T grad_b(const T& g, const T&, const T& b, const T& y) const {
    return g * (b / y);
  }
};
struct Copysign : Binary<kUsesA | kUsesY, kUsesNone, false> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    return copysign(a, b);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T& a, const T&, const T& y) const {
    return choose(a == lit<T>(0), lit<T>(0), g * (y / a));
  }
  template <class T>
  constexpr T grad_b(const T& g, const T&, const T&, const T&) const {
    return g * lit<T>(0);
  }
};
/// log(exp(a) + exp(b)), stable, also for equal infinities.
struct Logaddexp : Binary<kUsesA | kUsesY, kUsesB | kUsesY, false> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    if (a == b && abs(a) == infinity<T>()) return a;
    return choose((a > b) | (a != a), a, b) + log1p(exp(-abs(a - b)));
  }
  template <class T>
  constexpr T grad_a(const T& g, const T& a, const T&, const T& y) const {
    return g * exp(a - y);
  }
  template <class T>
  constexpr T grad_b(const T& g, const T&, const T& b, const T& y) const {
    return g * exp(b - y);
  }
};
/// a * log(b), 0 where a = 0 and b is no NaN.
struct Xlogy : Binary<kUsesA | kUsesB, kUsesA | kUsesB, false> {
  template <class T>
  constexpr T forward(const T& a, const T& b) const {
    if (b != b) return b;
    return a == T(0) ? T(0) : a * log(b);
  }
  template <class T>
  constexpr T grad_a(const T& g, const T& a, const T& b, const T&) const {
    return choose((a == lit<T>(0)) & (b <= lit<T>(0)), lit<T>(0), g * log(b));
  }
  template <class T>
  constexpr T grad_b(const T& g, const T& a, const T& b, const T&) const {
    return g * (a / b);
  }
};

}  // namespace fg::functors
