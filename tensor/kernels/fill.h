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
/// The same where one of the two is on the GPU, or both on different ones. Host memory may be reused or read
/// when it returns; but with `non_blocking` and pinned host memory of the other side's dtype, densely laid out,
/// only after the current stream has got there.
using CopyAcross = void(const Tensor& out, const Tensor& source, bool non_blocking);

/// The largest finite value of a dtype (of Long: the largest that a double holds).
double largest_value(ScalarType type);
/// `value` as `fill` takes it; throws unless `type` holds it (after rounding; integers of -255 to -1 wrap
/// into Byte, infinities and NaN are values of floating types, anything but 0 is true).
Scalar fill_value(const Scalar& value, ScalarType type, const char* op);

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
CopyAcross copy_across;
}  // namespace cuda

/// out = source, whatever their devices; see CopyAcross.
void copy_values(const Tensor& out, const Tensor& source, bool non_blocking = false);

}  // namespace fg
