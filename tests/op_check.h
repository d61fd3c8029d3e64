// check_op: what every differentiable op has to pass, from one line per op.
#pragma once

#include <functional>
#include <string>

#include "autograd/engine.h"

namespace fg::test {

using OpFunction = std::function<autograd::variable_list(const autograd::variable_list&)>;

struct OpCheckOptions {
  bool second_order = true;
  /// Also run on float32, bfloat16 and float16 inputs and compare with double.
  bool other_dtypes = true;
  /// On another device compare with the CPU's double; not where devices draw other random numbers.
  bool against_cpu = true;
  /// Relative tolerance in units of the dtype's epsilon.
  double tolerance_in_eps = 64;
};

/// For double `inputs` (those that require grad are checked): gradcheck and gradgradcheck with the
/// inputs as given, as transposed-storage copies and as every-other-element slices; equal bits when
/// run twice; float32 and 16-bit results within tolerance of double; result dtype equal to the
/// input's. The inputs are moved to the device under test first; what the CPU computes from them in double
/// is the reference on every device. Fails the running doctest case with `name` and the reason.
void check_op(const std::string& name, const OpFunction& op, const autograd::variable_list& inputs,
              const OpCheckOptions& options = {});
/// The same for a function with one result.
void check_op(const std::string& name,
              const std::function<Tensor(const autograd::variable_list&)>& op,
              const autograd::variable_list& inputs, const OpCheckOptions& options = {});

/// Copies on the device under test, leaves that require grad where the originals do; undefined ones stay so.
autograd::variable_list on_device_under_test(const autograd::variable_list& inputs);
Tensor on_device_under_test(const Tensor& input);

/// A Double leaf that requires grad with values uniform in [low, high), from a fixed seed.
Tensor input(IntArrayRef size, double low = -1, double high = 1);

}  // namespace fg::test
