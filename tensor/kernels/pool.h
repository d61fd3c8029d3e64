// Pooling: the windows, and the kernels over them.
#pragma once

#include "tensor/kernels/spatial.h"
#include "tensor/tensor.h"

namespace fg {

/// What a pool reads: `planes` independent planes of extents `input`, each giving one of extents
/// `output`. Adaptive pools ignore kernel, stride, padding and dilation.
struct PoolGeometry {
  int64_t planes = 0;
  Extents input{}, output{}, kernel{}, stride{}, padding{}, dilation{};
  bool adaptive = false;
  bool count_include_pad =
      true;                      // mean only: padding counts, but not what ceil_mode adds beyond it
  int64_t divisor_override = 0;  // mean only: the divisor, if not 0
};

/// The inputs begin, begin + step, ... < end of one output along one dim; `count` is this dim's
/// factor of the divisor of a mean.
struct PoolWindow {
  int64_t begin, end, step, count;
};

constexpr PoolWindow pool_window(const PoolGeometry& g, size_t dim, int64_t output) {
  const int64_t extent = g.input[dim];
  if (g.adaptive) {
    const int64_t outputs = g.output[dim];
    const int64_t begin = output * extent / outputs;
    const int64_t end = ((output + 1) * extent + outputs - 1) / outputs;
    return {begin, end, 1, end - begin};
  }
  const int64_t step = g.dilation[dim], padding = g.padding[dim];
  int64_t begin = output * g.stride[dim] - padding;
  int64_t end = begin + (g.kernel[dim] - 1) * step + 1;
  const int64_t with_padding = (end < extent + padding ? end : extent + padding) - begin;
  if (begin < 0) begin += (-begin + step - 1) / step * step;
  if (end > extent) end = extent;
  return {begin, end, step, g.count_include_pad ? with_padding : end - begin};
}

/// output = the largest of each window, NaN if there is one; indices (Long, shaped as output) = its
/// offset within the plane, the first of equals. All tensors contiguous; values Float or Double.
using MaxPool = void(const Tensor& output, const Tensor& indices, const Tensor& input,
                     const PoolGeometry& geometry);
/// planes[p][indices[p][i]] += values[p][i], from zero.
using MaxPoolGrad = void(const Tensor& grad_input, const Tensor& grad_output, const Tensor& indices,
                         const PoolGeometry& geometry);
/// output = the sum of each window over its divisor.
using MeanPool = void(const Tensor& output, const Tensor& input, const PoolGeometry& geometry);
/// The adjoint of MeanPool.
using MeanPoolGrad = void(const Tensor& grad_input, const Tensor& grad_output,
                          const PoolGeometry& geometry);

namespace cpu {
MaxPool max_pool;
MaxPoolGrad max_pool_grad;
MeanPool mean_pool;
MeanPoolGrad mean_pool_grad;
}  // namespace cpu
namespace cuda {
MaxPool max_pool;
MaxPoolGrad max_pool_grad;
MeanPool mean_pool;
MeanPoolGrad mean_pool_grad;
}  // namespace cuda

}  // namespace fg
