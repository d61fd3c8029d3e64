// The path that nodes of kernel pairs take when their backward is itself recorded (create_graph): the
// forward pass once more in plain ops, differentiated by the tape.
#pragma once

#include <functional>

#include "autograd/node.h"

namespace fg {

/// While one lives on this thread, fused ops run in their composed form: plain ops, a node each. The
/// registry's oracle, and a way to see what fusing saves.
class ComposedGuard {
 public:
  explicit ComposedGuard(bool composed = true) : previous_(active_) { active_ = composed; }
  ~ComposedGuard() { active_ = previous_; }
  ComposedGuard(const ComposedGuard&) = delete;
  ComposedGuard& operator=(const ComposedGuard&) = delete;
  static bool is_active() { return active_; }

 private:
  static inline thread_local bool active_ = false;
  bool previous_;
};

/// Computes what a node's forward computed, in ops that are differentiable on their own.
using ComposedForward = std::function<Tensor(const std::vector<Tensor>& inputs)>;

/// Gradients, on the tape, of forward(inputs) for those of the node's inputs that need one; the others
/// stay undefined. `inputs` are the node's forward inputs in order, as unpacked, undefined ones included.
std::vector<Tensor> differentiate(const Node& node, const ComposedForward& forward,
                                  std::vector<Tensor> inputs, const Tensor& grad_output);

}  // namespace fg
