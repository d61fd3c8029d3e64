#include <doctest/doctest.h>

#include "autograd/anomaly.h"
#include "autograd/engine.h"
#include "autograd/gradcheck.h"
#include "autograd/module_scope.h"
#include "autograd/ops/copy.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using autograd::grad;
using autograd::variable_list;
using test::input;

TEST_CASE("backward accumulates into leaves, twice the graph with retain_graph") {
  const Tensor x = tensor({1.0, 2.0, 3.0}, requires_grad());
  const Tensor y = (x * x).sum();
  y.backward({}, true);
  CHECK(x.grad().equal(tensor({2.0, 4.0, 6.0})));
  y.backward();
  CHECK(x.grad().equal(tensor({4.0, 8.0, 12.0})));
  CHECK_THROWS_WITH_AS(
      y.backward(),
      "backward: the saved tensors of MulBackward were freed by an earlier backward; "
      "pass retain_graph=true to the first one",
      Error);
}

TEST_CASE("a graph that saved nothing can run again") {
  const Tensor x = ones({2}, requires_grad());
  const Tensor y = (x + x - 1).sum();
  y.backward();
  y.backward();
  CHECK(x.grad().equal(full({2}, 4.0)));
}

TEST_CASE("a tensor used many times, and shared subgraphs") {
  const Tensor x = tensor(3.0, requires_grad());
  const Tensor a = x * x, b = a + a, c = b * a;
  c.backward();
  CHECK(x.grad().item<double>() == doctest::Approx(8 * 27));  // c = 2 x^4
}

TEST_CASE("incoming gradients are never written") {
  const Tensor x = zeros({3}, requires_grad()), y = zeros({3}, requires_grad());
  const Tensor seed = ones({3});
  const Tensor sum = x + y;
  sum.backward(seed, true);
  sum.backward(seed);
  CHECK(seed.equal(ones({3})));
  CHECK(x.grad().equal(full({3}, 2.0)));
  x.grad().zero_();
  CHECK(y.grad().equal(full({3}, 2.0)));
  // A view of a gradient that another leaf received must not be shared either.
  const Tensor p = zeros({4}, requires_grad()), q = zeros({2, 2}, requires_grad());
  (p.view({2, 2}) + q).sum().backward();
  p.grad().fill_(7);
  CHECK(q.grad().equal(ones({2, 2})));
}

TEST_CASE("grad: non-leaf inputs, unused inputs, no accumulation") {
  const Tensor x = tensor({1.0, 2.0}, requires_grad()), z = ones({2}, requires_grad());
  const Tensor h = x * 3, y = (h * h).sum();
  const variable_list g = grad({y}, {h, x}, {}, true);
  CHECK(g[0].equal(tensor({6.0, 12.0})));
  CHECK(g[1].equal(tensor({18.0, 36.0})));
  CHECK(!x.grad().defined());
  CHECK_THROWS_WITH_AS(grad({y}, {z}, {}, true),
                       "grad: input 0 (shape [2]) does not take part in the outputs; pass "
                       "allow_unused=true to get an undefined gradient",
                       Error);
  CHECK(!grad({y}, {z}, {}, true, false, true)[0].defined());
}

TEST_CASE("backward with inputs accumulates there only") {
  const Tensor x = ones({2}, requires_grad()), w = ones({2}, requires_grad());
  (x * w).sum().backward({}, nullopt, false, std::vector<Tensor>{w});
  CHECK(w.grad().equal(ones({2})));
  CHECK(!x.grad().defined());
}

TEST_CASE("create_graph: higher orders") {
  const Tensor x = tensor(2.0, TensorOptions(kDouble).requires_grad(true));
  Tensor y = x.pow(4);
  for (double expected : {32.0, 48.0, 48.0, 24.0}) {
    y = grad({y}, {x}, {}, true, true)[0];
    CHECK(y.item<double>() == doctest::Approx(expected));
  }
  const Tensor w = input({3, 2});
  const Tensor out = mm(w, w.t()).tanh().sum();
  const Tensor penalty = grad({out}, {w}, {}, true, true)[0].square().sum();
  penalty.backward();
  CHECK(w.grad().sizes() == w.sizes());
}

TEST_CASE("a chain of a million nodes runs and is destroyed") {
  const Tensor x = ones({1}, requires_grad());
  Tensor y = x;
  for (int i = 0; i < 1000000; ++i) y = y + 1;
  y.backward();
  CHECK(x.grad().item<float>() == 1);
  y.reset();
}

TEST_CASE("a pass between recent points does not walk the history behind them") {
  const Tensor x = ones({1}, requires_grad());
  Tensor y = x;
  for (int i = 0; i < 200000; ++i) y = y + 1;
  const Tensor z = y * y;
  // 2,000 passes over 200,000 nodes each would take minutes.
  for (int i = 0; i < 2000; ++i) {
    const Tensor g = grad({z}, {y}, {}, true)[0];
    if (i == 0) CHECK(g.item<float>() == 2 * y.item<float>());
  }
  // Leaf and non-leaf targets together, and a limit that outlives a pass inside a pass.
  const Tensor w = ones({1}, requires_grad());
  const Tensor h = y * w;
  h.register_hook([&](const Tensor&) { grad({z}, {y}, {}, true); });
  const variable_list both = grad({h}, {w, y}, {}, true);
  CHECK(both[0].item<float>() == y.item<float>());
  CHECK(both[1].item<float>() == 1);
}

