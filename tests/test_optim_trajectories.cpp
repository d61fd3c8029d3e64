// Every optimizer step by step against PyTorch (tests/fixtures/optim_cases.py).
#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "optim/optim.h"
#include "tests/fixture.h"

using namespace fg;
using namespace fg::test;

namespace {

using optim::OptimizerOptions;

std::tuple<double, double> betas(const Arguments& args, std::tuple<double, double> otherwise) {
  if (!args.has("betas")) return otherwise;
  return {args.json("betas")[0].get<double>(), args.json("betas")[1].get<double>()};
}

/// Changes the options by the arguments that are given.
void apply(optim::SGDOptions& o, const Arguments& a) {
  o.lr(a.number("lr", o.lr())).momentum(a.number("momentum", o.momentum()));
  o.dampening(a.number("dampening", o.dampening()));
  o.weight_decay(a.number("weight_decay", o.weight_decay()));
  o.nesterov(a.flag("nesterov", o.nesterov())).maximize(a.flag("maximize", o.maximize()));
}
template <class AdamLike>
void apply_adam(AdamLike& o, const Arguments& a) {
  o.lr(a.number("lr", o.lr())).betas(betas(a, o.betas())).eps(a.number("eps", o.eps()));
  o.weight_decay(a.number("weight_decay", o.weight_decay()));
  o.amsgrad(a.flag("amsgrad", o.amsgrad())).maximize(a.flag("maximize", o.maximize()));
}
void apply(optim::AdamOptions& o, const Arguments& a) { apply_adam(o, a); }
void apply(optim::AdamWOptions& o, const Arguments& a) { apply_adam(o, a); }
void apply(optim::RMSpropOptions& o, const Arguments& a) {
  o.lr(a.number("lr", o.lr())).alpha(a.number("alpha", o.alpha())).eps(a.number("eps", o.eps()));
  o.weight_decay(a.number("weight_decay", o.weight_decay()));
  o.momentum(a.number("momentum", o.momentum())).centered(a.flag("centered", o.centered()));
}
void apply(optim::AdagradOptions& o, const Arguments& a) {
  o.lr(a.number("lr", o.lr())).lr_decay(a.number("lr_decay", o.lr_decay()));
  o.weight_decay(a.number("weight_decay", o.weight_decay())).eps(a.number("eps", o.eps()));
  o.initial_accumulator_value(a.number("initial_accumulator_value", o.initial_accumulator_value()));
}
void apply(optim::LBFGSOptions& o, const Arguments& a) {
  o.lr(a.number("lr", o.lr())).max_iter(a.integer("max_iter", o.max_iter()));
  o.history_size(a.integer("history_size", o.history_size()));
  o.max_eval(a.optional_integer("max_eval"));
  if (a.has("line_search_fn")) o.line_search_fn(a.text("line_search_fn"));
}

/// With "groups" in the case, the i-th parameter is alone in a group with those options on top.
template <class Optimizer, class Options>
std::unique_ptr<optim::Optimizer> make(const FixtureCase& fixture,
                                       const std::vector<Tensor>& params) {
  Options defaults;
  apply(defaults, fixture.arguments());
  if (!fixture.options.contains("groups")) return std::make_unique<Optimizer>(params, defaults);
  std::vector<optim::OptimizerParamGroup> groups;
  for (size_t i = 0; i < params.size(); ++i) {
    auto options = std::make_unique<Options>(defaults);
    apply(*options, Arguments(fixture.options["groups"][i]));
    groups.emplace_back(std::vector<Tensor>{params[i]}, std::move(options));
  }
  return std::make_unique<Optimizer>(groups, defaults);
}

std::unique_ptr<optim::Optimizer> make_optimizer(const FixtureCase& fixture,
                                                 const std::vector<Tensor>& params) {
  const std::string name = fixture.options["optimizer"];
  if (name == "SGD") return make<optim::SGD, optim::SGDOptions>(fixture, params);
  if (name == "Adam") return make<optim::Adam, optim::AdamOptions>(fixture, params);
  if (name == "AdamW") return make<optim::AdamW, optim::AdamWOptions>(fixture, params);
  if (name == "RMSprop") return make<optim::RMSprop, optim::RMSpropOptions>(fixture, params);
  if (name == "Adagrad") return make<optim::Adagrad, optim::AdagradOptions>(fixture, params);
  REQUIRE(name == "LBFGS");
  return make<optim::LBFGS, optim::LBFGSOptions>(fixture, params);
}

Tensor loss_of(const FixtureCase& fixture, const std::vector<Tensor>& p, int64_t step) {
  const std::string problem = fixture.options["problem"];
  const Tensor& x = p[0];
  if (problem == "rosenbrock")
    return x[0].neg().add(1).square() + x[0].square().neg().add(x[1]).square().mul(100);
  if (problem == "sparse") return x.slice(0, step % 2, nullopt, 2).abs().pow(3).sum();
  Tensor loss = x.dot(fixture["A"].mv(x)).mul(0.5) - fixture["b"].dot(x);
  if (problem == "two") loss = loss + p[1].sub(1).pow(4).sum();
  return loss;
}

void check_trajectory(const FixtureCase& fixture) {
  INFO("case " << fixture.name << ": " << fixture.options.dump());
  std::vector<Tensor> params = fixture.numbered("in");
  for (const Tensor& param : params) param.requires_grad_();
  const auto optimizer = make_optimizer(fixture, params);
  const Tensor losses = fixture["losses"];
  const std::vector<Tensor> paths = fixture.numbered("path");
  // Line searches decide by comparisons and so amplify rounding on the way to the minimum.
  const Tolerance tolerance{fixture.options["optimizer"] == "LBFGS" ? 1e-8 : 1e-12, 1};
  for (int64_t step = 0; step < fixture.options["steps"].get<int64_t>(); ++step) {
    INFO("step " << step);
    const Tensor loss = optimizer->step([&] {
      optimizer->zero_grad();
      const Tensor value = loss_of(fixture, params, step);
      value.backward();
      return value;
    });
    const std::string wrong_loss = difference(loss.detach(), losses[step], tolerance);
    REQUIRE_MESSAGE(wrong_loss.empty(), wrong_loss);
    for (size_t i = 0; i < params.size(); ++i) {
      const std::string wrong = difference(params[i].detach(), paths[i][step], tolerance);
      REQUIRE_MESSAGE(wrong.empty(), wrong);
    }
  }
}

}  // namespace

TEST_CASE("optimizers follow PyTorch's trajectories") {
  const FixtureFile file("optim");
  int count = 0;
  for (const FixtureCase& fixture : file.cases()) {
    if (!fixture.options.contains("problem")) continue;
    SUBCASE(fixture.name.c_str()) { check_trajectory(fixture); }
    ++count;
  }
  CHECK(count >= 45);
}
