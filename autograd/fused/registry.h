// The registry of fused ops: ops that are one node of the tape and have a composed form of plain ops,
// which is their oracle and the path of create_graph. The tests walk it; users register theirs.
#pragma once

#include "autograd/engine.h"

namespace fg {

struct FusedOp {
  using Function = std::function<Tensor(const autograd::variable_list& inputs)>;

  std::string name;       // of the op, such as "bias_gelu"
  std::string node_name;  // of its one node, such as "BiasGeluBackward"
  Function fused;
  /// May be left empty when `fused` itself heeds ComposedGuard.
  Function composed;
  /// Sets of Double inputs that exercise the op; those to be differentiated require grad.
  std::function<std::vector<autograd::variable_list>()> samples;
  /// Draws random numbers, other ones on each device; `fused` seeds the generator first.
  bool is_random = false;
};

/// All registered ops, the library's own first.
const std::vector<FusedOp>& fused_ops();
/// Adds an op; throws when the name is taken or a part is missing. Not thread-safe: register at start.
void register_fused_op(FusedOp op);

}  // namespace fg
