// What reductions fold with, for host and device code: each has an identity and a combine.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

namespace fg::reductions {

/// The value that no T lies below (above, if not `lowest`).
template <class T>
constexpr T limit(bool lowest) {
  using Limits = std::numeric_limits<T>;
  if constexpr (Limits::has_infinity) return lowest ? -Limits::infinity() : Limits::infinity();
  return lowest ? Limits::lowest() : Limits::max();
}

// combine also runs on the compiler's vector types, for which `|` and `?:` work by lanes.
template <class T>
struct Sum {
  static constexpr T identity = T(0);
  template <class V>
  static constexpr V combine(V a, V b) {
    return a + b;
  }
};
template <class T>
struct Prod {
  static constexpr T identity = T(1);
  template <class V>
  static constexpr V combine(V a, V b) {
    return a * b;
  }
};
/// NaN wins.
template <class T>
struct Max {
  static constexpr T identity = limit<T>(true);
  template <class V>
  static constexpr V combine(V a, V b) {
    return (a > b) | (a != a) ? a : b;
  }
};
template <class T>
struct Min {
  static constexpr T identity = limit<T>(false);
  template <class V>
  static constexpr V combine(V a, V b) {
    return (a < b) | (a != a) ? a : b;
  }
};

template <class T>
struct Any {
  static constexpr T identity = T(0);
  static constexpr T combine(T a, T b) { return T(a | b); }
};
template <class T>
struct All {
  static constexpr T identity = T(1);
  static constexpr T combine(T a, T b) { return T(a & b); }
};

/// Whether `candidate` takes the place of an extreme `best` found before it. A NaN beats every number and is
/// never beaten. No branches, so that loops over it vectorise.
template <bool largest, class T>
constexpr bool beats(T candidate, T best) {
  const bool better = largest ? candidate > best : candidate < best;
  return (better | (candidate != candidate)) & (best == best);
}

}  // namespace fg::reductions
