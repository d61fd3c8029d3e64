// The walk over the registry of fused ops: each against its composed form, and one node each.
#include <cstring>
#include <set>

#include <doctest/doctest.h>

#include "autograd/checkpoint.h"
#include "autograd/function.h"
#include "autograd/fused/builtin.h"
#include "autograd/fused/pointwise.h"
#include "autograd/gradcheck.h"
#include "tests/op_check.h"

using namespace fg;
using autograd::grad;
using autograd::variable_list;
using test::input;

namespace {

variable_list differentiable(const variable_list& inputs) {
  variable_list result;
  for (const Tensor& t : inputs)
    if (t.defined() && t.requires_grad()) result.push_back(t);
  return result;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  return a.numel() == 0 ? 0 : (a - b).abs().max().item<double>();
}

// Nodes between `y` and the leaves.
std::set<Node*> nodes_behind(const Tensor& y) {
  std::set<Node*> seen;
  std::vector<Node*> stack{y.grad_fn().get()};
  while (!stack.empty()) {
    Node* const node = stack.back();
    stack.pop_back();
    if (node->name() == "AccumulateGrad" || !seen.insert(node).second) continue;
    for (const Edge& edge : node->next_edges())
      if (edge.valid()) stack.push_back(edge.node.get());
  }
  return seen;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.detach().cpu().contiguous(), y = b.detach().cpu().contiguous();
  return std::memcmp(x.data_ptr(), y.data_ptr(), size_t(x.nbytes())) == 0;
}

}  // namespace

TEST_CASE("every fused op equals its composed form, to second order, as one node") {
  REQUIRE(fused_ops().size() >= 10);
  for (const FusedOp& op : fused_ops()) {
    CAPTURE(op.name);
    for (const variable_list& sample : op.samples()) {
      const variable_list inputs = test::on_device_under_test(sample);
      const variable_list wanted = differentiable(inputs);
      const Tensor fused = op.fused(inputs), composed = op.composed(inputs);
      REQUIRE(fused.sizes() == composed.sizes());
      CHECK(largest_difference(fused, composed) <= 1e-12);
      const std::set<Node*> nodes = nodes_behind(fused);
      CHECK(nodes.size() == 1);
      CHECK(fused.grad_fn()->name() == op.node_name);

      const Tensor seed = rand_like(fused.detach()) + 0.5;
      const variable_list once = grad({fused}, wanted, {seed}, true);
      const variable_list again = grad({fused}, wanted, {seed}, true);
      const variable_list expected = grad({composed}, wanted, {seed}, true, true);
      const variable_list recorded = grad({fused}, wanted, {seed}, true, true);
      Tensor penalty = zeros({}, fused.options().requires_grad(false));
      Tensor expected_penalty = penalty;
      for (size_t i = 0; i < wanted.size(); ++i) {
        CHECK(same_bits(once[i], again[i]));
        CHECK(largest_difference(once[i], expected[i]) <= 1e-11);
        CHECK(largest_difference(recorded[i], expected[i]) <= 1e-11);
        penalty = penalty + recorded[i].square().sum();
        expected_penalty = expected_penalty + expected[i].square().sum();
      }
      REQUIRE(penalty.requires_grad() == expected_penalty.requires_grad());
      if (!penalty.requires_grad()) continue;  // of a linear op
      const variable_list second = grad({penalty}, wanted, {}, false, false, true);
      const variable_list expected_second =
          grad({expected_penalty}, wanted, {}, false, false, true);
      for (size_t i = 0; i < wanted.size(); ++i) {
        REQUIRE(second[i].defined() == expected_second[i].defined());
        if (second[i].defined()) CHECK(largest_difference(second[i], expected_second[i]) <= 1e-9);
      }
    }
  }
}

TEST_CASE("every fused op passes gradcheck and runs in the other dtypes") {
  for (const FusedOp& op : fused_ops()) {
    const variable_list inputs = op.samples().back();
    test::OpCheckOptions options;
    options.tolerance_in_eps = 256;
    options.against_cpu = !op.is_random;
    test::check_op(op.name, op.fused, inputs, options);
  }
}

