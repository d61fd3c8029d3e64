// fusegrad_step_bench: this library's side of compare.py. Reads commands from standard input, answers each with one
// line of JSON: `prepare NET FORM` makes a net, its data and its optimizer and takes two steps, whose losses it gives;
// `time NET FORM STEPS` takes steps and gives the milliseconds of each; `release` drops all nets.
#include <chrono>
#include <iostream>
#include <map>
#include <sstream>

#include <nlohmann/json.hpp>

#include "fusegrad.h"
#include "nn/models/reference_models.h"
#include "nn/models/resnet.h"
#include "tensor/host_memory.h"
#include "train_examples/common/gpt.h"

using namespace fg;
using nlohmann::json;

namespace {

/// A net and its loss on fixed data.
struct Net {
  std::vector<Tensor> parameters;
  std::function<Tensor()> loss;
};

template <class Model>
Net classifier(Model model, const DimVector& input, int64_t classes) {
  const Tensor x = rand(input), target = randint(classes, {input[0]});
  return {model->parameters(), [=]() mutable { return cross_entropy(model->forward(x), target); }};
}

// Braces, within which the layers draw their weights from left to right.
Net mlp() {
  return classifier(
      nn::Sequential{nn::Flatten(), nn::Linear(784, 256), nn::ReLU(), nn::Linear(256, 10)},
      {64, 1, 28, 28}, 10);
}

Net cnn() {
  return classifier(
      nn::Sequential{nn::Conv2d(1, 10, 5), nn::MaxPool2d(2), nn::ReLU(), nn::Conv2d(10, 20, 5),
                     nn::MaxPool2d(2), nn::ReLU(), nn::Flatten(), nn::Linear(320, 50), nn::ReLU(),
                     nn::Linear(50, 10)},
      {64, 1, 28, 28}, 10);
}

Net resnet18(int64_t batch) {
  return classifier(
      nn::models::ResNet18(nn::models::ResNetOptions().num_classes(10).cifar_stem(true)),
      {batch, 3, 32, 32}, 10);
}

Net char_gpt(int64_t batch) {
  examples::GptOptions options;
  options.vocabulary = 65, options.context = 256, options.layers = 6, options.heads = 6;
  options.width = 384;
  examples::Gpt model(options);
  const Tensor tokens = randint(65, {batch, 256}), target = randint(65, {batch * 256});
  return {model->parameters(),
          [=]() mutable { return cross_entropy(model->forward(tokens).flatten(0, 1), target); }};
}

Net reference_model(const std::string& name, bool small, int64_t batch, bool fused) {
  const auto& kind = nn::models::reference_model(name);
  nn::models::ReferenceSize size = small ? kind.small : kind.full;
  if (batch > 0) size.input[0] = batch;
  const auto model = kind.make(size);
  model->use_fused(fused);
  const Tensor x = rand(size.input);
  NoGradGuard guard;
  const Tensor target = randn(model->forward(x).sizes());
  return {model->parameters(), [=] { return mse_loss(model->forward(x), target); }};
}

/// NAME, or NAME:BATCH, or NAME/small for a reference model.
Net make_net(const std::string& text, bool fused) {
  const size_t colon = text.find(':'), slash = text.find("/small");
  const std::string name = text.substr(0, std::min(colon, slash));
  const int64_t batch = colon == std::string::npos ? 0 : std::stoll(text.substr(colon + 1));
  if (name == "mlp") return mlp();
  if (name == "cnn") return cnn();
  if (name == "resnet18") return resnet18(batch);
  if (name == "char_gpt") return char_gpt(batch);
  return reference_model(name, slash != std::string::npos, batch, fused);
}

class Training {
 public:
  Training(const std::string& net, bool fused)
      : net_((manual_seed(0), make_net(net, fused))),
        optimizer_(net_.parameters, optim::AdamWOptions(1e-4)) {}

  double step() {
    optimizer_.zero_grad();
    const Tensor loss = net_.loss();
    loss.backward();
    optimizer_.step();
    return loss.item<double>();
  }

 private:
  Net net_;
  optim::AdamW optimizer_;
};

json time_steps(Training& training, int64_t count) {
  json times = json::array();
  for (int64_t i = 0; i < count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    training.step();
    const auto end = std::chrono::steady_clock::now();
    times.push_back(std::chrono::duration<double, std::milli>(end - start).count());
  }
  return times;
}

}  // namespace

int main() {
  std::map<std::string, std::unique_ptr<Training>> trainings;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command, net, mode;
    words >> command >> net >> mode;
    json answer;
    try {
      if (command == "machine") {
        answer = {{"threads", get_num_threads()}, {"compiler", __VERSION__}};
      } else if (command == "prepare") {
        trainings[mode] = std::make_unique<Training>(net, mode == "fused");
        answer["losses"] = {trainings[mode]->step(), trainings[mode]->step()};
      } else if (command == "time") {
        int64_t steps = 1;
        words >> steps;
        answer["ms"] = time_steps(*trainings.at(mode), steps);
      } else if (command == "release") {
        trainings.clear();
        empty_host_cache();
      } else {
        answer["error"] = "unknown command " + command;
      }
    } catch (const std::exception& error) {
      answer["error"] = error.what();
    }
    std::cout << answer.dump() << std::endl;
  }
}
