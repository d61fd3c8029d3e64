// The functors of comparisons, logic, predicates (Bool results) and bit operations (int64 values).
#pragma once

#include "tensor/kernels/math.h"

namespace fg::functors {

struct Equal {
  template <class T>
  constexpr bool forward(T a, T b) const {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  constexpr bool forward(T a, T b) const {
    return a != b;
  }
};
struct Less {
  template <class T>
  constexpr bool forward(T a, T b) const {
    return a < b;
  }
};
struct LessEqual {
  template <class T>
  constexpr bool forward(T a, T b) const {
    return a <= b;
  }
};
struct Greater {
  template <class T>
  constexpr bool forward(T a, T b) const {
    return a > b;
  }
};
struct GreaterEqual {
  template <class T>
  constexpr bool forward(T a, T b) const {
    return a >= b;
  }
};

/// Ops on truth values; operands of any dtype convert to bool first.
struct OfTruth {};
struct LogicalAnd : OfTruth {
  template <class T>
  constexpr bool forward(T a, T b) const {
    return (a != T(0)) & (b != T(0));
  }
};
struct LogicalOr : OfTruth {
  template <class T>
  constexpr bool forward(T a, T b) const {
    return (a != T(0)) | (b != T(0));
  }
};
struct LogicalXor : OfTruth {
  template <class T>
  constexpr bool forward(T a, T b) const {
    return (a != T(0)) != (b != T(0));
  }
};
struct Isnan {
  template <class T>
  constexpr bool forward(T x) const {
    return x != x;
  }
};
struct Isinf {
  template <class T>
  constexpr bool forward(T x) const {
    return !std::is_integral_v<T> && abs(x) == std::numeric_limits<T>::infinity();
  }
};
struct Isfinite {
  template <class T>
  constexpr bool forward(T x) const {
    return x - x == T(0);
  }
};
struct Signbit {
  template <class T>
  constexpr bool forward(T x) const {
    if constexpr (std::is_integral_v<T>)
      return x < 0;
    else
      return copysign(T(1), x) < T(0);
  }
};
struct LogicalNot {
  template <class T>
  constexpr bool forward(T x) const {
    return x == T(0);
  }
};

// Bit operations, on int64 values.
struct BitwiseAnd {
  constexpr int64_t forward(int64_t a, int64_t b) const { return a & b; }
};
struct BitwiseOr {
  constexpr int64_t forward(int64_t a, int64_t b) const { return a | b; }
};
struct BitwiseXor {
  constexpr int64_t forward(int64_t a, int64_t b) const { return a ^ b; }
};
struct BitwiseLeftShift {
  constexpr int64_t forward(int64_t a, int64_t b) const {
    return b < 0 || b > 63 ? 0 : int64_t(uint64_t(a) << b);
  }
};
struct BitwiseRightShift {
  constexpr int64_t forward(int64_t a, int64_t b) const { return a >> (b < 0 || b > 63 ? 63 : b); }
};

}  // namespace fg::functors
