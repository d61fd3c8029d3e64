// In-place forms of composed ops.
#pragma once

#include "autograd/ops/elementwise_nodes.h"

namespace fg::detail {

/// Writes compute(x), which must have x's shape and fit its dtype, over x. Where the tape keeps x for the
/// backward pass, it keeps a copy.
template <class Compute>
Tensor& overwrite(const Tensor& x, const char* op, const Compute& compute) {
  check_inplace(x, op);
  const Tensor result = compute(needs_recording(x) ? x.clone() : x);
  check_inplace_result(x, result.sizes(), result.dtype(), op);
  return x.copy_(result);
}

}  // namespace fg::detail
