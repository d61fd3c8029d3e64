// Words: elements that are only moved, seen as plain bytes.
#pragma once

#include <cuda_runtime.h>

#include "tensor/kernels/dispatch.h"

namespace fg::cuda {

/// Calls body.operator()<Word>() with a type of `bytes` bytes (a power of two up to 16), aligned to them.
template <class Body>
void dispatch_word(int64_t bytes, Body&& body) {
  if (bytes == sizeof(uint4)) return body.template operator()<uint4>();
  dispatch_width(bytes, body);
}

}  // namespace fg::cuda
