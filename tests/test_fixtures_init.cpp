// nn::init and the default initialisation of modules after manual_seed, against PyTorch's draws.
#include <doctest/doctest.h>

#include "nn/init.h"
#include "nn/modules.h"
#include "tensor/factories.h"
#include "tests/fixture_layers.h"

using namespace fg;
using namespace fg::test;

namespace {

nn::init::FanModeType mode_of(const Arguments& a) {
  if (a.text("mode", "fan_in") == "fan_out") return kFanOut;
  return kFanIn;
}

nn::init::NonlinearityType nonlinearity_of(const Arguments& a) {
  const std::string name = a.text("nonlinearity", "leaky_relu");
  if (name == "relu") return kReLU;
  if (name == "tanh") return kTanh;
  return kLeakyReLU;
}

void initialise(const Tensor& x, const std::string& name, const Arguments& a) {
  using namespace nn::init;
  if (name == "uniform") uniform_(x, a.number("a"), a.number("b"));
  if (name == "normal") normal_(x, a.number("mean"), a.number("std"));
  if (name == "xavier_uniform") xavier_uniform_(x, a.number("gain"));
  if (name == "xavier_normal") xavier_normal_(x, a.number("gain"));
  if (name == "kaiming_uniform")
    kaiming_uniform_(x, a.number("a", 0), mode_of(a), nonlinearity_of(a));
  if (name == "kaiming_normal")
    kaiming_normal_(x, a.number("a", 0), mode_of(a), nonlinearity_of(a));
  if (name == "orthogonal") orthogonal_(x, a.number("gain", 1));
  if (name == "sparse") sparse_(x, a.number("sparsity"), 0.01);
  if (name == "trunc_normal")
    trunc_normal_(x, a.number("mean", 0), a.number("std", 1), a.number("a", -2), a.number("b", 2));
}

/// Equal bits, but behind a QR factorisation.
Tolerance tolerance_for(const std::string& name, ScalarType dtype) {
  if (name != "orthogonal") return {0};
  return {dtype == kDouble ? 1e-13 : 5e-6};
}

/// Modules whose forward() does not fit layer_table() come from here.
std::shared_ptr<nn::Module> make_module(const std::string& name, const Arguments& a) {
  if (name == "MultiheadAttention")
    return nn::MultiheadAttention(a.integer("embed_dim"), a.integer("num_heads")).ptr();
  if (name == "TransformerEncoderLayer") {
    nn::TransformerEncoderLayerOptions options(a.integer("d_model"), a.integer("nhead"));
    return nn::TransformerEncoderLayer(options.dim_feedforward(a.integer("dim_feedforward"))).ptr();
  }
  return layer_table().at(name)(a, {}).module;
}

}  // namespace

TEST_CASE("nn::init draws as PyTorch does") {
  const FixtureFile file("rng");
  int num_checked = 0;
  for (const FixtureCase& fixture : file.cases()) {
    if (!fixture.name.starts_with("init_")) continue;
    manual_seed(uint64_t(fixture.options.at("seed").get<int64_t>()));
    int i = 0;
    for (const auto& draw : fixture.options.at("draws")) {
      const std::string name = draw.at("init");
      const Tensor expected = fixture["out" + std::to_string(i++)];
      const Tensor x = empty(expected.sizes(), expected.dtype());
      initialise(x, name, Arguments(draw.at("options")));
      const std::string text = difference(x, expected, tolerance_for(name, expected.dtype()));
      CHECK_MESSAGE(text.empty(), fixture.name, ": ", text);
    }
    ++num_checked;
  }
  CHECK(num_checked == 17);
}

TEST_CASE("modules start from PyTorch's weights") {
  const FixtureFile file("rng");
  int num_checked = 0;
  for (const FixtureCase& fixture : file.cases()) {
    if (!fixture.options.contains("module")) continue;
    const std::string name = fixture.options.at("module");
    manual_seed(0);
    const Arguments arguments(fixture.options.at("options"));
    const StateDict state = make_module(name, arguments)->state_dict();
    const StateDict expected = fixture.starting_with("param.");
    CHECK(state.size() == expected.size());
    for (const auto& item : expected) {
      const std::string text = difference(state[item.key()], item.value(), {0});
      CHECK_MESSAGE(text.empty(), fixture.name, ": ", item.key(), " ", text);
    }
    ++num_checked;
  }
  CHECK(num_checked == 17);
}
