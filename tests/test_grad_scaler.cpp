// amp::GradScaler: PyTorch's scales and steps, misuse, state, and captured steps.
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "autograd/autocast.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/reduce.h"
#include "optim/grad_scaler.h"
#include "optim/graphed_step.h"
#include "optim/optim.h"
#include "tensor/factories.h"
#include "tests/device_under_test.h"
#include "tests/error_text.h"
#include "tests/fixture.h"

using namespace fg;
using amp::GradScaler;
using amp::GradScalerOptions;
using fg::test::device_under_test;
using fg::test::error_of;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor parameter(std::vector<float> values) {
  return tensor(values).to(device_under_test()).requires_grad_();
}

double number_named(const std::string& text) { return std::stod(text); }

template <class MakeOptimizer>
void check_against_pytorch(const char* name, const MakeOptimizer& make) {
  const fg::test::FixtureFile file("autocast");
  const fg::test::FixtureCase& fixture = file[name];
  const Tensor p = parameter({1, -2, 0.5});
  const Tensor target = tensor({0.25F, 0.5F, -1.0F}).to(device_under_test());
  const auto optimizer = make({p});
  GradScaler scaler(GradScalerOptions().init_scale(1024).growth_interval(3));
  const Tensor scales = fixture["scales"], trackers = fixture["trackers"], path = fixture["path"];
  const auto& bad_steps = fixture.options.at("bad_steps");
  for (int64_t step = 0; step < scales.numel(); ++step) {
    CAPTURE(step);
    optimizer->zero_grad();
    scaler.scale(0.5 * (p - target).square().sum()).backward();
    if (const auto bad = bad_steps.find(std::to_string(step)); bad != bad_steps.end())
      p.mutable_grad()[step % 3] = number_named(bad->get<std::string>());
    scaler.step(*optimizer);
    scaler.update();
    CHECK(scaler.get_scale() == scales[step].item<double>());
    CHECK(scaler.state_dict()["_growth_tracker"].item<int64_t>() == trackers[step].item<int64_t>());
    CHECK(fg::test::difference(p, path[step]) == "");
  }
}

}  // namespace

TEST_CASE("GradScaler: scales, skipped steps and parameters are PyTorch's") {
  check_against_pytorch("grad_scaler_sgd", [](const std::vector<Tensor>& p) {
    return std::make_unique<optim::SGD>(p, optim::SGDOptions(0.1).momentum(0.9));
  });
  check_against_pytorch("grad_scaler_adam", [](const std::vector<Tensor>& p) {
    return std::make_unique<optim::Adam>(p, optim::AdamOptions(0.1));
  });
}

TEST_CASE("GradScaler: unscale_ takes gradients of every kind") {
  // Several chunks, an odd start, strides, Double, and 16 bits.
  const auto make = [] {
    const auto options = [](ScalarType type) { return TensorOptions(type); };
    std::vector<Tensor> grads = {full({20003}, 512, options(kFloat)),
                                 full({1001}, 512, options(kFloat)).slice(0, 1),
                                 full({30, 7}, 512, options(kFloat)).t(),
                                 full({4, 6}, 512, options(kFloat)).slice(1, 0, nullopt, 2),
                                 full({33}, 512, options(kDouble)),
                                 full({33}, 512, options(kBFloat16)),
                                 full({0}, 512, kFloat)};
    for (Tensor& grad : grads) grad = grad.to(device_under_test());
    return grads;
  };
  // No bad gradient, then one in each of them.
  for (size_t bad = 0; bad < 7; ++bad) {
    CAPTURE(bad);
    for (const double value : {-kInfinity, kInfinity, std::nan("")}) {
      std::vector<Tensor> params;
      for (const Tensor& grad : make()) {
        params.push_back(zeros_like(grad).requires_grad_());
        params.back().mutable_grad() = grad;
      }
      if (bad < 6) params[bad].mutable_grad().select(0, -1).fill_(value);
      optim::SGD optimizer(params, optim::SGDOptions(1));
      GradScaler scaler(GradScalerOptions().init_scale(256));
      scaler.scale(zeros({}, device_under_test()));
      scaler.unscale_(optimizer);
      for (size_t i = 0; i < params.size(); ++i) {
        if (i == bad) continue;
        CHECK(params[i].grad().eq(2).all().item<bool>());
      }
      scaler.step(optimizer);
      scaler.update();
      CHECK(scaler.get_scale() == (bad < 6 ? 128 : 256));
      CHECK(params[0].detach().eq(bad < 6 ? 0 : -2).all().item<bool>());
    }
  }
}

