// Every module of tests/fixtures/layers.safetensors against PyTorch: outputs, gradients of inputs and
// parameters, and the buffers that a pass in training changes.
#include <doctest/doctest.h>

#include "tests/device_under_test.h"
#include "tests/fixture_layers.h"

using namespace fg;
using namespace fg::test;

namespace {

// Gradients that PyTorch itself computes with a constant rounded to float (1.f / 6, 1e-12f).
const std::map<std::string, double> kInexactGradients = {{"BCELoss", 1e-8}, {"Hardsigmoid", 1e-7}};

void check_case(const FixtureCase& fixture) {
  const StateDict state = fixture.starting_with("param.");
  const bool given = fixture.options.contains("tensors");
  const Layer layer = layer_table().at(fixture.options.at("module"))(fixture.arguments(),
                                                                     given ? state : StateDict());
  const Inputs inputs = inputs_of(fixture);
  const bool is_float = !inputs.leaves.empty() && inputs.leaves[0].dtype() == kFloat;
  layer.module->to(is_float ? kFloat : kDouble);
  layer.module->to(device_under_test());
  if (!given) layer.module->load_state_dict(state);
  layer.module->train(fixture.options.at("train"));

  Tolerance tolerance = tolerance_of(is_float ? kFloat : kDouble);
  const Tensors outputs = layer.forward(inputs.tensors);
  check_outputs(fixture, outputs, tolerance);
  const StateDict after = layer.module->state_dict();
  for (const auto& item : fixture.starting_with("after.")) {
    const std::string text = difference(after[item.key()], item.value(), tolerance);
    CHECK_MESSAGE(text.empty(), fixture.name, ": ", item.key(), " afterwards ", text);
  }
  std::vector<std::pair<std::string, Tensor>> leaves;
  for (size_t i = 0; i < inputs.leaves.size(); ++i)
    leaves.emplace_back("grad" + std::to_string(i), inputs.leaves[i]);
  for (const auto& item : layer.module->named_parameters())
    leaves.emplace_back("grad." + item.key(), item.value());
  const auto inexact = kInexactGradients.find(fixture.options.at("module"));
  if (inexact != kInexactGradients.end())
    tolerance.relative = std::max(tolerance.relative, inexact->second);
  check_gradients(fixture, outputs, leaves, tolerance);
}

}  // namespace

TEST_CASE("layers agree with PyTorch") {
  const FixtureFile file("layers");
  for (const FixtureCase& fixture : file.cases()) {
    try {
      check_case(fixture);
    } catch (const std::exception& error) {
      FAIL_CHECK(fixture.name, ": ", std::string(error.what()));
    }
  }
  CHECK(file.cases().size() > 300);
}
