// QR decomposition, declared for both devices.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// q = the Q of a's reduced QR decomposition, columns signed such that R's diagonal is positive. a and q
/// are contiguous Double matrices of one shape, with at least as many rows as columns.
using OrthonormalBasis = void(const Tensor& q, const Tensor& a);

namespace cpu {
OrthonormalBasis orthonormal_basis;
}
namespace cuda {
OrthonormalBasis orthonormal_basis;
}

}  // namespace fg
