// Matrix products, declared for both devices.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// out[i] = alpha * a[i] x b[i] + beta * out[i] for each of the batch; all three are 3-d or, for one product,
/// all 2-d, of one dtype; out is contiguous, a and b have any strides. 16-bit types accumulate in float;
/// integers wrap. With beta 0, out is not read; with alpha 0, a and b are not.
using BatchedMatmul = void(const Tensor& out, const Tensor& a, const Tensor& b, double alpha,
                           double beta);

namespace cpu {
BatchedMatmul batched_matmul;
}
namespace cuda {
BatchedMatmul batched_matmul;
}

}  // namespace fg
