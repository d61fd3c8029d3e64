// Typed dispatch for kernels that take every floating type.
#pragma once

#include "tensor/dtype.h"

namespace fg::cuda {

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
      ::fg::detail::fail_dtype(op, "a floating dtype", type);
  }
}

/// What a kernel computes in on elements of T: double for double, float for the other floating types.
template <class T>
using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

}  // namespace fg::cuda
