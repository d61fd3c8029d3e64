// Optimizers: closed forms, what a step touches, parameter groups, state dictionaries.
#include <cmath>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "optim/optim.h"
#include "tensor/cpu/parallel.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::optim;

namespace {

Tensor parameter(std::vector<double> values, ScalarType dtype = kDouble) {
  return fg::tensor(values, kDouble).to(dtype).requires_grad_();
}
void set_grad(const Tensor& param, std::vector<double> values) {
  param.mutable_grad() = fg::tensor(values, kDouble).to(param.scalar_type()).view(param.sizes());
}
double value(const Tensor& tensor) { return tensor.item<double>(); }

/// All optimizers, each with every kind of state it can have.
std::vector<std::unique_ptr<Optimizer>> make_all(const std::vector<Tensor>& params) {
  std::vector<std::unique_ptr<Optimizer>> all;
  all.push_back(std::make_unique<SGD>(params, SGDOptions(0.1)));
  all.push_back(std::make_unique<SGD>(params, SGDOptions(0.1).momentum(0.9).nesterov(true)));
  all.push_back(std::make_unique<Adam>(params, AdamOptions(0.1).weight_decay(0.1)));
  all.push_back(std::make_unique<AdamW>(params, AdamWOptions(0.1).amsgrad(true)));
  all.push_back(std::make_unique<RMSprop>(params, RMSpropOptions(0.1)));
  all.push_back(std::make_unique<RMSprop>(params, RMSpropOptions(0.1).momentum(0.5)));
  all.push_back(std::make_unique<RMSprop>(params, RMSpropOptions(0.1).centered(true)));
  all.push_back(
      std::make_unique<RMSprop>(params, RMSpropOptions(0.1).centered(true).momentum(0.5)));
  all.push_back(std::make_unique<Adagrad>(params, AdagradOptions(0.1).lr_decay(0.1)));
  return all;
}

/// Some steps down sum((p - 1)^2) of all parameters.
void descend(Optimizer& optimizer, const std::vector<Tensor>& params, int steps) {
  for (int i = 0; i < steps; ++i) {
    optimizer.step([&] {
      optimizer.zero_grad();
      Tensor loss;
      for (const Tensor& param : params) {
        const Tensor term = param.sub(1).square().sum();
        loss = loss.defined() ? loss + term : term;
      }
      loss.backward();
      return loss;
    });
  }
}

}  // namespace

TEST_CASE("SGD under a constant gradient moves as the geometric series says") {
  const Tensor plain = parameter({1}), heavy = parameter({1}), damped = parameter({1});
  SGD a({plain}, 0.1), b({heavy}, SGDOptions(0.1).momentum(0.5)),
      c({damped}, SGDOptions(0.1).momentum(0.5).dampening(0.5));
  for (int i = 0; i < 5; ++i) {
    for (const Tensor& p : {plain, heavy, damped}) set_grad(p, {2});
    a.step(), b.step(), c.step();
  }
  CHECK(value(plain) == doctest::Approx(1 - 5 * 0.2).epsilon(1e-14));
  // Buffers 2, 3, 3.5, 3.75, 3.875; the first dampened buffer is the gradient itself, later ones
  // too.
  CHECK(value(heavy) == doctest::Approx(1 - 0.1 * 16.125).epsilon(1e-14));
  CHECK(value(damped) == doctest::Approx(1 - 0.1 * 10).epsilon(1e-14));
}

TEST_CASE("Adam's first step is lr against the gradient's sign") {
  for (const double grad : {1e-3, -7.0}) {
    const Tensor p = parameter({0.5}), q = parameter({0.5});
    Adam adam({p}, AdamOptions(0.01).eps(0));
    AdamW adamw({q}, AdamWOptions(0.01).eps(0).weight_decay(0.1));
    set_grad(p, {grad}), set_grad(q, {grad});
    adam.step(), adamw.step();
    const double move = grad > 0 ? 0.01 : -0.01;
    CHECK(value(p) == doctest::Approx(0.5 - move).epsilon(1e-12));
    CHECK(value(q) == doctest::Approx(0.5 * (1 - 0.001) - move).epsilon(1e-12));
  }
}

TEST_CASE("Adagrad divides by the root of the sum of squares") {
  const Tensor p = parameter({0});
  Adagrad adagrad({p}, AdagradOptions(1).eps(0));
  set_grad(p, {3});
  adagrad.step();
  set_grad(p, {4});
  adagrad.step();
  CHECK(value(p) == doctest::Approx(-1 - 4.0 / 5).epsilon(1e-14));
}

