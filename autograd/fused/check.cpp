#include "autograd/fused/check.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "tensor/factories.h"

namespace fg {
namespace {

using autograd::grad;
using autograd::variable_list;

variable_list differentiable(const variable_list& inputs) {
  variable_list result;
  for (const Tensor& t : inputs)
    if (t.defined() && t.requires_grad()) result.push_back(t);
  return result;
}

// Nodes between `y` and the leaves.
std::set<const Node*> nodes_behind(const Tensor& y) {
  std::set<const Node*> seen;
  std::vector<const Node*> stack{y.grad_fn().get()};
  while (!stack.empty()) {
    const Node* const node = stack.back();
    stack.pop_back();
    if (!node || node->name() == "AccumulateGrad" || !seen.insert(node).second) continue;
    for (const Edge& edge : node->next_edges())
      if (edge.valid()) stack.push_back(edge.node.get());
  }
  return seen;
}

class Check {
 public:
  Check(const FusedOp& op, const FusedOpCheckOptions& options) : op_(op), options_(options) {}

  void run(const variable_list& sample) const {
    const variable_list inputs = detail::on_device(sample, options_.device),
                        wanted = differentiable(inputs);
    ENSURE(!wanted.empty(), prefix(), "a sample must have an input that requires grad");
    const Tensor fused = op_.fused(inputs), composed = op_.composed(inputs);
    compare("the value", fused, composed, options_.value_tolerance);
    const std::set<const Node*> nodes = nodes_behind(fused);
    ENSURE(nodes.size() == 1, prefix(), "must be one node of the tape, got ", nodes.size());
    ENSURE((*nodes.begin())->name() == op_.node_name, prefix(), "node must be named ",
           op_.node_name, ", got ", (*nodes.begin())->name());
    gradients(fused, composed, wanted);
  }

 private:
  std::string prefix() const { return "check_fused_op: " + op_.name + ": "; }

  void compare(const std::string& what, const Tensor& fused, const Tensor& composed,
               double tolerance) const {
    ENSURE(fused.defined() == composed.defined(), prefix(), what, " is ",
           fused.defined() ? "" : "un", "defined in the fused form alone");
    if (!fused.defined()) return;
    ENSURE(fused.sizes() == composed.sizes(), prefix(), what, " must have shape ", composed.sizes(),
           ", got ", fused.sizes());
    if (fused.numel() == 0) return;
    const double difference = (fused.detach() - composed.detach()).abs().max().item<double>();
    // Not "> tolerance": NaN must fail.
    ENSURE(difference <= tolerance, prefix(), what, " differs from the composed form's by ",
           difference, ", allowed is ", tolerance);
  }

  void gradients(const Tensor& fused, const Tensor& composed, const variable_list& wanted) const {
    const Tensor seed = rand_like(fused.detach()) + 0.5;
    const variable_list once = grad({fused}, wanted, {seed}, true);
    const variable_list again = grad({fused}, wanted, {seed}, true);
    const variable_list recorded = grad({fused}, wanted, {seed}, true, true);
    const variable_list expected = grad({composed}, wanted, {seed}, true, true);
    for (size_t i = 0; i < wanted.size(); ++i) {
      const std::string which = "gradient " + std::to_string(i);
      ENSURE(detail::same_bits(once[i], again[i]), prefix(), which,
             " has other bits in a second backward pass");
      compare(which, once[i], expected[i], options_.gradient_tolerance);
      compare(which + " under create_graph", recorded[i], expected[i], options_.gradient_tolerance);
    }
    const Tensor penalty = sum_of_squares(recorded), expected_penalty = sum_of_squares(expected);
    ENSURE(penalty.requires_grad() == expected_penalty.requires_grad(), prefix(),
           "gradients under create_graph must ", expected_penalty.requires_grad() ? "" : "not ",
           "require grad, as the composed form's");
    if (!penalty.requires_grad()) return;  // of a linear op
    const variable_list second = grad({penalty}, wanted, {}, false, false, true);
    const variable_list expected_second = grad({expected_penalty}, wanted, {}, false, false, true);
    for (size_t i = 0; i < wanted.size(); ++i)
      compare("second derivative " + std::to_string(i), second[i], expected_second[i],
              options_.second_order_tolerance);
  }

  static Tensor sum_of_squares(const variable_list& tensors) {
    Tensor result = zeros({}, tensors[0].options().requires_grad(false));
    for (const Tensor& t : tensors) result = result + t.square().sum();
    return result;
  }

  const FusedOp& op_;
  const FusedOpCheckOptions& options_;
};

}  // namespace

variable_list detail::on_device(const variable_list& inputs, Device device) {
  variable_list result;
  for (const Tensor& t : inputs)
    result.push_back(t.defined() ? t.detach().to(device).requires_grad_(t.requires_grad()) : t);
  return result;
}

bool detail::same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.detach().cpu().contiguous(), y = b.detach().cpu().contiguous();
  return x.sizes() == y.sizes() && x.dtype() == y.dtype() &&
         (x.numel() == 0 || std::memcmp(x.data_ptr(), y.data_ptr(), size_t(x.nbytes())) == 0);
}

bool check_fused_op(const FusedOp& op, const FusedOpCheckOptions& options) {
  const std::vector<variable_list> samples = op.samples();
  ENSURE(!samples.empty(), "check_fused_op: ", op.name, ": must have samples");
  for (const variable_list& sample : samples) Check(op, options).run(sample);
  return true;
}

bool check_fused_op(const std::string& name, const FusedOpCheckOptions& options) {
  const std::vector<FusedOp>& ops = fused_ops();
  const auto op =
      std::find_if(ops.begin(), ops.end(), [&](const FusedOp& o) { return o.name == name; });
  ENSURE(op != ops.end(), "check_fused_op: name must be that of a registered op, got ", name);
  return check_fused_op(*op, options);
}

}  // namespace fg