TEST_CASE("GradScaler: misuse") {
  const Tensor p = parameter({1, 2});
  optim::SGD optimizer({p}, optim::SGDOptions(0.1));
  GradScaler scaler;
  CHECK(error_of([&] { scaler.unscale_(optimizer); }) ==
        "GradScaler::unscale_: scale() must be called before");
  CHECK(error_of([&] { scaler.step(optimizer); }) ==
        "GradScaler::step: scale() must be called before");
  CHECK(error_of([&] { scaler.update(); }) == "GradScaler::update: scale() must be called before");
  scaler.scale(p.sum());
  CHECK(error_of([&] { scaler.step(optimizer); }) ==
        "GradScaler::step: no inf checks were recorded for this optimizer: none of its parameters "
        "has a gradient");
  scaler.update(1024.0);
  CHECK(error_of([&] { scaler.update(); }) ==
        "GradScaler::update: no inf checks were recorded before update");
  scaler.scale(p.sum()).backward();
  scaler.unscale_(optimizer);
  CHECK(error_of([&] { scaler.unscale_(optimizer); }) ==
        "GradScaler::unscale_: must not be called twice on one optimizer between step and update");
  scaler.step(optimizer);
  CHECK(error_of([&] { scaler.step(optimizer); }) ==
        "GradScaler::step: must not be called twice on one optimizer without update between");
  CHECK(error_of([&] { scaler.unscale_(optimizer); }) ==
        "GradScaler::unscale_: must not be called after step on the same optimizer");
  CHECK(error_of([&] { scaler.step(optimizer, [&] { return p.sum(); }); }) ==
        "GradScaler::step: closure must be empty while the scaler is enabled");
  CHECK(error_of([&] { scaler.update(p); }) ==
        "GradScaler::update: new_scale must be a number or a Float tensor of one element that does "
        "not require grad, got Float of shape [2]");
  const Tensor half = parameter({1}).detach().to(kHalf).requires_grad_();
  half.mutable_grad() = ones_like(half);
  optim::SGD of_half({half}, optim::SGDOptions(0.1));
  CHECK(error_of([&] { scaler.unscale_(of_half); }) ==
        "GradScaler::unscale_: gradients must not be Half");
  CHECK(error_of([] { GradScaler(GradScalerOptions().growth_factor(1)); }) ==
        "GradScaler: growth_factor must be above 1, got 1");
  CHECK(error_of([] { GradScaler(GradScalerOptions().backoff_factor(1)); }) ==
        "GradScaler: backoff_factor must be below 1, got 1");
}

TEST_CASE("GradScaler: disabled, it stands aside") {
  const Tensor p = parameter({1, 2});
  optim::SGD optimizer({p}, optim::SGDOptions(0.5));
  GradScaler scaler(GradScalerOptions().enabled(false));
  const Tensor loss = p.sum();
  CHECK(scaler.scale(loss).is_same(loss));
  loss.backward();
  scaler.unscale_(optimizer);
  scaler.step(optimizer);
  scaler.update();
  CHECK(equal(p.detach().cpu(), tensor({0.5F, 1.5F})));
  CHECK(scaler.get_scale() == 1);
  CHECK(scaler.state_dict().is_empty());
}

