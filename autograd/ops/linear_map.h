// One node for every linear op that has its adjoint as a kernel: mean pools, patches, pads. The
// gradient of the map is its adjoint and the gradient of the adjoint is the map, to any order.
#pragma once

#include "autograd/node.h"
#include "tensor/tensor.h"

namespace fg::detail {

/// A Map has `kName`, the node's name, and two const members that compute without recording:
/// `Tensor forward(const Tensor& x)` and `Tensor adjoint(const Tensor& y)`.
template <class Map>
Tensor apply_linear_map(const Map& map, const Tensor& x, bool adjoint = false);

template <class Map>
struct LinearMapBackward : Node {
  Map map;
  bool adjoint = false;

  std::string name() const override { return Map::kName; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    return {grads[0].defined() ? apply_linear_map(map, grads[0], !adjoint) : Tensor()};
  }
};

template <class Map>
Tensor apply_linear_map(const Map& map, const Tensor& x, bool adjoint) {
  auto node = make_node<LinearMapBackward<Map>>(x);
  Tensor y;
  {
    NoGradGuard no_grad;
    y = adjoint ? map.adjoint(x) : map.forward(x);
  }
  if (node) {
    node->map = map;
    node->adjoint = adjoint;
    node->attach(y);
  }
  return y;
}

}  // namespace fg::detail
