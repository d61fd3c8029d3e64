// Learning-rate schedules against PyTorch (tests/fixtures/optim_cases.py), composition, resuming
// and errors.
#include <cmath>

#include <doctest/doctest.h>

#include "optim/optim.h"
#include "tensor/factories.h"
#include "tests/fixture.h"

using namespace fg;
using namespace fg::optim;
using namespace fg::test;

namespace {

/// A number or a list of numbers.
std::vector<double> numbers(const Arguments& args, const std::string& name,
                            std::vector<double> otherwise = {}) {
  if (!args.has(name)) return otherwise;
  const auto& value = args.json(name);
  return value.is_array() ? value.get<std::vector<double>>()
                          : std::vector<double>{value.get<double>()};
}

LambdaLR::Lambda lambda_named(const std::string& name) {
  if (name == "power_0.95") return [](int64_t epoch) { return std::pow(0.95, double(epoch)); };
  if (name == "inverse") return [](int64_t epoch) { return 1.0 / double(1 + epoch); };
  REQUIRE(name == "warmup_5");
  return [](int64_t epoch) { return std::min(1.0, double(epoch + 1) / 5); };
}

std::unique_ptr<LRScheduler> make_one_cycle(Optimizer& optimizer, const Arguments& a) {
  const int64_t total = a.has("total_steps") ? a.integer("total_steps")
                                             : a.integer("epochs") * a.integer("steps_per_epoch");
  OneCycleLROptions o(numbers(a, "max_lr"), total);
  o.pct_start(a.number("pct_start", o.pct_start())).three_phase(a.flag("three_phase"));
  o.anneal_strategy(a.text("anneal_strategy", "cos"));
  o.cycle_momentum(a.flag("cycle_momentum", true));
  o.base_momentum(numbers(a, "base_momentum", o.base_momentum()));
  o.max_momentum(numbers(a, "max_momentum", o.max_momentum()));
  o.div_factor(a.number("div_factor", o.div_factor()));
  o.final_div_factor(a.number("final_div_factor", o.final_div_factor()));
  return std::make_unique<OneCycleLR>(optimizer, o);
}

std::unique_ptr<LRScheduler> make_plateau(Optimizer& optimizer, const Arguments& a) {
  ReduceLROnPlateauOptions o;
  o.mode(a.text("mode", "min")).factor(a.number("factor", 0.1)).patience(a.integer("patience"));
  o.threshold(a.number("threshold", 1e-4)).threshold_mode(a.text("threshold_mode", "rel"));
  o.cooldown(a.integer("cooldown", 0)).min_lr(numbers(a, "min_lr", {0})).eps(a.number("eps", 1e-8));
  return std::make_unique<ReduceLROnPlateau>(optimizer, o);
}

std::unique_ptr<LRScheduler> make_scheduler(const std::string& name, Optimizer& optimizer,
                                            const Arguments& a) {
  if (name == "StepLR")
    return std::make_unique<StepLR>(optimizer, a.integer("step_size"), a.number("gamma", 0.1));
  if (name == "MultiStepLR")
    return std::make_unique<MultiStepLR>(optimizer, a.integers("milestones"), a.number("gamma"));
  if (name == "ExponentialLR") return std::make_unique<ExponentialLR>(optimizer, a.number("gamma"));
  if (name == "ConstantLR")
    return std::make_unique<ConstantLR>(optimizer, a.number("factor"), a.integer("total_iters"));
  if (name == "LinearLR")
    return std::make_unique<LinearLR>(optimizer, a.number("start_factor", 1.0 / 3),
                                      a.number("end_factor", 1), a.integer("total_iters", 5));
  if (name == "PolynomialLR")
    return std::make_unique<PolynomialLR>(optimizer, a.integer("total_iters"), a.number("power"));
  if (name == "CosineAnnealingLR")
    return std::make_unique<CosineAnnealingLR>(optimizer, a.integer("T_max"),
                                               a.number("eta_min", 0));
  if (name == "CosineAnnealingWarmRestarts")
    return std::make_unique<CosineAnnealingWarmRestarts>(
        optimizer, a.integer("T_0"), a.integer("T_mult", 1), a.number("eta_min", 0));
  if (name == "LambdaLR")
    return std::make_unique<LambdaLR>(optimizer, lambda_named(a.text("lambda")));
  if (name == "MultiplicativeLR")
    return std::make_unique<MultiplicativeLR>(optimizer, lambda_named(a.text("lambda")));
  if (name == "CyclicLR") {
    CyclicLROptions o(a.number("base_lr"), a.number("max_lr"));
    o.step_size_up(a.integer("step_size_up")).step_size_down(a.optional_integer("step_size_down"));
    return std::make_unique<CyclicLR>(optimizer, o.mode(a.text("mode", "triangular")));
  }
  if (name == "ReduceLROnPlateau") return make_plateau(optimizer, a);
  REQUIRE(name == "OneCycleLR");
  return make_one_cycle(optimizer, a);
}

/// An optimizer with one group per learning rate.
template <class O, class Options>
std::unique_ptr<Optimizer> make_optimizer(const std::vector<double>& lrs, const Options& defaults) {
  std::vector<OptimizerParamGroup> groups;
  for (const double lr : lrs) {
    groups.emplace_back(std::vector{zeros({1}).requires_grad_()},
                        std::make_unique<Options>(Options(defaults).lr(lr)));
  }
  return std::make_unique<O>(groups, defaults);
}
std::unique_ptr<Optimizer> sgd(const std::vector<double>& lrs) {
  return make_optimizer<SGD>(lrs, SGDOptions(0.1).momentum(0.9));
}
std::unique_ptr<Optimizer> optimizer_of(const FixtureCase& fixture) {
  std::vector<double> lrs;
  for (const auto& group : fixture.options["groups"]) lrs.push_back(group["lr"]);
  if (fixture.options["optimizer"] == "Adam") return make_optimizer<Adam>(lrs, AdamOptions());
  const Arguments args(fixture.options["optimizer_args"]);
  return make_optimizer<SGD>(lrs, SGDOptions(0.1).momentum(args.number("momentum", 0)));
}

std::vector<double> momenta_of(Optimizer& optimizer) {
  std::vector<double> momenta;
  for (auto& group : optimizer.param_groups())
    momenta.push_back(*group.options().cycled_momentum());
  return momenta;
}

void check_row(const char* what, const std::vector<double>& actual, const Tensor& expected) {
  const std::string wrong = difference(fg::tensor(actual, kDouble), expected, {1e-12, 1e-9});
  CHECK_MESSAGE(wrong.empty(), what << ": " << wrong);
}

void step(LRScheduler& scheduler, const Tensor& metrics, int64_t i) {
  if (auto* plateau = dynamic_cast<ReduceLROnPlateau*>(&scheduler))
    plateau->step(metrics[i].item<double>());
  else
    scheduler.step();
}

/// Halfway, everything is saved and loaded into fresh objects, as a resumed run does.
void check_schedule(const FixtureCase& fixture, bool resume) {
  INFO("case " << fixture.name << ": " << fixture.options.dump());
  auto optimizer = optimizer_of(fixture);
  const std::string name = fixture.options["scheduler"];
  auto scheduler = make_scheduler(name, *optimizer, fixture.arguments());
  const int64_t steps = fixture.options["steps"];
  const Tensor metrics = fixture.has("metrics") ? fixture["metrics"] : Tensor();
  for (int64_t i = 0;; ++i) {
    INFO("step " << i);
    check_row("lr", scheduler->get_last_lr(), fixture["lrs"][i]);
    if (fixture.has("momenta"))
      check_row("momentum", momenta_of(*optimizer), fixture["momenta"][i]);
    CHECK(scheduler->last_epoch() == i);
    if (i == steps) break;
    if (resume && i == steps / 2) {
      const StateDict optimizer_state = optimizer->state_dict();
      const StateDict scheduler_state = scheduler->state_dict();
      optimizer = optimizer_of(fixture);
      scheduler = make_scheduler(name, *optimizer, fixture.arguments());
      optimizer->load_state_dict(optimizer_state);
      scheduler->load_state_dict(scheduler_state);
    }
    step(*scheduler, metrics, i);
  }
}

}  // namespace

