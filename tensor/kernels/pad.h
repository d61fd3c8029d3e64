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

/// The outputs that read `input` along one dim, in ascending order: three ranges [begin, end), some empty.
struct PadOutputs {
  int64_t begin[3], end[3];
};

constexpr PadOutputs pad_outputs(const PadGeometry& g, size_t dim, int64_t input) {
  const int64_t extent = g.input[dim], middle = input + g.begin[dim];
  int64_t before = -1, after = -1;  // -1: none
  PadOutputs outputs{{0, middle, 0}, {0, middle + 1, 0}};
  switch (g.mode) {
    case PadMode::reflect:
      if (input > 0) before = g.begin[dim] - input;
      if (input < extent - 1) after = g.begin[dim] + 2 * (extent - 1) - input;
      break;
    case PadMode::replicate:
      if (input == 0) outputs.begin[1] = 0;
      if (input == extent - 1) outputs.end[1] = g.output[dim];
      break;
    default:
      before = middle - extent;
      after = middle + extent;
  }
  outputs.begin[0] = before, outputs.end[0] = before + 1;
  outputs.begin[2] = after, outputs.end[2] = after + 1;
  for (int i = 0; i < 3; ++i) {
    if (outputs.begin[i] < 0) outputs.begin[i] = i == 1 ? 0 : outputs.end[i];
    if (outputs.end[i] > g.output[dim]) outputs.end[i] = g.output[dim];
  }
  return outputs;
}

/// Contiguous tensors of equal dtype, any for the forward map, Float or Double for its adjoint, on CUDA also
/// 16-bit types.
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