TEST_CASE("LBFGS solves a quadratic and counts its evaluations") {
  const Tensor p = parameter({5, -3});
  LBFGS lbfgs({p}, LBFGSOptions(1).line_search_fn("strong_wolfe"));
  int calls = 0;
  const Tensor loss = lbfgs.step([&] {
    ++calls;
    lbfgs.zero_grad();
    Tensor value = p.sub(fg::tensor({1.0, 2.0})).square().mul(fg::tensor({1.0, 10.0})).sum();
    value.backward();
    return value;
  });
  CHECK(value(loss) == doctest::Approx(16 + 250));
  CHECK(p.detach().allclose(fg::tensor({1.0, 2.0}, kDouble), 0, 1e-5));
  CHECK(lbfgs.state_dict()["state.0.func_evals"].item<int64_t>() == calls);
  CHECK_THROWS_WITH_AS(lbfgs.step(nullptr),
                       "LBFGS: step needs a closure that recomputes the loss and its gradients",
                       Error);
  CHECK_THROWS_WITH_AS(lbfgs.step([] { return Tensor(); }),
                       "LBFGS: the closure must return the loss", Error);
}

TEST_CASE("maximize ascends") {
  const Tensor p = parameter({1});
  for (int i = 0; i < 6; ++i) {
    std::unique_ptr<Optimizer> optimizers[] = {
        std::make_unique<SGD>(std::vector{p}, SGDOptions(0.1).maximize(true)),
        std::make_unique<SGD>(std::vector{p}, SGDOptions(0.1).momentum(0.9).maximize(true)),
        std::make_unique<Adam>(std::vector{p}, AdamOptions(0.1).maximize(true)),
        std::make_unique<AdamW>(std::vector{p}, AdamWOptions(0.1).maximize(true)),
        std::make_unique<RMSprop>(std::vector{p}, RMSpropOptions(0.1).maximize(true)),
        std::make_unique<Adagrad>(std::vector{p}, AdagradOptions(0.1).maximize(true))};
    const double before = value(p);
    set_grad(p, {2});
    optimizers[i]->step();
    CHECK(value(p) > before);
  }
}

TEST_CASE("parameters without a gradient stay, and count no steps") {
  const Tensor with = parameter({1, 2}), without = parameter({1, 2});
  for (const auto& optimizer : make_all({without, with})) {
    set_grad(with, {1, 1});
    optimizer->step();
    CHECK(without.detach().equal(fg::tensor({1.0, 2.0}, kDouble)));
    CHECK(!optimizer->state_dict().contains("state.0.step"));
  }
}

TEST_CASE("a step bumps the parameter's version and records nothing") {
  const Tensor p = parameter({1, 2});
  for (const auto& optimizer : make_all({p})) {
    set_grad(p, {1, 1});
    const uint32_t version = p._version();
    optimizer->step();
    CHECK(p._version() > version);
    CHECK(p.is_leaf());
    CHECK(p.requires_grad());
  }
}

TEST_CASE("step returns the closure's loss, computed with grad mode on") {
  const Tensor p = parameter({3});
  SGD sgd({p}, 0.1);
  NoGradGuard no_grad;
  const Tensor loss = sgd.step([&] {
    const Tensor square = p.square().sum();
    CHECK(square.requires_grad());
    square.backward();
    return square;
  });
  CHECK(value(loss) == 9);
  CHECK(value(p) == doctest::Approx(3 - 0.6));
  CHECK(!sgd.step().defined());
}

