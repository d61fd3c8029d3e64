// Padding that repeats the input: reflection, replication, wrapping around.
#pragma once

#include "tensor/kernels/spatial.h"
#include "tensor/tensor.h"

namespace fg {

enum class PadMode { reflect, replicate, circular };

/// Output position i reads position i - begin of the input, brought inside by `mode`.
struct PadGeometry {
  int64_t planes = 0;
  Extents input{}, output{}, begin{};  // `begin` may be negative: a crop
  PadMode mode = PadMode::reflect;
};

constexpr int64_t pad_source(const PadGeometry& g, size_t dim, int64_t output) {
  const int64_t extent = g.input[dim], at = output - g.begin[dim];
  switch (g.mode) {
    case PadMode::reflect:
      return at < 0 ? -at : at < extent ? at : 2 * (extent - 1) - at;
    case PadMode::replicate:
      return at < 0 ? 0 : at < extent ? at : extent - 1;
    default:
      return at < 0 ? at + extent : at < extent ? at : at - extent;
  }
}

/// Contiguous tensors of equal dtype, any for the forward map, Float or Double for its adjoint.
using PadForward = void(const Tensor& output, const Tensor& input, const PadGeometry& geometry);
using PadGrad = void(const Tensor& grad_input, const Tensor& grad_output,
                     const PadGeometry& geometry);

namespace cpu {
PadForward pad_forward;
PadGrad pad_grad;
}  // namespace cpu
namespace cuda {
PadForward pad_forward;
PadGrad pad_grad;
}  // namespace cuda

}  // namespace fg
