// summary: a table of a model's layers, with the look of Python's torchinfo.
#pragma once

#include <map>
#include <set>

#include "nn/inspect.h"

namespace fg::nn {

/// One row: a module at its place in the tree.
struct LayerSummary {
  std::string type;           // "Linear"
  std::string name;           // under which its parent registered it; empty for the model
  int64_t depth = 0;          // 0 for the model
  int64_t index = 0;          // counts the rows of one depth, from 1
  bool is_repeated = false;   // the same module stood in an earlier row
  int64_t num_params = 0;     // elements of its own parameters, not of those below it
  int64_t num_trainable = 0;  // of those, the elements that require grad
  std::vector<DimVector> output_shapes;  // of its first call; empty if no call was seen
};

/// std::cout << summary(model, x) prints the table.
struct ModelSummary {
  std::vector<LayerSummary> layers;
  int64_t total_params = 0, trainable_params = 0;  // elements, a shared parameter once
  int64_t param_bytes = 0;
  int64_t input_bytes = 0;
  /// What layers with parameters and no sublayers gave out, and as much again for the gradients: torchinfo's
  /// estimate. autograd's tape_graph() tells what a tape really keeps.
  int64_t pass_bytes = 0;
};
std::ostream& operator<<(std::ostream& out, const ModelSummary& summary);

namespace detail {

/// Watches the calls of all modules of a model through forward hooks, which it removes again.
class CallRecorder {
 public:
  explicit CallRecorder(Module& model);
  ~CallRecorder();
  CallRecorder(const CallRecorder&) = delete;
  CallRecorder& operator=(const CallRecorder&) = delete;
  ModelSummary summary(const std::vector<Tensor>& inputs) const;

 private:
  struct Calls {
    unsigned hook = 0;
    std::vector<DimVector> first_shapes;
    int64_t bytes = 0;  // of all calls' results
  };
  void add_rows(ModelSummary& summary, const Module& module, const std::string& name, int64_t depth,
                std::set<const void*>& seen, std::vector<int64_t>& counts) const;

  Module& model_;
  std::map<const Module*, Calls> calls_;
};

/// "1,234,567"
std::string grouped(int64_t number);

}  // namespace detail

/// Runs `model` (a holder or a module) once on `inputs`, in evaluation mode and without a tape, and tells
/// each layer's output shape and parameters, and the sizes. Shapes are those of calls that run hooks:
/// layer(x), or layers of a container; after layer->forward(x) a row shows "--" instead.
template <class Model, class... Inputs>
ModelSummary summary(Model& model, const Inputs&... inputs) {
  auto& module = detail::module_of(model);
  const detail::InspectionScope scope(module);
  const NoGradGuard no_grad;
  detail::CallRecorder recorder(module);
  call(module, inputs...);
  std::tuple<std::decay_t<Inputs>...> arguments(inputs...);
  return recorder.summary(detail::collect_tensors(arguments));
}

}  // namespace fg::nn
