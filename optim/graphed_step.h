// GraphedStep: a training step that a GPU replays as one CUDA graph.
//
//   GraphedStep step(device, [&](const std::vector<Tensor>& batch) {
//     optimizer.zero_grad();
//     const Tensor loss = F::cross_entropy(model->forward(batch[0]), batch[1]);
//     loss.backward();
//     optimizer.step();
//     return loss;
//   });
//   for (const auto& batch : *loader) {
//     const Tensor loss = step({batch.data, batch.target});
//     schedule.step();  // outside: what the function does on the host is not repeated by a replay
//   }
//
// Every call is one step of training. The first ones, GraphedStepOptions::warmup, run the function as it is; the next
// one captures it, and from then on a call copies the inputs and replays. Losses and parameters are those of running
// the function each time, bit for bit: learning rates, bias corrections and random draws go on (cuda/graph.h,
// optim/optimizer.h). On the CPU, and in a build without CUDA, every call runs the function.
//
// - Gradients: zero_grad() in front lets the graph write them into memory of its own, which .grad() shows after each
//   replay; zero_grad(false) keeps what the parameters have and fills it with zeros in the graph. Without either they
//   add up, as ever. zero_grad has to come first: after a capture that failed, gradients are undetermined.
// - What else the function is to bring out (the number of hits, say), it copies into a tensor of the caller's:
//   hits.copy_(...). A tensor that it only leaves in a variable is written anew by each replay, too, but not once a
//   call ran the function instead.
// - The function must not wait for the GPU: item() and the like are errors that name the op, and so are inputs of
//   other shapes, dtypes or devices. With GraphedStepOptions::eager_fallback such a step runs the function instead: a
//   smaller last batch costs no more than that, and a function that cannot be captured runs as if there were no graph.
// - Layers and optimizers must stay as they were at the capture: train(), eval(), freezing, or loading an optimizer's
//   state ask for reset(). Values of parameters and buffers may change.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg {

namespace cuda {
class Graph;
class StaticInputs;
}  // namespace cuda

struct GraphedStepOptions {
  /// Otherwise every call runs the function, as on the CPU.
  FUSEGRAD_ARG(bool, enabled) = true;
  /// Calls before the capture that run the function; at least 1, so that states, plans and workspaces exist.
  FUSEGRAD_ARG(int64_t, warmup) = 3;
  /// Whether to run the function where a replay is not possible, instead of throwing.
  FUSEGRAD_ARG(bool, eager_fallback) = false;
};

class GraphedStep {
 public:
  /// Does forward, loss, backward and the optimizer's step on its inputs, which are on the device, and returns the loss.
  using Step = std::function<Tensor(const std::vector<Tensor>& inputs)>;

  explicit GraphedStep(Device device, Step step, GraphedStepOptions options = {});
  ~GraphedStep();
  GraphedStep(GraphedStep&&) noexcept;
  GraphedStep& operator=(GraphedStep&&) noexcept;

  /// One step on `inputs`, which may be on the device or on the host. Returns the loss, detached, on the device;
  /// the next replay overwrites it, so clone() it to keep it. Work goes to the current stream, after the previous
  /// call's, and the host does not wait: inputs in pinned memory must stay as they are until the GPU has read them, as
  /// after to(device, non_blocking).
  Tensor operator()(const std::vector<Tensor>& inputs);

  /// Whether calls replay a graph.
  bool is_captured() const;
  /// Why the function could not be captured and runs as it is; empty otherwise.
  const std::string& why_eager() const { return why_eager_; }
  /// Forgets the graph, and with it the shapes of the inputs: the next calls warm up and capture again.
  void reset();

 private:
  Tensor run(const std::vector<Tensor>& inputs);
  Tensor warm_up();
  Tensor replay();
  void capture();

  Device device_;
  Step step_;
  GraphedStepOptions options_;
  int64_t calls_ = 0;  // since reset()
  std::string why_eager_;
  // Defined in CUDA builds only, and made on a GPU only.
  std::shared_ptr<cuda::StaticInputs> inputs_;
  std::shared_ptr<cuda::Graph> graph_;
  Tensor loss_;
};

}  // namespace fg
