// Shows a module: its printed form, its state, its result, and the gradients of input and parameters.
#pragma once

#include "show.h"

inline void show_state(const torch::nn::Module& module) {
  for (const auto& item : module.named_parameters()) show(item.key().c_str(), item.value());
  for (const auto& item : module.named_buffers()) show(item.key().c_str(), item.value());
}

inline void show_gradients(const torch::nn::Module& module) {
  for (const auto& item : module.named_parameters()) {
    show(("grad of " + item.key()).c_str(), item.value().grad());
  }
}

/// `module` applied to `inputs`, of which the floating ones get gradients; weights the result, so that
/// the gradients differ by place.
template <class Holder, class... Inputs>
void show_module(const char* name, Holder module, Inputs... inputs) {
  std::cout << name << ": " << module << "\n" << std::flush;
  show_state(*module);
  const auto track = [](const torch::Tensor& input) {
    return input.is_floating_point() ? input.clone().requires_grad_() : input;
  };
  const std::array<torch::Tensor, sizeof...(Inputs)> tracked = {track(inputs)...};
  const torch::Tensor output =
      std::apply([&](const auto&... input) { return module->forward(input...); }, tracked);
  show("output", output);
  if (!output.requires_grad()) return;
  auto weights = torch::linspace(0.5, 1.5, output.numel(), output.options()).view(output.sizes());
  (output * weights).sum().backward();
  for (const auto& input : tracked) show("grad of input", input.grad());
  show_gradients(*module);
}