TEST_CASE("a user's chain is one line and one node") {
  using namespace functors;
  const PointwiseChain<Tanh, MulChannel, Softplus> mine("test_tanh_scale_softplus");
  const Tensor x = input({2, 3, 5}), c = input({3});
  const Tensor y = mine(x, {c});
  CHECK(y.grad_fn()->name() == "TestTanhScaleSoftplusBackward");
  CHECK(fused_ops().back().name == "test_tanh_scale_softplus");
  CHECK_THROWS_WITH_AS((PointwiseChain<Tanh>("test_tanh_scale_softplus")),
                       "register_fused_op: name test_tanh_scale_softplus is taken", Error);
  CHECK_THROWS_WITH_AS(
      mine(x, {input({4})}),
      "test_tanh_scale_softplus: operand 0 must have shape [3] (channels), got [4]", Error);
  CHECK_THROWS_WITH_AS(mine(x), "test_tanh_scale_softplus: expected 1 channel operands, got 0",
                       Error);
}

TEST_CASE("only needed gradients are asked for") {
  const Tensor x = input({4, 3}).detach(), bias = input({3});
  const Tensor y = bias_gelu(x, bias);
  y.sum().backward();
  CHECK(bias.grad().defined());
  CHECK(!x.grad().defined());
}

namespace {

struct Cube : autograd::Function<Cube> {
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x, double factor) {
    ctx->save_for_backward({x});
    ctx->saved_data["factor"] = factor;
    return x * x * x * factor;
  }
  static variable_list backward(autograd::AutogradContext* ctx, const variable_list& grads) {
    const Tensor x = ctx->get_saved_variables()[0];
    return {grads[0] * 3 * x * x * ctx->saved_data["factor"].toDouble(), Tensor()};
  }
};

struct SplitSign : autograd::Function<SplitSign> {
  static variable_list forward(autograd::AutogradContext* ctx, const Tensor& x) {
    const Tensor sign = x.sign();
    ctx->mark_non_differentiable({sign});
    ctx->save_for_backward({sign});
    return {x.abs(), sign};
  }
  static variable_list backward(autograd::AutogradContext* ctx, const variable_list& grads) {
    return {grads[0] * ctx->get_saved_variables()[0]};
  }
};

struct DoubleInPlace : autograd::Function<DoubleInPlace> {
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x) {
    x.mul_(2);
    ctx->mark_dirty({x});
    return x;
  }
  static variable_list backward(autograd::AutogradContext*, const variable_list& grads) {
    return {grads[0] * 2};
  }
};

}  // namespace

TEST_CASE("custom functions") {
  const Tensor x = input({3}, 0.5, 1.5);
  const auto cube = [](const variable_list& v) { return variable_list{Cube::apply(v[0], 0.5)}; };
  CHECK(autograd::gradcheck(cube, {x}));
  CHECK(autograd::gradgradcheck(cube, {x}));
  CHECK(Cube::apply(x, 0.5).grad_fn()->name() == "CubeBackward");
  CHECK(!Cube::apply(x.detach(), 0.5).requires_grad());

  const variable_list parts = SplitSign::apply(x);
  CHECK(parts[0].requires_grad());
  CHECK(!parts[1].requires_grad());
  parts[0].sum().backward();
  CHECK(x.grad().equal(ones({3}, kDouble)));

  const Tensor leaf = input({2});
  const Tensor h = leaf * 1.0;
  const Tensor out = DoubleInPlace::apply(h);
  CHECK(out.is_same(h));
  (out * 3).sum().backward();
  CHECK(leaf.grad().equal(full({2}, 6.0, kDouble)));
}

TEST_CASE("checkpoint: same gradients, recomputed with the same random numbers") {
  const Tensor w = input({4, 4});
  const Tensor x = input({2, 4});
  int runs = 0;
  const auto block = [&](const variable_list& v) {
    ++runs;
    const Tensor mask = empty({2, 4}, kDouble);
    {
      NoGradGuard guard;
      mask.bernoulli_(0.5);
    }
    return variable_list{(v[0].matmul(w).tanh() * mask)};
  };
  manual_seed(3);
  block({x})[0].square().sum().backward();
  const Tensor grad_w = w.grad().clone(), grad_x = x.grad().clone();
  w.mutable_grad().reset();
  x.mutable_grad().reset();
  manual_seed(3);
  const Tensor y = autograd::checkpoint(block, {x})[0];
  CHECK(nodes_behind(y).size() == 1);
  y.square().sum().backward();
  CHECK(runs == 3);
  CHECK(w.grad().equal(grad_w));
  CHECK(x.grad().equal(grad_x));
}
