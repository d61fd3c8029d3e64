// Module::state_dict and load_state_dict: keys, order, strictness, what an error leaves behind.
#include <doctest/doctest.h>

#include "nn/nn.h"
#include "serialize/safetensors.h"
#include "tensor/factories.h"
#include "tests/fixture.h"
#include "tests/pytorch/stateful_modules.h"

using namespace fg;
using namespace fg::nn;

namespace {

struct Net : Module {
  Net() {
    register_buffer("scratch", ones({1}), /*persistent=*/false);
    register_parameter("scale", ones({2}));
    body = register_module("body", Sequential(Conv2d(1, 2, 3), BatchNorm2d(2)));
    head = register_module("head", Linear(2, 3));
  }
  Sequential body = nullptr;
  Linear head = nullptr;
};

StateDict copied(const StateDict& dict) {
  StateDict copy;
  for (const auto& item : dict) copy.insert(item.key(), item->clone());
  return copy;
}

}  // namespace

TEST_CASE("state_dict: PyTorch's keys and order") {
  Net net;
  CHECK(net.state_dict().keys() ==
        std::vector<std::string>{"scale", "body.0.weight", "body.0.bias", "body.1.weight",
                                 "body.1.bias", "body.1.running_mean", "body.1.running_var",
                                 "body.1.num_batches_tracked", "head.weight", "head.bias"});
  CHECK(net.state_dict("model").keys()[9] == "model.head.bias");
  const Tensor weight = net.state_dict()["head.weight"];
  CHECK_FALSE(weight.requires_grad());
  weight.fill_(3);
  CHECK(net.head->weight.eq(3).all().item<bool>());
}

TEST_CASE(
    "state_dict: PyTorch's keys, order, dtypes and shapes for every module that has a state") {
  const test::FixtureFile file("states");
  const auto modules = test::stateful_modules();
  CHECK(modules.size() == file.cases().size());
  for (const auto& [name, module] : modules) {
    CAPTURE(name);
    nlohmann::json state = nlohmann::json::array();
    for (const auto& item : module->state_dict()) {
      std::string dtype = item->dtype() == kLong ? "int64" : "float32";
      CHECK(item->dtype() == test::dtype_named(dtype));
      state.push_back({item.key(), dtype, item->sizes().vec()});
    }
    CHECK(state == file[name].options.at("state"));
  }
}

TEST_CASE("load_state_dict copies values in place") {
  Net from, to;
  const Tensor handle = to.head->weight;
  from.body->ptr<BatchNorm2dImpl>(1)->num_batches_tracked.fill_(5);
  const IncompatibleKeys keys = to.load_state_dict(from.state_dict());
  CHECK(keys.missing_keys.empty());
  CHECK(keys.unexpected_keys.empty());
  CHECK(handle.equal(from.head->weight));
  CHECK(handle.requires_grad());
  CHECK(handle.is_leaf());
  CHECK(to.body->ptr<BatchNorm2dImpl>(1)->num_batches_tracked.item<int64_t>() == 5);

  StateDict doubles;
  for (const auto& item : from.state_dict()) doubles.insert(item.key(), item->to(kDouble));
  doubles["scale"].fill_(0.25);
  to.load_state_dict(doubles);
  CHECK(to.parameters()[0].dtype() == kFloat);
  CHECK(to.parameters()[0].sum().item<double>() == 0.5);
}

TEST_CASE("load_state_dict reports everything at once and changes nothing") {
  Net net;
  StateDict dict = copied(net.state_dict());
  for (auto& item : dict) item->fill_(42);
  dict.erase("body.0.bias");
  dict.erase("head.bias");
  dict.insert("extra", ones({1}));
  dict["scale"] = ones({3});
  CHECK_THROWS_WITH_AS(
      net.load_state_dict(dict),
      doctest::Contains(
          "missing keys: body.0.bias, head.bias; unexpected keys: extra; size mismatch: "
          "scale must have shape [2], got [3]"),
      Error);
  CHECK_FALSE(net.head->weight.eq(42).any().item<bool>());

  dict["body.1.weight"] = Tensor();
  const IncompatibleKeys keys = net.load_state_dict(dict, /*strict=*/false);
  CHECK(keys.missing_keys == std::vector<std::string>{"body.0.bias", "head.bias"});
  CHECK(keys.unexpected_keys == std::vector<std::string>{"extra"});
  CHECK(keys.mismatched_keys == std::vector<std::string>{"scale", "body.1.weight"});
  CHECK(net.named_parameters()["scale"].eq(1).all().item<bool>());
  CHECK(net.head->weight.eq(42).all().item<bool>());
}

TEST_CASE("a cast module loads what it saved") {
  Net net;
  net.to(kDouble);
  const StateDict dict = copied(net.state_dict());
  net.head->weight.data().fill_(0);
  net.load_state_dict(dict);
  CHECK(net.head->weight.equal(dict["head.weight"]));
}
