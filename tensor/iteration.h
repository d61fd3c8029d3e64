// The iteration space of an elementwise op, shared by the devices' drivers.
#pragma once

#include <array>
#include <span>

#include "tensor/tensor.h"

namespace fg {

/// The elements of `operands[0]`, whose shape rules, and where each operand has them: dims of extent 1
/// dropped, the rest in the first operand's memory order, neighbours merged where all operands allow it.
struct IterationSpace {
  static constexpr size_t kMaxOperands = 8;

  DimVector sizes;                              // outermost first; at least one dim
  std::array<DimVector, kMaxOperands> strides;  // in elements; 0 where an operand is broadcast
  int64_t numel;

  /// The operands must be broadcastable to the first; null entries stand for constants, of stride 0.
  explicit IterationSpace(std::span<const Tensor* const> operands);
};

}  // namespace fg
