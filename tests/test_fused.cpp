// The walk over the registry of fused ops: each against its composed form, and one node each.
#include <cmath>

#include <doctest/doctest.h>

#include "autograd/checkpoint.h"
#include "autograd/function.h"
#include "autograd/fused/builtin.h"
#include "autograd/fused/check.h"
#include "autograd/fused/pointwise.h"
#include "autograd/gradcheck.h"
#include "tests/device_under_test.h"
#include "tests/op_check.h"

using namespace fg;
using autograd::variable_list;
using test::input;

TEST_CASE("every fused op equals its composed form, to second order, as one node") {
  REQUIRE(fused_ops().size() >= 10);
  FusedOpCheckOptions options;
  options.device = test::device_under_test();
  for (const FusedOp& op : fused_ops()) CHECK(check_fused_op(op, options));
}

namespace {

// x^2 in ways that are wrong, one at a time.
struct Square : autograd::Function<Square> {
  enum class Mistake { none, value, gradient, bits, not_differentiable };
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x, Mistake mistake) {
    ctx->save_for_backward({x});
    ctx->saved_data["mistake"] = int64_t(mistake);
    return x * x + (mistake == Mistake::value ? 1e-6 : 0);
  }
  static variable_list backward(autograd::AutogradContext* ctx, const variable_list& grads) {
    static int runs = 0;
    const Tensor x = ctx->get_saved_variables()[0];
    const auto mistake = Mistake(ctx->saved_data["mistake"].toInt());
    const Tensor gradient = grads[0] * 2 * x;
    if (mistake == Mistake::gradient) return {gradient + 1e-6, Tensor()};
    if (mistake == Mistake::bits) return {gradient * (1 + 1e-15 * ++runs), Tensor()};
    if (mistake == Mistake::not_differentiable) return {gradient.detach(), Tensor()};
    return {gradient, Tensor()};
  }
};

FusedOp square_op(Square::Mistake mistake) {
  return {"square", "SquareBackward",
          [mistake](const variable_list& in) { return Square::apply(in[0], mistake); },
          [](const variable_list& in) { return in[0] * in[0]; },
          [] { return std::vector<variable_list>{{input({5})}}; }};
}

}  // namespace

TEST_CASE("check_fused_op finds each kind of mistake") {
  using Mistake = Square::Mistake;
  CHECK(check_fused_op(square_op(Mistake::none)));
  const auto message = [](const FusedOp& op) {
    try {
      check_fused_op(op);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("passed");
  };
  const auto starts_with = [](const std::string& text, const std::string& start) {
    CHECK_MESSAGE(text.starts_with("check_fused_op: square: " + start), text);
  };
  starts_with(message(square_op(Mistake::value)),
              "the value differs from the composed form's by 1");
  starts_with(message(square_op(Mistake::gradient)),
              "gradient 0 differs from the composed form's by 1");
  starts_with(message(square_op(Mistake::bits)),
              "gradient 0 has other bits in a second backward pass");
  starts_with(message(square_op(Mistake::not_differentiable)),
              "gradients under create_graph must require grad, as the composed form's");

  FusedOp op = square_op(Mistake::none);
  op.fused = op.composed;
  op.node_name = "MulBackward";
  CHECK(check_fused_op(op));
  op.fused = [](const variable_list& in) { return in[0] * in[0] * 1.0; };
  starts_with(message(op), "must be one node of the tape, got 2");
  op.fused = op.composed;
  op.node_name = "SquareBackward";
  starts_with(message(op), "node must be named SquareBackward, got MulBackward");
  op.fused = [](const variable_list& in) { return (in[0] * in[0]).reshape({5, 1}); };
  starts_with(message(op), "the value must have shape [5], got [5, 1]");
  op.fused = [](const variable_list& in) { return in[0] * std::nan(""); };
  starts_with(message(op), "the value differs from the composed form's by nan");
  op.samples = [] { return std::vector<variable_list>{}; };
  starts_with(message(op), "must have samples");
  CHECK_THROWS_WITH_AS(check_fused_op("no_such_op"),
                       "check_fused_op: name must be that of a registered op, got no_such_op",
                       Error);
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
  for (const Edge& edge : y.grad_fn()->next_edges()) CHECK(edge.node->name() == "AccumulateGrad");
  y.square().sum().backward();
  CHECK(runs == 3);
  CHECK(w.grad().equal(grad_w));
  CHECK(x.grad().equal(grad_x));
}
