// dispatch_width: loops that only move elements need one instance per element size.
#pragma once

#include <cstdint>

namespace fg::cpu {

/// Calls body.operator()<T>() with the unsigned type of `bytes` bytes.
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

}  // namespace fg::cpu