TEST_CASE("strides, 16-bit types and expanded gradients give the same values") {
  const std::vector<double> start = {1, -2, 3, 4, 0.5, -1}, grad = {0.5, 0.5, -1, 2, 0.25, 1};
  const auto run = [&](size_t which, const Tensor& p, const Tensor& g) {
    p.requires_grad_();
    const auto all = make_all({p});
    p.mutable_grad() = g;
    for (int i = 0; i < 3; ++i) all[which]->step();
    return p.detach().to(kDouble).contiguous();
  };
  const Tensor p0 = fg::tensor(start, kDouble).view({2, 3}),
               g0 = fg::tensor(grad, kDouble).view({2, 3});
  const auto transposed = [](const Tensor& x) { return x.t().contiguous().t(); };
  const auto spread = [](const Tensor& x) {
    Tensor wide = zeros({2, 6}, kDouble);
    wide.slice(1, 0, nullopt, 2).copy_(x);
    return wide.slice(1, 0, nullopt, 2).detach();
  };
  for (size_t which = 0; which < 9; ++which) {
    INFO("optimizer " << which);
    const Tensor expected = run(which, p0.clone(), g0);
    CHECK(run(which, transposed(p0), transposed(g0)).equal(expected));
    CHECK(run(which, transposed(p0), g0).equal(expected));
    CHECK(run(which, spread(p0), g0).equal(expected));
    CHECK(run(which, p0.to(kFloat), g0.to(kFloat)).allclose(expected, 1e-5, 1e-6));
    CHECK(run(which, p0.to(kBFloat16), g0.to(kBFloat16)).allclose(expected, 3e-2, 3e-2));
    CHECK(run(which, p0.to(kHalf), g0.to(kHalf)).allclose(expected, 4e-3, 4e-3));
    const Tensor ones_grad = run(which, p0.clone(), ones({2, 3}, kDouble));
    CHECK(run(which, p0.clone(), ones({1, 1}, kDouble).expand({2, 3})).equal(ones_grad));
  }
}

TEST_CASE("results do not depend on the number of threads or on the neighbours in the list") {
  const Tensor start = randn({100003}, kFloat), grad = randn({100003}, kFloat);
  const auto run = [&](size_t which, int threads, bool alone) {
    const int before = get_num_threads();
    set_num_threads(threads);
    const Tensor p = start.clone().requires_grad_(), other = ones({777}).requires_grad_();
    p.mutable_grad() = grad;
    other.mutable_grad() = ones({777});
    const auto all = make_all(alone ? std::vector{p} : std::vector{other, p});
    for (int i = 0; i < 3; ++i) all[which]->step();
    set_num_threads(before);
    return p.detach();
  };
  for (size_t which = 0; which < 9; ++which) {
    INFO("optimizer " << which);
    const Tensor expected = run(which, 1, true);
    CHECK(run(which, 2, true).equal(expected));
    CHECK(run(which, 3, false).equal(expected));
  }
}

TEST_CASE("empty parameters and empty lists") {
  const Tensor none = zeros({0, 3}).requires_grad_();
  none.mutable_grad() = zeros({0, 3});
  for (const auto& optimizer : make_all({none})) optimizer->step();
  SGD sgd(std::vector<Tensor>{}, 0.1);
  sgd.step();
  CHECK(sgd.size() == 0);
  sgd.add_parameters({none});
  CHECK(sgd.parameters().size() == 1);
}

TEST_CASE("zero_grad forgets the gradients, or fills them with zeros") {
  const Tensor p = parameter({1, 2});
  SGD sgd({p}, 0.1);
  set_grad(p, {1, 1});
  const Tensor held = p.grad();
  sgd.zero_grad(/*set_to_none=*/false);
  CHECK(held.equal(zeros({2}, kDouble)));
  CHECK(p.grad().defined());
  sgd.zero_grad();
  CHECK(!p.grad().defined());
}

TEST_CASE("groups have options of their own") {
  const Tensor a = parameter({1}), b = parameter({1}), c = parameter({1});
  SGD sgd(std::vector<OptimizerParamGroup>{OptimizerParamGroup({a}),
                                           OptimizerParamGroup(
                                               {b}, std::make_unique<SGDOptions>(SGDOptions(1.0)))},
          SGDOptions(0.1));
  sgd.add_param_group(OptimizerParamGroup({c}));
  CHECK(sgd.size() == 3);
  sgd.param_groups()[2].options().set_lr(0.01);
  for (const Tensor& p : {a, b, c}) set_grad(p, {1});
  sgd.step();
  CHECK(value(a) == doctest::Approx(0.9));
  CHECK(value(b) == doctest::Approx(0));
  CHECK(value(c) == doctest::Approx(0.99));
  CHECK(static_cast<SGDOptions&>(sgd.param_groups()[1].options()) == SGDOptions(1.0));
  CHECK(!(SGDOptions(1.0).momentum(0.5) == SGDOptions(1.0)));
  CHECK(sgd.defaults().get_lr() == 0.1);
}

