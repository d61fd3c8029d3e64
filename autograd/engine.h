// The engine: walks the tape backward from outputs to leaves.
#pragma once

#include "autograd/node.h"

namespace fg {

/// One backward pass. Not recursive in the graph's depth; nodes run in reverse order of recording,
/// each once, after all gradients of its outputs have been added up.
class Engine {
 public:
  struct Options {
    bool keep_graph = false;
    bool create_graph = false;
    /// Those of the gradients that nobody gave: each 1, for a one-element root.
    std::vector<Tensor> implicit_ones = {};
  };
  /// Sends `grads` into `roots`. With `targets` empty, leaves accumulate; otherwise only the nodes
  /// between roots and targets run, no leaf accumulates, and the gradients that reach the targets
  /// are returned (undefined where none did).
  static std::vector<Tensor> run(const std::vector<Edge>& roots, const std::vector<Tensor>& grads,
                                 const Options& options, const std::vector<Edge>& targets = {});
  /// False inside a pass of grad() or backward(inputs) on this thread.
  static bool accumulates();
  /// Whether `grad`, as a node's backward got it, is one of this thread's pass' implicit ones, alone and
  /// unchanged: loss.backward() on the node's own output. Then it need not be read.
  static bool is_implicit_one(const Tensor& grad);
};

namespace autograd {

using Variable = Tensor;
using variable_list = std::vector<Tensor>;

/// Adds the gradients of `tensors` (weighted by `grad_tensors`; ones for scalars when absent) into
/// the leaves' grad, or only into `inputs` if any are given. `retain_graph` defaults to create_graph.
/// Errors: no tensor requires grad; gradient missing for a non-scalar or of another shape; graph
/// already freed; saved tensor changed in place.
void backward(const variable_list& tensors, const variable_list& grad_tensors = {},
              optional<bool> retain_graph = nullopt, bool create_graph = false,
              TensorList inputs = {});

/// Returns the gradients of `outputs` with respect to `inputs` and touches no grad. An input that
/// the outputs do not depend on is an error unless `allow_unused`, which returns it undefined.
variable_list grad(const variable_list& outputs, const variable_list& inputs,
                   const variable_list& grad_outputs = {}, optional<bool> retain_graph = nullopt,
                   bool create_graph = false, bool allow_unused = false);

}  // namespace autograd
}  // namespace fg
