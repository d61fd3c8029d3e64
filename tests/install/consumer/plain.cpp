// Uses something of every folder: tensors, the tape, a fused op of its own, a module, an optimizer, a file.
#include <iostream>

#include "autograd/fused/pointwise.h"
#include "fusegrad.h"

int main() {
  const fg::PointwiseChain<fg::functors::Relu, fg::functors::AddChannel> relu_shift("relu_shift");
  fg::manual_seed(0);
  fg::nn::Linear net(3, 2);
  fg::optim::Adam optimizer(net->parameters(), fg::optim::AdamOptions(0.1));
  const fg::Tensor x = fg::randn({16, 3}), shift = fg::ones({2}, fg::requires_grad());
  double first = 0, last = 0;
  for (int step = 0; step < 20; ++step) {
    optimizer.zero_grad();
    const fg::Tensor loss = relu_shift(net->forward(x), {shift}).square().mean();
    loss.backward();
    optimizer.step();
    (step == 0 ? first : last) = loss.item<double>();
  }
  fg::save_safetensors("consumer.safetensors", net->state_dict());
  net->load_state_dict(fg::load_safetensors("consumer.safetensors").tensors);
  try {
    net->forward(fg::ones({2}));
  } catch (const fg::Error& error) {
    std::cout << "plain: " << (last < first && shift.grad().defined() ? "trained" : "WRONG")
              << '\n';
  }
}
