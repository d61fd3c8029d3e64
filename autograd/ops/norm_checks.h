// Checks and conversions that the normalisation ops share.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// `parameter`, unless undefined, must have `sizes`, which the message calls `meaning`.
inline void check_norm_shape(const char* op, const char* name, const Tensor& parameter,
                             IntArrayRef sizes, const char* meaning) {
  ENSURE(!parameter.defined() || parameter.sizes().equals(sizes), op, ": ", name,
         " must have shape ", sizes, " (", meaning, "), got ", parameter.sizes());
}

/// check_norm_shape, and the dtype must go with the input's.
inline void check_norm_parameter(const char* op, const char* name, const Tensor& parameter,
                                 const Tensor& input, IntArrayRef sizes, const char* meaning) {
  check_norm_shape(op, name, parameter, sizes, meaning);
  if (!parameter.defined()) return;
  const ScalarType own = input.dtype(), wide = compute_type(own);
  ENSURE(parameter.dtype() == own || parameter.dtype() == wide, op, ": ", name, " must have dtype ",
         own, own == wide ? "" : " or Float", " (input's), got ", parameter.dtype());
}

inline void check_channels(const char* op, const Tensor& input) {
  ENSURE(input.is_floating_point(), op, ": input must be floating, got ", input.dtype());
  ENSURE(input.dim() >= 2, op, ": input must have shape [N, C, ...], got ", input.sizes());
}

inline Tensor contiguous_or_undefined(const Tensor& t) { return t.defined() ? t.contiguous() : t; }
inline Tensor float_or_undefined(const Tensor& t) { return t.defined() ? t.to(kFloat) : t; }

}  // namespace fg
