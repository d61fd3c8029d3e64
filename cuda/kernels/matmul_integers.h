// The product of integer matrices.
#pragma once

#include "tensor/tensor.h"

namespace fg::cuda {

/// out = alpha a b + beta out modulo 2^64 for Long tensors, 2-d or 3-d; out is contiguous.
void multiply_integers(const Tensor& out, const Tensor& a, const Tensor& b, int64_t alpha,
                       int64_t beta);

}  // namespace fg::cuda