TEST_CASE("schedules equal PyTorch's") {
  const FixtureFile file("optim");
  int count = 0;
  for (const FixtureCase& fixture : file.cases()) {
    if (!fixture.options.contains("scheduler")) continue;
    SUBCASE(fixture.name.c_str()) {
      check_schedule(fixture, false);
      check_schedule(fixture, true);
    }
    ++count;
  }
  CHECK(count >= 30);
}

TEST_CASE("a warm-up, then a cosine") {
  auto optimizer = sgd({0.1});
  SequentialLR sequence(*optimizer,
                        {std::make_shared<LinearLR>(*optimizer, 0.25, 1.0, 3),
                         std::make_shared<CosineAnnealingLR>(*optimizer, 4)},
                        {3});
  std::vector<double> expected = {0.025, 0.05, 0.075};
  for (int i = 0; i <= 4; ++i) expected.push_back(0.05 * (1 + std::cos(M_PI * i / 4)));
  for (const double lr : expected) {
    CHECK(sequence.get_last_lr()[0] == doctest::Approx(lr).epsilon(1e-12));
    sequence.step();
  }
}

TEST_CASE("chained schedulers multiply") {
  auto optimizer = sgd({1.0});
  ChainedScheduler chain({std::make_shared<ConstantLR>(*optimizer, 0.5, 2),
                          std::make_shared<ExponentialLR>(*optimizer, 0.9)});
  for (const double lr : {0.5, 0.45, 0.81, 0.729}) {
    CHECK(chain.get_last_lr()[0] == doctest::Approx(lr).epsilon(1e-12));
    chain.step();
  }
  const StateDict state = chain.state_dict();
  CHECK(state["_schedulers.1.last_epoch"].item<int64_t>() == 4);
}

