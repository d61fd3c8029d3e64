// The tape's bookkeeping where tensors share memory, hooks run passes, and data is swapped.
#include <doctest/doctest.h>

#include "autograd/checkpoint.h"
#include "autograd/engine.h"
#include "autograd/function.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"

using namespace fg;
using autograd::grad;
using autograd::variable_list;

TEST_CASE("a sum over no dims is a tensor of its own") {
  const Tensor x = tensor(2.0);
  x.sum().add_(1);
  x.amax().mul_(5);
  CHECK(x.item<double>() == 2);
}

TEST_CASE("a view made under no-grad refuses a source that requires grad") {
  const Tensor base = zeros({2}), w = tensor(3.0, requires_grad());
  Tensor view, span;
  {
    NoGradGuard guard;
    view = base.select(0, 0);
    span = base.narrow(0, 0, 2);
  }
  CHECK_THROWS_WITH_AS(
      view.copy_(w),
      "copy_: a view made while grad mode was off may not be changed in place with grad mode on",
      Error);
  CHECK_THROWS_AS(view.mul_(w), Error);
  CHECK_THROWS_AS(span.masked_fill_(tensor({true, false}), w), Error);
  CHECK_THROWS_AS(span.index_put_({tensor({0})}, w), Error);
  CHECK_THROWS_AS(span.scatter_(0, tensor({0}), w.reshape({1})), Error);
  CHECK_THROWS_AS(span.index_add_(0, tensor({0}), w.reshape({1})), Error);
  view.add_(1);  // nothing to record
  CHECK(base.equal(tensor({1.0, 0.0})));
}

TEST_CASE("integers written from a tensor that requires grad stay without history") {
  const Tensor x = tensor({1.0, 2.0}, requires_grad()), n = zeros({2}, kLong);
  n.copy_(x);
  CHECK(!n.requires_grad());
}

TEST_CASE("a view keeps what was written through it when its base is detached") {
  const Tensor x = tensor({1.0, 2.0}, requires_grad()), w = tensor(3.0, requires_grad());
  const Tensor base = x * 1, view = base.select(0, 0);
  view.mul_(w);
  base.detach_();
  view.backward();
  CHECK(w.grad().item<double>() == 1);
  CHECK(x.grad().equal(tensor({3.0, 0.0})));
}

TEST_CASE("detach_ keeps the gradient that was accumulated") {
  const Tensor x = tensor(2.0, requires_grad());
  (x * x).backward();
  x.detach_();
  CHECK(!x.requires_grad());
  CHECK(x.grad().item<double>() == 4);
}

TEST_CASE("a leaf frozen after the forward pass gets no gradient") {
  const Tensor x = tensor(2.0, requires_grad()), w = tensor(3.0, requires_grad());
  const Tensor y = x * w;
  x.requires_grad_(false);
  y.backward();
  CHECK(!x.grad().defined());
  CHECK(w.grad().item<float>() == 2);
}

TEST_CASE("a pass reaches a view whose history was renewed by its consumer") {
  const Tensor x = tensor({1.0, 2.0}, requires_grad());
  const Tensor base = x * 1, view = base.select(0, 0);
  base.mul_(2);
  const Tensor y = (view * 3) * 2;
  CHECK(grad({y}, {view})[0].item<double>() == 6);
}

TEST_CASE("as_strided of an expanded tensor: the sharers of an address share its gradient") {
  const Tensor x = tensor({{1.0, 2.0}}, requires_grad());
  as_strided(x.expand({3, 2}), {2}, {1}).sum().backward();
  CHECK(x.grad().allclose(ones({1, 2})));
}

TEST_CASE("set_data: dtype, memory and version follow") {
  const Tensor w = ones({2}, requires_grad());
  w.sum().backward();
  w.mutable_grad().reset();
  const Storage before = w.storage();
  const Tensor y = w * w;
  w.set_data(tensor({0.1, 0.2}, kDouble));
  CHECK(before.use_count() == 1);  // the old memory is not kept
  CHECK_THROWS_AS(y.sum().backward(), Error);
  (w * tensor({0.1, 0.3}, kDouble)).sum().backward();
  CHECK(w.grad().dtype() == kDouble);
  CHECK(w.grad().equal(tensor({0.1, 0.3}, kDouble)));
}

