// Kernels of the joining and rearranging ops.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// Lays the inputs side by side along `dim`; all are contiguous and have out's dtype.
using Cat = void(const Tensor& out, TensorList inputs, int64_t dim);
/// out = x where the column is at most (lower) or at least (upper) row + diagonal, else 0, for each
/// matrix of the last two dims. `out` is contiguous.
using Triangle = void(const Tensor& out, const Tensor& x, int64_t diagonal, bool upper);

namespace cpu {
Cat cat;
Triangle triangle;
}  // namespace cpu

namespace cuda {
Cat cat;
Triangle triangle;
}  // namespace cuda

}  // namespace fg
