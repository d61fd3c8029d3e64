// Pooling: the windows, and the kernels over them.
#pragma once

#include <type_traits>

#include "tensor/kernels/spatial.h"
#include "tensor/tensor.h"

namespace fg {

/// What a pool reads: `planes` independent planes of extents `input`, each giving one of extents
/// `output`. Adaptive pools ignore kernel, stride, padding and dilation. Int: what holds the extents; GPUs divide
/// 32-bit numbers several times faster.
template <class Int>
struct BasicPoolGeometry {
  int64_t planes = 0;
  std::array<Int, 3> input{}, output{}, kernel{}, stride{}, padding{}, dilation{};
  bool adaptive = false;
  bool count_include_pad =
      true;                  // mean only: padding counts, but not what ceil_mode adds beyond it
  Int divisor_override = 0;  // mean only: the divisor, if not 0
};
using PoolGeometry = BasicPoolGeometry<int64_t>;

/// The inputs begin, begin + step, ... < end of one output along one dim; `count` is this dim's
/// factor of the divisor of a mean.
template <class Int>
struct BasicPoolWindow {
  Int begin, end, step, count;
};
using PoolWindow = BasicPoolWindow<int64_t>;

template <class Int>
constexpr BasicPoolWindow<Int> pool_window(const BasicPoolGeometry<Int>& g, size_t dim,
                                           std::type_identity_t<Int> output) {
  const Int extent = g.input[dim];
  if (g.adaptive) {
    const Int outputs = g.output[dim];
    const Int begin = output * extent / outputs;
    const Int end = ((output + 1) * extent + outputs - 1) / outputs;
    return {begin, end, 1, end - begin};
  }
  const Int step = g.dilation[dim], padding = g.padding[dim];
  Int begin = output * g.stride[dim] - padding;
  Int end = begin + (g.kernel[dim] - 1) * step + 1;
  const Int with_padding = (end < extent + padding ? end : extent + padding) - begin;
  if (begin < 0) begin += (-begin + step - 1) / step * step;
  if (end > extent) end = extent;
  return {begin, end, step, g.count_include_pad ? with_padding : end - begin};
}

/// The outputs begin, ..., end - 1 along one dim whose windows may hold `input`; with a step of more than 1
/// some of them step over it.
template <class Int>
struct PoolOutputs {
  Int begin, end;
};

template <class Int>
constexpr PoolOutputs<Int> pool_outputs(const BasicPoolGeometry<Int>& g, size_t dim,
                                        std::type_identity_t<Int> input) {
  const Int extent = g.input[dim], outputs = g.output[dim];
  if (g.adaptive)  // floor(o * extent / outputs) <= input < ceil((o + 1) * extent / outputs)
    return {input * outputs / extent, ((input + 1) * outputs + extent - 1) / extent};
  const Int stride = g.stride[dim], at = input + g.padding[dim];
  const Int reach = (g.kernel[dim] - 1) * g.dilation[dim];
  const Int begin = at > reach ? (at - reach + stride - 1) / stride : 0;
  const Int end = at / stride + 1;
  return {begin, end < outputs ? end : outputs};
}

/// Whether `value`, the next in scan order, takes the place of the largest input of a window up to now: the first
/// of equals stays, NaN wins.
template <class T>
constexpr bool takes_maximum(T value, T largest) {
  return value > largest || value != value;
}

/// output = the largest of each window, NaN if there is one; indices (Long, shaped as output) = its
/// offset within the plane, the first of equals. All tensors contiguous; values Float or
/// Double, on CUDA also 16-bit types.
using MaxPool = void(const Tensor& output, const Tensor& indices, const Tensor& input,
                     const PoolGeometry& geometry);
/// planes[p][indices[p][i]] += values[p][i], from zero; `indices` are max_pool's.
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
