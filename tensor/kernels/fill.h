// Filling and copying: declared once for both devices.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// out[...] = value, any strides.
using Fill = void(const Tensor& out, const Scalar& value);
/// out[i] = start + i * step, computed in double (floating) or int64; `out` is contiguous, 1-d.
using Arange = void(const Tensor& out, const Scalar& start, const Scalar& step);
/// Evenly spaced from `start` to `end` inclusive, symmetric around the middle; contiguous, 1-d.
using Linspace = void(const Tensor& out, const Scalar& start, const Scalar& end);
/// out = source broadcast to out's shape, any strides, converting the dtype.
using Copy = void(const Tensor& out, const Tensor& source);

namespace cpu {
Fill fill;
Arange arange;
Linspace linspace;
Copy copy;
}  // namespace cpu
namespace cuda {
Fill fill;
Arange arange;
Linspace linspace;
Copy copy;
}  // namespace cuda

}  // namespace fg