TEST_CASE("errors of backward") {
  const Tensor x = ones({2}, requires_grad());
  CHECK_THROWS_WITH_AS(
      (x * 2).backward(),
      "backward: gradient can be omitted only for a one-element output, got output "
      "0 of shape [2]",
      Error);
  CHECK_THROWS_WITH_AS(
      ones({1}).backward(),
      "backward: output 0 (shape [1]) must require grad; it does not depend on any "
      "tensor that does",
      Error);
  CHECK_THROWS_WITH_AS((x * 2).backward(ones({3})),
                       "backward: gradient of output 0 must have shape [2], got [3]", Error);
  CHECK_THROWS_WITH_AS(ones({2}, kLong).set_requires_grad(true),
                       "requires_grad: dtype must be a floating type, got Long", Error);
  CHECK_THROWS_WITH_AS((x * 2).set_requires_grad(false),
                       "requires_grad: only a leaf's flag can be changed; use detach()", Error);
}

TEST_CASE("tensor hooks see and replace gradients; removal; retain_grad") {
  const Tensor x = ones({2}, requires_grad());
  const Tensor h = x * 2;
  int calls = 0;
  const unsigned handle = h.register_hook([&](const Tensor& g) {
    ++calls;
    return g * 10;
  });
  h.retain_grad();
  x.register_hook([&](const Tensor&) { ++calls; });
  h.sum().backward({}, true);
  CHECK(calls == 2);
  CHECK(h.grad().equal(full({2}, 10.0)));
  CHECK(x.grad().equal(full({2}, 20.0)));
  h.remove_hook(handle);
  h.sum().backward();
  CHECK(calls == 3);
  CHECK(x.grad().equal(full({2}, 22.0)));
  CHECK_THROWS_WITH_AS(h.remove_hook(handle), "remove_hook: no hook with handle 0", Error);
}

TEST_CASE("post-accumulate hooks run after the sum is stored") {
  const Tensor x = ones({2}, requires_grad());
  float seen = 0;
  x.register_post_accumulate_grad_hook(
      [&](const Tensor& leaf) { seen = leaf.grad().sum().item<float>(); });
  (x * 3).sum().backward();
  CHECK(seen == 6);
}

TEST_CASE("the retained gradient outlives neither tensor nor graph") {
  const Tensor x = ones({2}, requires_grad());
  Tensor y;
  {
    const Tensor h = x * 2;
    h.retain_grad();
    y = h.sum();
  }
  y.backward();
  CHECK(x.grad().equal(full({2}, 2.0)));
}

TEST_CASE("guards: no-grad, enable-grad, inference mode") {
  const Tensor x = ones({2}, requires_grad());
  {
    NoGradGuard guard;
    CHECK(!(x * 2).requires_grad());
    EnableGradGuard enable;
    CHECK((x * 2).requires_grad());
  }
  Tensor made;
  {
    InferenceMode guard;
    made = x * 2;
    CHECK(made.is_inference());
    CHECK(!made.requires_grad());
  }
  CHECK(GradMode::is_enabled());
  CHECK_THROWS_WITH_AS(
      x * made, "MulBackward: tensors made in inference mode may not take part in a recorded op",
      Error);
}

TEST_CASE("saved tensors changed in place are an error that names the node") {
  const Tensor x = ones({2}, requires_grad());
  const Tensor h = x * 2, y = h * h;
  h.add_(1);
  CHECK_THROWS_WITH_AS(
      y.sum().backward(),
      "backward: a tensor of shape [2] saved by MulBackward was changed in place: it "
      "is at version 1, expected version 0",
      Error);
  const Tensor e = x.exp();
  e.mul_(2);
  CHECK_THROWS_AS(e.sum().backward(), Error);
  // Through a detached alias and through a view, too.
  const Tensor k = x * 3, z = k * k;
  k.detach().zero_();
  CHECK_THROWS_AS(z.sum().backward(), Error);
  const Tensor m = x * 3, v = m * m;
  m[0].fill_(5);
  CHECK_THROWS_AS(v.sum().backward(), Error);
}

TEST_CASE("in-place on leaves and their views is refused") {
  const Tensor x = ones({2}, requires_grad());
  CHECK_THROWS_WITH_AS(x.add_(1),
                       "add_: a leaf tensor that requires grad may not be changed in place", Error);
  CHECK_THROWS_WITH_AS(
      x[0].add_(1), "add_: a view of a leaf tensor that requires grad may not be changed in place",
      Error);
  {
    NoGradGuard guard;
    x.add_(1);
  }
  CHECK(x.equal(full({2}, 2.0)));
  Tensor view;
  const Tensor base = x * 1;
  {
    NoGradGuard guard;
    view = base[0];
  }
  CHECK_THROWS_WITH_AS(
      view.add_(1),
      "add_: a view made while grad mode was off may not be changed in place with grad mode on",
      Error);
  CHECK_THROWS_WITH_AS(
      ones({1}).expand({3}).add_(1),
      "add_: several elements of the written tensor (sizes [3], strides [0]) share "
      "one memory location; clone() it first",
      Error);
}

