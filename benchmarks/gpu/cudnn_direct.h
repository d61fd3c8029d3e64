// cuDNN called directly, to hold ours against.
#pragma once

#include <functional>

#include "benchmarks/gpu/timing.h"
#include "cuda/cudnn/session.h"
#include "tensor/factories.h"

namespace fg::bench::gpu {

/// The launch of the fastest engine for a problem, with its workspace; null where there is none. `launch(handle,
/// plan, workspace)` queues a plan.
template <class Graph, class Problem, class Launch>
std::function<void()> fastest_direct(const Graph& graph, const Problem& problem,
                                     const Launch& launch) {
  using namespace cuda::cudnn;
  const Target target = Session().target();
  std::function<void()> best;
  double best_ms = 0;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (Descriptor& engine : acceptable_engines(problem, *graph, target, mode)) {
      const auto plan = Plan::build(graph, std::move(engine), target);
      if (!plan) continue;
      const Tensor workspace = empty({plan->workspace_bytes()}, TensorOptions(kByte).device(kCUDA));
      const auto run = [=] { launch(Session().handle(), *plan, workspace.data_ptr()); };
      try {
        const double ms = median_ms(run, 3, 2);
        if (best && best_ms <= ms) continue;
        best = run;
        best_ms = ms;
      } catch (const Error&) {  // an engine may refuse at its launch
      }
    }
  }
  return best;
}

}  // namespace fg::bench::gpu