TEST_CASE("a sequence resumes where it was") {
  const auto make = [](Optimizer& optimizer) {
    return std::make_unique<SequentialLR>(
        optimizer,
        std::vector<std::shared_ptr<LRScheduler>>{
            std::make_shared<LinearLR>(optimizer, 0.5, 1.0, 2),
            std::make_shared<CosineAnnealingWarmRestarts>(optimizer, 2, 2)},
        std::vector<int64_t>{2});
  };
  auto optimizer = sgd({0.1}), other = sgd({0.1});
  auto scheduler = make(*optimizer), resumed = make(*other);
  for (int i = 0; i < 5; ++i) scheduler->step();
  other->load_state_dict(optimizer->state_dict());
  resumed->load_state_dict(scheduler->state_dict());
  for (int i = 0; i < 8; ++i) {
    CHECK(scheduler->get_last_lr() == resumed->get_last_lr());
    scheduler->step();
    resumed->step();
  }
}

TEST_CASE("schedulers say what is wrong") {
  auto optimizer = sgd({0.1, 0.2});
  auto& o = *optimizer;
#define CHECK_ERROR(expression, text) CHECK_THROWS_WITH_AS(expression, text, Error)
  CHECK_ERROR(StepLR(o, 0), "StepLR: step_size must be > 0, got 0");
  CHECK_ERROR(ConstantLR(o, 1.5), "ConstantLR: factor must be in [0, 1], got 1.5");
  CHECK_ERROR(LinearLR(o, 0), "LinearLR: start_factor must be in (0, 1], got 0");
  CHECK_ERROR(LinearLR(o, 1, -1), "LinearLR: end_factor must be in [0, 1], got -1");
  CHECK_ERROR(PolynomialLR(o, 0), "PolynomialLR: total_iters must be > 0, got 0");
  CHECK_ERROR(CosineAnnealingLR(o, 0), "CosineAnnealingLR: T_max must be > 0, got 0");
  CHECK_ERROR(CosineAnnealingWarmRestarts(o, 0),
              "CosineAnnealingWarmRestarts: T_0 must be > 0, got 0");
  CHECK_ERROR(CosineAnnealingWarmRestarts(o, 2, 0),
              "CosineAnnealingWarmRestarts: T_mult must be >= 1, got 0");
  CHECK_ERROR(LambdaLR(o, std::vector<LambdaLR::Lambda>{lambda_named("inverse")}),
              "LambdaLR: lr_lambdas must have one function per parameter group (2), got 1");
  CHECK_ERROR(LambdaLR(o, LambdaLR::Lambda()), "LambdaLR: a function of lr_lambdas is empty");
  CHECK_ERROR(OneCycleLR(o, 1.0, 0), "OneCycleLR: total_steps must be > 0, got 0");
  CHECK_ERROR(OneCycleLR(o, OneCycleLROptions(1.0, 9).pct_start(2)),
              "OneCycleLR: pct_start must be in [0, 1], got 2");
  CHECK_ERROR(OneCycleLR(o, OneCycleLROptions(1.0, 9).anneal_strategy("sine")),
              "OneCycleLR: anneal_strategy must be 'cos' or 'linear', got 'sine'");
  CHECK_ERROR(OneCycleLR(o, OneCycleLROptions({1.0, 2.0, 3.0}, 9)),
              "OneCycleLR: max_lr must have one value per parameter group (2), got 3");
  auto adagrad = make_optimizer<Adagrad>({0.1}, AdagradOptions());
  CHECK_ERROR(OneCycleLR(*adagrad, 1.0, 5),
              "OneCycleLR: cycle_momentum needs an optimizer with momentum or betas");
  CHECK_ERROR(CyclicLR(o, CyclicLROptions(0.1, 1.0).step_size_up(0)),
              "CyclicLR: step_size_up must be > 0 and step_size_down >= 0, got 0 and 0");
  CHECK_ERROR(CyclicLR(o, CyclicLROptions(0.1, 1.0).mode("sine")),
              "CyclicLR: mode must be 'triangular', 'triangular2' or 'exp_range', got 'sine'");
  CHECK_ERROR(ReduceLROnPlateau(o, ReduceLROnPlateauOptions().factor(1)),
              "ReduceLROnPlateau: factor must be < 1, got 1");
  CHECK_ERROR(ReduceLROnPlateau(o, ReduceLROnPlateauOptions().mode("best")),
              "ReduceLROnPlateau: mode must be 'min' or 'max', got 'best'");
  CHECK_ERROR(ReduceLROnPlateau(o, ReduceLROnPlateauOptions().threshold_mode("x")),
              "ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs', got 'x'");
  CHECK_ERROR(ReduceLROnPlateau(o).step(), "ReduceLROnPlateau: step needs the metric");
  const auto step_lr = std::make_shared<StepLR>(o, 2);
  CHECK_ERROR(SequentialLR(o, {step_lr, step_lr}, {}),
              "SequentialLR: milestones must have 1 entries, one less than schedulers, got 0");
  CHECK_ERROR(SequentialLR(o, {step_lr, step_lr, step_lr}, {4, 2}),
              "SequentialLR: milestones must ascend, got [4, 2]");
  CHECK_ERROR(SequentialLR(*adagrad, {step_lr}, {}),
              "SequentialLR: schedulers[0] must belong to the same optimizer");
  CHECK_ERROR(ChainedScheduler({}), "ChainedScheduler: schedulers must not be empty");
  CHECK_ERROR(ChainedScheduler({step_lr, nullptr}), "ChainedScheduler: schedulers[1] is null");
  CHECK_ERROR(ChainedScheduler({std::make_shared<ReduceLROnPlateau>(o)}),
              "ChainedScheduler: schedulers[0] must step without a metric, got ReduceLROnPlateau");
}

