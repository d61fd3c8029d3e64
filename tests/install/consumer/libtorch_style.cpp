#include <iostream>

#include <torch/torch.h>

struct NetImpl : torch::nn::Module {
  NetImpl() { register_module("fc", fc); }
  torch::Tensor forward(torch::Tensor x) { return torch::relu(fc(x)); }
  torch::nn::Linear fc{3, 2};
};
TORCH_MODULE(Net);

int main() {
  torch::manual_seed(0);
  Net net;
  net(torch::ones({4, 3})).sum().backward();
  std::cout << "libtorch_style: " << net->fc->weight.grad().sizes() << '\n';
}