TEST_CASE("in-place on views: the base gets the right history") {
  const auto check = [](const std::string& name, const test::OpFunction& f,
                        const variable_list& inputs) {
    CAPTURE(name);
    CHECK_NOTHROW(autograd::gradcheck(f, inputs));
    CHECK_NOTHROW(autograd::gradgradcheck(f, inputs));
  };
  check("mul_ on a row",
        [](const variable_list& v) {
          const Tensor base = v[0] * 1.0;
          base[1].mul_(v[1]);
          return variable_list{base * base};
        },
        {input({3, 2}), input({2})});
  check("exp_ on a column of a transposed view",
        [](const variable_list& v) {
          const Tensor base = v[0] * 1.0;
          base.t().select(0, 1).exp_();
          return variable_list{base.sin()};
        },
        {input({3, 2})});
  check("the view itself, after the base changed",
        [](const variable_list& v) {
          const Tensor base = v[0] * 1.0;
          const Tensor view = base.view({6}).slice(0, 1, 5);
          base.mul_(v[1]);
          return variable_list{view * view};
        },
        {input({3, 2}), input({2})});
  check("copy_ into a base without history",
        [](const variable_list& v) {
          const Tensor base = zeros({2, 3}, kDouble);
          base.diagonal().copy_(v[0]);
          base.select(1, 2).add_(v[0] * v[0]);
          return variable_list{base.exp()};
        },
        {input({2})});
  check("two views, each sees the other's write",
        [](const variable_list& v) {
          const Tensor base = v[0] * 1.0;
          const Tensor a = base[0], b = base[0];
          a.mul_(v[1]);
          b.mul_(v[1]);
          return variable_list{a + base.sum()};
        },
        {input({2, 2}), input({2})});
}

TEST_CASE("gradients are reduced to broadcast inputs and cast to their dtype") {
  const Tensor a = ones({3, 1}, requires_grad()),
               b = ones({2}, TensorOptions(kDouble).requires_grad(true));
  const Tensor y = (a * b).sum();
  y.backward();
  CHECK(a.grad().equal(full({3, 1}, 2.0)));
  CHECK(a.grad().dtype() == kFloat);
  CHECK(b.grad().dtype() == kDouble);
  CHECK(b.grad().equal(full({2}, 3.0, kDouble)));
}

namespace {
struct BadBackward : Node {
  std::vector<Tensor> result;
  std::string name() const override { return "BadBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>&) override { return result; }
};
Tensor bad(const Tensor& x, std::vector<Tensor> result) {
  auto node = make_node<BadBackward>(x);
  node->result = std::move(result);
  const Tensor y = x.detach().clone();
  node->attach(y);
  return y;
}
}  // namespace

TEST_CASE("the engine checks what nodes return") {
  const Tensor x = ones({2}, requires_grad());
  CHECK_THROWS_WITH_AS(bad(x, {}).sum().backward(),
                       "backward: BadBackward must return 1 gradients (one per input), got 0",
                       Error);
  CHECK_THROWS_WITH_AS(bad(x, {ones({3})}).sum().backward(),
                       "backward: BadBackward returned a gradient of shape [3] for input 0, whose "
                       "shape is [2]",
                       Error);
  CHECK_THROWS_WITH_AS(bad(x, {ones({2}, kLong)}).sum().backward(),
                       "backward: BadBackward returned a gradient of dtype Long for input 0, whose "
                       "dtype is Float",
                       Error);
}

TEST_CASE("anomaly mode names the node and the module path") {
  DetectAnomalyGuard anomaly;
  const Tensor x = zeros({2}, requires_grad());
  const std::string outer_name = "net", inner_name = "head";
  Tensor y;
  {
    const ModuleScope outer(outer_name), inner(inner_name);
    y = (x * 0).sqrt();
  }
  CHECK_THROWS_WITH_AS(
      (y * 0).sum().backward(),
      "backward: SqrtBackward returned nan in the gradient of input 0 (recorded in "
      "module net.head)",
      Error);
}

TEST_CASE("gradcheck reports the worst entry and both values") {
  const Tensor x = input({2, 2});
  const auto wrong = [](const variable_list& v) { return variable_list{v[0].detach() * v[0]}; };
  try {
    autograd::gradcheck(wrong, {x});
    FAIL("gradcheck accepted a wrong gradient");
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK(text.find("gradcheck: gradient of output 0 at [") == 0);
    CHECK(text.find("(numerical), got ") != std::string::npos);
    CHECK(text.find("(analytical)") != std::string::npos);
  }
  CHECK_THROWS_WITH_AS(autograd::gradcheck(wrong, {ones({2}, requires_grad())}),
                       "gradcheck: input 0 must be Double, got Float", Error);
}
