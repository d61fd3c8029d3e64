// Typed dispatch beyond tensor/dtype.h: for code that takes every floating type, or only moves elements.
#pragma once

#include "tensor/dtype.h"

namespace fg {

/// Calls `body.template operator()<T>()` with the C++ type of a floating `type`: float, double, Half, BFloat16.
template <class Body>
decltype(auto) dispatch_floating(ScalarType type, const char* op, Body&& body) {
  switch (type) {
    case kFloat:
      return body.template operator()<float>();
    case kDouble:
      return body.template operator()<double>();
    case kHalf:
      return body.template operator()<Half>();
    case kBFloat16:
      return body.template operator()<BFloat16>();
    default:
      detail::fail_dtype(op, "a floating dtype", type);
  }
}

/// What code that takes every floating T computes in: double for double, float for the others.
template <class T>
using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

/// Calls `body.operator()<T>()` with the unsigned type of `bytes` bytes (1, 2, 4 or 8).
template <class Body>
void dispatch_width(int64_t bytes, Body&& body) {
  switch (bytes) {
    case 1:
      return body.template operator()<uint8_t>();
    case 2:
      return body.template operator()<uint16_t>();
    case 4:
      return body.template operator()<uint32_t>();
    default:
      return body.template operator()<uint64_t>();
  }
}

}  // namespace fg
