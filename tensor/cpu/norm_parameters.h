#pragma once

#include "tensor/factories.h"

namespace fg::cpu {

/// A norm's per-channel weight or bias; a constant stands in for an absent one.
inline Tensor or_constant(const Tensor& parameter, double fallback, int64_t channels,
                          ScalarType dtype) {
  return parameter.defined() ? parameter : full({channels}, fallback, dtype);
}

}  // namespace fg::cpu
