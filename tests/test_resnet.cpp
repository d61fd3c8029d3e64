// ResNet-18: torchvision's keys and shapes, and PyTorch's losses.
#include <doctest/doctest.h>

#include "autograd/ops/loss.h"
#include "nn/models/resnet.h"
#include "optim/optim.h"
#include "tensor/factories.h"

using namespace fg;
using nn::models::ResNet18;
using nn::models::ResNetOptions;

TEST_CASE("resnet18: the keys, shapes and order of torchvision's state dict") {
  ResNet18 model;
  std::vector<std::string> keys;
  int64_t elements = 0;
  for (const auto& item : model->named_parameters()) {
    keys.push_back(item.key());
    elements += item.value().numel();
  }
  CHECK(keys.size() == 62);
  CHECK(elements == 11689512);
  CHECK(keys.front() == "conv1.weight");
  CHECK(keys[15] == "layer2.0.conv1.weight");
  CHECK(keys[21] == "layer2.0.downsample.0.weight");
  CHECK(keys[22] == "layer2.0.downsample.1.weight");
  CHECK(keys.back() == "fc.bias");
  CHECK(model->named_buffers().size() == 60);
  CHECK(model->named_buffers().contains("layer4.0.downsample.1.running_var"));
  CHECK(model->conv1->weight.sizes() == std::vector<int64_t>{64, 3, 7, 7});
}

TEST_CASE("resnet18: the large stem halves the image twice, the small one leaves it") {
  NoGradGuard guard;
  manual_seed(0);
  const auto logits = [](const ResNetOptions& options, const DimVector& input) {
    ResNet18 model(options);
    model->eval();
    return model->forward(rand(input));
  };
  CHECK(logits(ResNetOptions(), {1, 3, 64, 64}).sizes() == std::vector<int64_t>{1, 1000});
  CHECK(logits(ResNetOptions().cifar_stem(true).num_classes(10).in_channels(1), {2, 1, 9, 8})
            .sizes() == std::vector<int64_t>{2, 10});
}

// What `prepare resnet18:4 eager` of benchmarks/training_steps/pytorch.py answers (PyTorch 2.15): same seed, hence
// the same weights and data.
TEST_CASE("resnet18: the losses of two training steps are PyTorch's") {
  manual_seed(0);
  ResNet18 model(ResNetOptions().num_classes(10).cifar_stem(true));
  const Tensor x = rand({4, 3, 32, 32}), target = randint(10, {4});
  optim::AdamW optimizer(model->parameters(), optim::AdamWOptions(1e-4));
  for (const double expected : {2.2893641, 0.7232615}) {
    const Tensor loss = cross_entropy(model->forward(x), target);
    CHECK(loss.item<double>() == doctest::Approx(expected).epsilon(5e-6));
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
}