TEST_CASE("GradScaler: the state goes to another scaler") {
  const Tensor p = parameter({1, 2});
  const auto step = [&](GradScaler& scaler, double grad) {
    optim::SGD optimizer({p}, optim::SGDOptions(0));
    scaler.scale(std::vector<Tensor>{p.sum(), p.sum()});
    p.mutable_grad() = full({2}, grad, device_under_test());
    scaler.step(optimizer);
    scaler.update();
  };
  GradScaler first(GradScalerOptions().init_scale(64).growth_interval(3).growth_factor(4));
  step(first, kInfinity);
  step(first, 1);
  step(first, 1);
  GradScaler lazy, made;
  step(made, 1);
  for (GradScaler* other : {&lazy, &made}) {
    other->load_state_dict(first.state_dict());
    CHECK(other->get_scale() == 32);
    CHECK(other->get_growth_factor() == 4);
    CHECK(other->get_growth_interval() == 3);
    CHECK(other->get_backoff_factor() == 0.5);
    step(*other, 1);
    CHECK(other->get_scale() == 128);
  }
  made.update(full({1}, 8.0, device_under_test()));
  CHECK(made.get_scale() == 8);
  CHECK(error_of([&] { made.load_state_dict({}); }) ==
        "GradScaler::load_state_dict: the state is empty, perhaps that of a scaler that was not "
        "enabled");
}

namespace {

struct Trajectory {
  std::vector<double> params, scales;
  bool operator==(const Trajectory&) const = default;
};

/// Steps under autocast, on inputs of which the 6th and the 9th bring an infinity into the gradients.
template <class MakeOptimizer>
Trajectory train(bool graphed, const MakeOptimizer& make) {
  const Tensor p = parameter({1, -2, 0.5}).detach().unsqueeze(0).clone().requires_grad_();
  const auto optimizer = make({p});
  GradScaler scaler(GradScalerOptions().init_scale(1024).growth_interval(3));
  GraphedStep step(
      device_under_test(),
      [&](const std::vector<Tensor>& batch) {
        optimizer->zero_grad();
        Tensor loss;
        {
          const autocast guard(device_under_test().type(), kBFloat16);
          loss = mse_loss(linear(batch[0], p), batch[1], Reduction::Sum);
        }
        scaler.scale(loss).backward();
        scaler.step(*optimizer);
        scaler.update();
        return loss;
      },
      GraphedStepOptions().enabled(graphed));
  Trajectory result;
  for (int i = 0; i < 14; ++i) {
    const bool bad = i == 5 || i == 8;
    step({full({2, 3}, bad ? kInfinity : 0.25 + i, TensorOptions(kFloat)), full({2, 1}, 50.0)});
    CHECK(step.is_captured() == (graphed && device_under_test().is_cuda() && i >= 3));
    for (int64_t k = 0; k < 3; ++k) result.params.push_back(p[0][k].template item<double>());
    result.scales.push_back(scaler.get_scale());
  }
  CHECK(result.params[15] == result.params[12]);  // the 6th step was skipped
  CHECK(result.params[18] != result.params[15]);
  CHECK(result.scales[5] == result.scales[4] / 2);
  return result;
}

}  // namespace

TEST_CASE("GradScaler: captured steps skip and scale on the device") {
  const auto sgd = [](const std::vector<Tensor>& p) {
    return std::make_unique<optim::SGD>(p, optim::SGDOptions(1e-3).momentum(0.9));
  };
  CHECK(train(true, sgd) == train(false, sgd));
  const auto rmsprop = [](const std::vector<Tensor>& p) {
    return std::make_unique<optim::RMSprop>(p, optim::RMSpropOptions(1e-2).centered(true));
  };
  CHECK(train(true, rmsprop) == train(false, rmsprop));
  // Its count of steps goes on, so that only what is skipped is the same.
  const auto adam = [](const std::vector<Tensor>& p) {
    return std::make_unique<optim::Adam>(p, optim::AdamOptions(1e-2));
  };
  CHECK(train(true, adam).scales == train(false, adam).scales);
}
