// Words: elements that are only moved, seen as plain bytes.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace fg::cuda {

/// Calls body.operator()<Word>() with a type of `bytes` bytes (a power of two up to 16), aligned to them.
template <class Body>
void dispatch_word(int64_t bytes, Body&& body) {
  switch (bytes) {
    case 1:
      return body.template operator()<uint8_t>();
    case 2:
      return body.template operator()<uint16_t>();
    case 4:
      return body.template operator()<uint32_t>();
    case 8:
      return body.template operator()<uint64_t>();
    default:
      return body.template operator()<uint4>();
  }
}

}  // namespace fg::cuda
