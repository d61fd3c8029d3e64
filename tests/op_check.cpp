#include "tests/op_check.h"

#include <doctest/doctest.h>

#include "autograd/fused/check.h"
#include "autograd/gradcheck.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tests/device_under_test.h"

namespace fg::test {
namespace {

using autograd::variable_list;

template <class Make>
variable_list mapped(const variable_list& inputs, const Make& make) {
  variable_list result;
  for (const Tensor& x : inputs) {
    if (!x.defined() || !x.is_floating_point())
      result.push_back(x);
    else
      result.push_back(make(x.detach()).detach().requires_grad_(x.requires_grad()));
  }
  return result;
}

// Same values, the dims in reverse order in memory.
Tensor transposed_storage(const Tensor& x) {
  DimVector reversed;
  for (int64_t d = x.dim(); d-- > 0;) reversed.push_back(d);
  return x.permute(reversed).clone(MemoryFormat::Contiguous).permute(reversed);
}

// Same values, every other element of a larger block along the last dim.
Tensor strided(const Tensor& x) {
  if (x.dim() == 0) return x.clone();
  DimVector sizes(x.sizes().begin(), x.sizes().end());
  sizes.back() = 2 * sizes.back() + 1;
  const Tensor block = full(sizes, 1e30, x.options());
  const Tensor view = block.slice(-1, 1, nullopt, 2);
  view.copy_(x);
  return view;
}

void check_gradients(const std::string& name, const OpFunction& op, const variable_list& inputs,
                     bool second_order) {
  CAPTURE(name);
  try {
    autograd::gradcheck(op, inputs);
    if (second_order) autograd::gradgradcheck(op, inputs);
  } catch (const Error& error) {
    FAIL_CHECK((name + ": " + error.what()));
  }
}

double epsilon(ScalarType type) {
  return type == kDouble ? 0x1p-52 : type == kFloat ? 0x1p-23 : type == kHalf ? 0x1p-10 : 0x1p-7;
}

// Every result at `type` against the double one of the CPU on the same (rounded) values.
void check_dtype(const std::string& name, const OpFunction& op, const variable_list& inputs,
                 ScalarType type, double tolerance_in_eps) {
  NoGradGuard guard;
  const variable_list rounded = mapped(inputs, [&](const Tensor& x) { return x.to(type); });
  const variable_list wide =
      fg::detail::on_device(mapped(rounded, [](const Tensor& x) { return x.to(kDouble); }), kCPU);
  const variable_list got = op(rounded), expected = op(wide);
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (!expected[i].is_floating_point() || expected[i].numel() == 0) continue;
    CHECK_MESSAGE(got[i].dtype() == type, name << ": result dtype");
    const double scale = expected[i].abs().max().item<double>();
    const double error = (got[i].cpu().to(kDouble) - expected[i]).abs().max().item<double>();
    CHECK_MESSAGE(error <= tolerance_in_eps * epsilon(type) * std::max(scale, 1e-3),
                  name << " in " << std::string(to_string(type)) << ": error " << error
                       << " at scale " << scale);
  }
}

}  // namespace

void check_op(const std::string& name, const OpFunction& op, const variable_list& host_inputs,
              const OpCheckOptions& options) {
  const variable_list inputs = fg::detail::on_device(host_inputs, device_under_test());
  check_gradients(name, op, inputs, options.second_order);
  check_gradients(name + " (transposed storage)", op, mapped(inputs, transposed_storage), false);
  check_gradients(name + " (strided)", op, mapped(inputs, strided), options.second_order);
  const variable_list once = op(inputs), twice = op(inputs);
  const variable_list elsewhere = op(mapped(inputs, strided));
  for (size_t i = 0; i < once.size(); ++i) {
    CHECK_MESSAGE(fg::detail::same_bits(once[i], twice[i]), name << ": two runs differ");
    CHECK_MESSAGE(once[i].sizes() == elsewhere[i].sizes(), name << ": shape depends on strides");
  }
  const bool on_cpu = inputs[0].device() == Device(kCPU);
  if (!on_cpu && !options.against_cpu) return;
  if (!on_cpu) check_dtype(name, op, inputs, kDouble, options.tolerance_in_eps);
  if (!options.other_dtypes) return;
  for (ScalarType type : {kFloat, kHalf, kBFloat16})
    check_dtype(name, op, inputs, type, options.tolerance_in_eps);
}

void check_op(const std::string& name, const std::function<Tensor(const variable_list&)>& op,
              const variable_list& inputs, const OpCheckOptions& options) {
  check_op(name, OpFunction([&op](const variable_list& x) { return variable_list{op(x)}; }), inputs,
           options);
}

variable_list on_device_under_test(const variable_list& inputs) {
  return fg::detail::on_device(inputs, device_under_test());
}
Tensor on_device_under_test(const Tensor& input) {
  return on_device_under_test(variable_list{input})[0];
}

Tensor input(IntArrayRef size, double low, double high) {
  static Generator generator;
  Tensor x = empty(size, kDouble);
  x.uniform_(low, high, generator);
  return x.requires_grad_(true);
}

}  // namespace fg::test
