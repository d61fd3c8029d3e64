#include "autograd/composed.h"

#include "autograd/engine.h"

namespace fg {

std::vector<Tensor> differentiate(const Node& node, const ComposedForward& forward,
                                  std::vector<Tensor> inputs, const Tensor& grad_output) {
  std::vector<Tensor> wanted;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!node.needs(i)) continue;
    // An alias of its own: the same tensor may be several inputs, each with its own gradient.
    inputs[i] = inputs[i].alias();
    wanted.push_back(inputs[i]);
  }
  const std::vector<Tensor> found =
      autograd::grad({forward(inputs)}, wanted, {grad_output}, true, true, true);
  std::vector<Tensor> result(inputs.size());
  for (size_t i = 0, next = 0; i < inputs.size(); ++i)
    if (node.needs(i)) result[i] = found[next++];
  return result;
}

}  // namespace fg
