#include "optim/graphed_step.h"

#include <utility>

#include "autograd/grad_mode.h"
#include "cuda/allocator.h"
#include "cuda/graph.h"
#include "cuda/static_inputs.h"
#include "tensor/on_device.h"

namespace fg {

GraphedStep::GraphedStep(Device device, Step step, GraphedStepOptions options)
    : device_(device.resolved()), step_(std::move(step)), options_(options) {
  ENSURE(step_, "GraphedStep: step must be a function");
  ENSURE(options_.warmup() >= 1, "GraphedStep: warmup must be at least 1, got ", options_.warmup());
}

GraphedStep::~GraphedStep() = default;
GraphedStep::GraphedStep(GraphedStep&&) noexcept = default;
GraphedStep& GraphedStep::operator=(GraphedStep&&) noexcept = default;

bool GraphedStep::is_captured() const { return loss_.defined(); }

void GraphedStep::reset() {
  inputs_.reset();
  graph_.reset();
  loss_.reset();
  why_eager_.clear();
  calls_ = 0;
}

/// The function as it is.
Tensor GraphedStep::run(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> there;
  for (const Tensor& x : inputs) there.push_back(x.to(device_));
  return step_(there).detach();
}

Tensor GraphedStep::operator()(const std::vector<Tensor>& inputs) {
  if constexpr (kHasCuda) {
    if (options_.enabled() && device_.is_cuda() && why_eager_.empty()) {
      const cuda::DeviceGuard guard(device_);
      if (!inputs_) inputs_ = std::make_shared<cuda::StaticInputs>(inputs, device_);
      if (!inputs_->check(inputs, options_.eager_fallback() ? nullptr : "GraphedStep"))
        return run(inputs);
      {
        NoGradGuard no_grad;
        inputs_->fill(inputs);
      }
      if (calls_++ < options_.warmup()) return warm_up();
      return replay();
    }
  }
  return run(inputs);
}

// On the stream of captures, whose handles and workspaces the capture will find.
Tensor GraphedStep::warm_up() {
  Tensor loss;
  if constexpr (kHasCuda) {
    const cuda::Stream current = cuda::current_stream(), side = cuda::Graph::capture_stream();
    side.wait_stream(current);
    {
      const cuda::StreamGuard guard(side);
      loss = step_(inputs_->tensors()).detach();
    }
    current.wait_stream(side);
    cuda::record_stream(loss, current);
  }
  return loss;
}

void GraphedStep::capture() {
  if constexpr (kHasCuda) {
    graph_ = std::make_shared<cuda::Graph>();
    graph_->capture([this] { loss_ = step_(inputs_->tensors()).detach(); });
  }
}

Tensor GraphedStep::replay() {
  if constexpr (kHasCuda) {
    if (!is_captured()) {
      try {
        capture();
      } catch (const Error& error) {
        loss_.reset();
        if (!options_.eager_fallback()) throw;
        why_eager_ = error.what();
        return run(inputs_->tensors());
      }
    }
    graph_->replay();
  }
  return loss_;
}

}  // namespace fg
