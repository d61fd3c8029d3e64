// fusegrad's side of weights.py: weights FOLDER loads what PyTorch and numpy saved there, compares, trains a step, and
// saves under names of its own.
#include <iostream>

#include "fusegrad.h"
#include "nn/models/gpt2.h"
#include "nn/models/resnet.h"
#include "tests/pytorch/stateful_modules.h"

using namespace fg;

namespace {

struct LstmModelImpl : nn::Module {
  LstmModelImpl() {
    register_module("embedding", embedding);
    register_module("lstm", lstm);
    register_module("head", head);
  }
  Tensor forward(const Tensor& tokens) {
    return head(std::get<0>(lstm->forward(embedding(tokens))));
  }
  nn::Embedding embedding{20, 8};
  nn::LSTM lstm{nn::LSTMOptions(8, 12).num_layers(2).batch_first(true).bidirectional(true)};
  nn::Linear head{24, 20};
};

double relative_difference(const Tensor& a, const Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

template <class Model>
void exchange(const std::string& folder, const std::string& name, Model model) {
  const std::string path = folder + "/" + name;
  const StateDict example = load_safetensors(path + ".example.safetensors").tensors;
  model->load_state_dict(load_safetensors(path + ".safetensors").tensors);
  model->eval();
  const double difference =
      relative_difference(model->forward(example["input"]), example["output"]);
  std::cout << name << ": PyTorch's weights in fusegrad: outputs differ by " << difference
            << " of the largest\n";
  ENSURE(difference < 1e-5, "weights: ", name, " gives other outputs than in PyTorch");

  model->train();
  optim::SGD optimizer(model->parameters(), optim::SGDOptions(0.05));
  model->forward(example["input"]).square().mean().backward();
  optimizer.step();
  model->eval();
  const NoGradGuard no_grad;
  save_safetensors(path + ".ours.safetensors", model->state_dict());
  save_safetensors(path + ".ours.example.safetensors",
                   {{"input", example["input"]}, {"output", model->forward(example["input"])}});
}

void exchange_modules(const std::string& folder) {
  StateDict states;
  for (const auto& [name, module] : test::stateful_modules())
    for (const auto& item : module->state_dict())
      states.insert(name + "/" + item.key(), item.value());
  save_safetensors(folder + "/modules.safetensors", states);
}

void exchange_arrays(const std::string& folder) {
  const StateDict arrays = load_npz(folder + "/numpy.npz");
  const StateDict compressed = load_npz(folder + "/numpy_compressed.npz");
  for (const auto& item : arrays)
    ENSURE(item->equal(compressed[item.key()]), "weights: ", item.key(),
           " differs when compressed");
  save_npz(folder + "/ours.npz", arrays);
  save_npz(folder + "/ours_compressed.npz", arrays, /*compressed=*/true);
  save_npy(folder + "/ours.npy", load_npy(folder + "/numpy.npy"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: weights FOLDER\n";
    return 2;
  }
  try {
    const std::string folder = argv[1];
    manual_seed(1);
    using namespace nn::models;
    exchange(folder, "resnet18", ResNet18(ResNetOptions().num_classes(10)));
    exchange(folder, "gpt2",
             GPT2(GPT2Options().vocab_size(50).n_positions(16).n_embd(32).n_layer(2).n_head(4)));
    exchange(folder, "lstm", nn::ModuleHolder<LstmModelImpl>());
    exchange_modules(folder);
    exchange_arrays(folder);
  } catch (const Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
