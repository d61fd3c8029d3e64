// Conversion of one value between any two element types, for host and device code.
#pragma once

#include <limits>
#include <type_traits>

#include "tensor/dtype.h"

namespace fg {

template <class D, class S>
constexpr D convert(S value) {
  if constexpr (std::is_same_v<D, S>) {
    return value;
  } else if constexpr (std::is_same_v<D, bool>) {
    return static_cast<bool>(value != S());
  } else if constexpr (std::is_integral_v<D> && !std::is_integral_v<S>) {
    // Through int64, so that out-of-range values wrap rather than being undefined per width.
    const double wide = static_cast<double>(value);
    const bool fits = wide >= -0x1p63 && wide < 0x1p63;
    return static_cast<D>(fits ? static_cast<int64_t>(wide) : std::numeric_limits<int64_t>::min());
  } else {
    return static_cast<D>(value);
  }
}

}  // namespace fg
