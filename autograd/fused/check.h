// check_fused_op: whether a fused op is what its composed form says, for ops of one's own.
#pragma once

#include "autograd/fused/registry.h"

namespace fg {

struct FusedOpCheckOptions {
  /// Where the op runs; its samples are moved there.
  Device device = kCPU;
  /// Largest absolute difference between the fused and the composed form, in double: of values, of first and of
  /// second derivatives.
  double value_tolerance = 1e-12;
  double gradient_tolerance = 1e-11;
  double second_order_tolerance = 1e-9;
};

/// Runs `op` on all its samples and compares it with its composed form: values, gradients, gradients that are
/// recorded (create_graph), second derivatives; two runs of the backward pass must give the same bits, and the tape must
/// hold exactly one node, of the name registered. With gradcheck that is all that can be asked of a fused op
/// but its speed. Returns true, or throws fg::Error with the op's name, what differs, and by how much.
bool check_fused_op(const FusedOp& op, const FusedOpCheckOptions& options = {});
/// The same of the op registered as `name`.
bool check_fused_op(const std::string& name, const FusedOpCheckOptions& options = {});

namespace detail {
/// Whether two tensors have one shape, one dtype and the same bits.
bool same_bits(const Tensor& a, const Tensor& b);
/// Copies on the device, leaves that require grad where the originals do; undefined ones stay so.
autograd::variable_list on_device(const autograd::variable_list& inputs, Device device);
}  // namespace detail

}  // namespace fg