TEST_CASE(
    "hooks: own state, removal from inside, a pass into the same leaf, the gradient's dtype") {
  const Tensor x = tensor(2.0, requires_grad());
  unsigned first = 0;
  int second_calls = 0, seen = 0;
  first = x.register_hook([&](const Tensor&) { x.remove_hook(first); });
  x.register_hook([&](const Tensor&) { ++second_calls; });
  x.register_hook([&seen, calls = 0](const Tensor&) mutable { seen = ++calls; });
  (x * 3).backward();
  (x * 3).backward();
  CHECK(second_calls == 2);
  CHECK(seen == 2);
  const Tensor z = tensor(2.0, requires_grad());
  z.register_hook(TensorHook([](const Tensor& g) { return g.to(kDouble); }));
  CHECK_THROWS_WITH_AS((z * 2).backward(),
                       "backward: a hook must return a gradient of dtype Float, got Double", Error);
  const Tensor leaf = tensor(2.0, requires_grad());
  bool nested = false;
  leaf.register_post_accumulate_grad_hook([&](const Tensor& t) {
    if (!std::exchange(nested, true)) {
      EnableGradGuard enable;
      (t * 5).backward();
    }
  });
  (leaf * 3).backward();
  CHECK(leaf.grad().item<double>() == 8);
}

TEST_CASE("backward with inputs: a repeated input counts once, hooks run") {
  const Tensor x = tensor(2.0, requires_grad());
  int calls = 0;
  x.register_post_accumulate_grad_hook([&](const Tensor&) { ++calls; });
  const Tensor h = x * 2;
  autograd::backward({h * 3}, {}, {}, false, variable_list{x, h, x, h});
  CHECK(x.grad().item<double>() == 6);
  CHECK(h.grad().item<double>() == 3);
  CHECK(calls == 1);
}

namespace {
struct ReturnsInput : autograd::Function<ReturnsInput> {
  static Tensor forward(autograd::AutogradContext*, const Tensor& x, const Tensor&) { return x; }
  static variable_list backward(autograd::AutogradContext*, const variable_list& grads) {
    return {grads[0], grads[0]};
  }
};
struct DoublesSecond : autograd::Function<DoublesSecond> {
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor&, const Tensor& x) {
    ctx->mark_dirty({x});
    x.mul_(2);
    return x;
  }
  static variable_list backward(autograd::AutogradContext*, const variable_list& grads) {
    return {Tensor(), grads[0] * 2};
  }
};
}  // namespace

TEST_CASE("an input that a Function or a checkpoint returns keeps its own history") {
  const Tensor plain = tensor(1.0), w = tensor(2.0, requires_grad());
  const Tensor y = ReturnsInput::apply(plain, w);
  CHECK(!plain.requires_grad());
  CHECK(y.requires_grad());
  const Tensor h = w * 1;
  CHECK_THROWS_AS(ReturnsInput::apply(h, w).mul_(2), Error);  // would change h unseen
  const auto same = [](const variable_list& in) { return in; };
  CHECK_THROWS_AS(autograd::checkpoint(same, {h})[0].mul_(2), Error);
  const Tensor fresh = autograd::checkpoint(
      [](const variable_list& in) { return variable_list{in[0] * 2}; }, {h})[0];
  fresh.mul_(3).backward();
  CHECK(w.grad().item<double>() == 6);
}

TEST_CASE("a Function that changes a view must take it first") {
  const Tensor w = tensor({2.0, 3.0}, requires_grad()), base = w * 1;
  CHECK_THROWS_WITH_AS(DoublesSecond::apply(tensor(1.0), base.select(0, 0)),
                       "Function::apply: a view changed in place must be the first tensor argument "
                       "and the only output",
                       Error);
}

TEST_CASE("grad() through a checkpoint is refused: captured leaves would be left out") {
  const Tensor x = tensor(1.0, requires_grad()), w = tensor(2.0, requires_grad());
  const auto block = [w](const variable_list& in) { return variable_list{in[0] * w}; };
  const Tensor y = autograd::checkpoint(block, {x})[0] + w;
  CHECK_THROWS_WITH_AS(
      grad({y}, {w, x}),
      "checkpoint: gradients go through a checkpoint by backward() without inputs only", Error);
  CHECK(!w.grad().defined());
}
