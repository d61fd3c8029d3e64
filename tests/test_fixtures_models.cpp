// 300 training steps of the four reference models, fused and composed, against PyTorch's losses.
#include <cmath>

#include <doctest/doctest.h>

#include "autograd/ops/loss.h"
#include "nn/models/reference_models.h"
#include "optim/optim.h"
#include "tests/device_under_test.h"
#include "tests/fixture.h"

using namespace fg;
using namespace fg::test;

namespace {

std::unique_ptr<optim::Optimizer> make_optimizer(const FixtureCase& run,
                                                 const std::vector<Tensor>& parameters) {
  const Arguments a = run.arguments();
  if (run.options.at("optimizer") == "SGD")
    return std::make_unique<optim::SGD>(
        parameters, optim::SGDOptions(a.number("lr")).momentum(a.number("momentum")));
  return std::make_unique<optim::AdamW>(
      parameters, optim::AdamWOptions(a.number("lr")).weight_decay(a.number("weight_decay")));
}

// The losses of the first num_steps steps.
std::vector<double> train(const FixtureFile& file, const FixtureCase& run, bool fused,
                          int64_t num_steps) {
  const std::string name = run.options.at("model");
  const FixtureCase& data = file[name];
  const ScalarType type = dtype_named(run.options.at("dtype"));
  const auto& kind = nn::models::reference_model(name);
  const auto model = kind.make(kind.small);
  model->use_fused(fused);
  model->load_state_dict(data.starting_with("param."));
  model->to(type);
  model->to(device_under_test());
  const Tensor x = data["input"].to(type), target = data["target"].to(type);
  const auto optimizer = make_optimizer(run, model->parameters());
  std::vector<double> losses;
  for (int64_t step = 0; step < num_steps; ++step) {
    optimizer->zero_grad();
    const Tensor loss = mse_loss(model->forward(x), target);
    loss.backward();
    optimizer->step();
    losses.push_back(loss.item<double>());
  }
  return losses;
}

}  // namespace

TEST_CASE("loss curves of the reference models follow PyTorch's") {
  const FixtureFile file("models");
  int num_curves = 0;
  for (const FixtureCase& run : file.cases()) {
    if (!run.options.contains("optimizer")) continue;
    ++num_curves;
    const bool single = run.options.at("dtype") == "float32";
    const Tensor expected = run["losses"];
    REQUIRE(expected.numel() == file[run.options.at("model")].options.at("steps").get<int64_t>());
    const int64_t num_steps = device_under_test_is_emulated() ? 6 : expected.numel();
    for (const bool fused : {true, false}) {
      CAPTURE(run.name);
      CAPTURE(fused);
      const std::vector<double> losses = train(file, run, fused, num_steps);
      double worst = 0;
      for (size_t i = 0; i < losses.size(); ++i) {
        const double theirs = expected[int64_t(i)].item<double>();
        worst = std::max(worst, std::abs(losses[i] - theirs) / theirs);
      }
      // All along the curve, not only at its end.
      CHECK(worst <= (single ? 1e-4 : 1e-10));
      if (num_steps == expected.numel()) CHECK(losses.back() < 0.7 * losses.front());
    }
  }
  CHECK(num_curves == 16);
}