TEST_CASE("a schedule refuses to go on past its end, or over other groups") {
  auto optimizer = sgd({0.1});
  OneCycleLR one_cycle(*optimizer, 1.0, 3);
  for (int i = 0; i < 3; ++i) one_cycle.step();
  CHECK_ERROR(one_cycle.step(),
              "OneCycleLR: step must be called at most total_steps = 3 times, got call 4");

  auto growing = sgd({0.1});
  LambdaLR lambda(*growing, lambda_named("inverse"));
  growing->add_param_group(OptimizerParamGroup({zeros({2}).requires_grad_()}));
  CHECK_ERROR(lambda.step(),
              "LRScheduler: the optimizer must keep its 1 parameter groups, it has 2");
  auto two = sgd({0.1, 0.2});
  StepLR longer(*two, 2);
  CHECK_ERROR(lambda.load_state_dict(longer.state_dict()),
              "load_state_dict: base_lrs must have 1 values, one per parameter group, got 2");
  CHECK_ERROR(lambda.load_state_dict(StateDict()), "load_state_dict: key 'last_epoch' is missing");
  StateDict extra = lambda.state_dict();
  extra.insert("T_cur", zeros({}));
  CHECK_ERROR(lambda.load_state_dict(extra), "load_state_dict: key 'T_cur' is not expected");
#undef CHECK_ERROR
}