TEST_CASE("an optimizer with the saved state goes on bit for bit") {
  for (size_t which = 0; which < 10; ++which) {
    INFO("optimizer " << which);
    const std::vector<Tensor> params = {parameter({3, -2}), parameter({0.5}, kFloat)};
    const auto make = [&](const std::vector<Tensor>& p) -> std::unique_ptr<Optimizer> {
      if (which == 9)
        return std::make_unique<LBFGS>(p, LBFGSOptions(0.2).max_iter(2).history_size(3));
      return std::move(make_all(p)[which]);
    };
    auto optimizer = make(params);
    optimizer->param_groups()[0].options().set_lr(0.07);
    descend(*optimizer, params, 4);

    const StateDict saved = optimizer->state_dict();
    std::vector<Tensor> copies;
    for (const Tensor& p : params) copies.push_back(p.detach().clone().requires_grad_());
    auto resumed = make(copies);
    resumed->load_state_dict(saved);
    CHECK(resumed->param_groups()[0].options().get_lr() == 0.07);
    descend(*optimizer, params, 4);
    descend(*resumed, copies, 4);
    for (size_t i = 0; i < params.size(); ++i) CHECK(params[i].equal(copies[i]));
    const StateDict left = optimizer->state_dict(), right = resumed->state_dict();
    REQUIRE(left.keys() == right.keys());
    for (const auto& item : left) CHECK(item.value().equal(right[item.key()]));
  }
}

TEST_CASE("state names are PyTorch's") {
  const Tensor p = parameter({1, 2}), q = parameter({1});
  AdamW adamw({p, q}, AdamWOptions(0.1).amsgrad(true));
  set_grad(q, {1});
  adamw.step();
  CHECK(adamw.state_dict().keys() ==
        std::vector<std::string>{"state.1.step", "state.1.exp_avg", "state.1.exp_avg_sq",
                                 "state.1.max_exp_avg_sq", "param_groups.0.lr",
                                 "param_groups.0.betas", "param_groups.0.eps",
                                 "param_groups.0.weight_decay", "param_groups.0.amsgrad",
                                 "param_groups.0.maximize", "param_groups.0.params"});
  CHECK(adamw.state_dict()["param_groups.0.params"].equal(fg::tensor({0, 1})));
}

TEST_CASE("state() holds each parameter's state under its printed address") {
  const Tensor p = parameter({1, 2});
  Adam adam({p});
  set_grad(p, {1, 3});
  adam.step();
  REQUIRE(adam.state().size() == 1);
  auto& state = static_cast<AdamParamState&>(*adam.state().at(str(p.unsafeGetTensorImpl())));
  CHECK(state.step() == 1);
  CHECK(state.exp_avg().allclose(fg::tensor({0.1, 0.3}, kDouble)));
  const AdamParamState copy = static_cast<AdamParamState&>(*state.clone());
  CHECK(copy == state);
  state.step(2);
  CHECK(!(copy == state));
}

TEST_CASE("a state that does not fit is refused and changes nothing") {
  const Tensor p = parameter({1, 2}), q = parameter({1, 2, 3});
  Adam small({p}), large({q}), pair({p, q});
  set_grad(p, {1, 1}), set_grad(q, {1, 1, 1});
  small.step(), large.step();
  const StateDict before = small.state_dict();
  const auto refused = [&](const StateDict& state, const char* text) {
    CHECK_THROWS_WITH_AS(small.load_state_dict(state), text, Error);
    CHECK(small.state_dict()["state.0.exp_avg"].is_same(before["state.0.exp_avg"]));
  };
  refused(large.state_dict(),
          "load_state_dict: 'state.0.exp_avg' must have shape [2] (its parameter's), got [3]");
  refused(pair.state_dict(), "load_state_dict: group 0 must have 1 parameters, the state has 2");
  refused(StateDict(), "load_state_dict: the state has 0 parameter groups, the optimizer 1");
  StateDict changed = before;
  changed.erase("state.0.step");
  refused(changed, "load_state_dict: key 'state.0.step' is missing");
  changed = before;
  changed.insert("state.7.step", zeros({}));
  refused(changed, "load_state_dict: key 'state.7.step' is not expected");
  changed = before;
  changed["param_groups.0.lr"] = zeros({2});
  refused(changed, "load_state_dict: 'param_groups.0.lr' must have 1 elements, got shape [2]");
  changed["param_groups.0.lr"] = full({}, -1.0);
  refused(changed, "Adam: lr must be >= 0, got -1");
  SGD sgd({p}, 0.1);
  refused(sgd.state_dict(), "load_state_dict: key 'param_groups.0.betas' is missing");
}
