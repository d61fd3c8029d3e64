// Which engine runs a problem: by cuDNN's heuristics, or by measuring.
#pragma once

#include "cuda/cudnn/choose_plan.h"
#include "cuda/cudnn/session.h"
#include "cuda/event.h"
#include "cuda/precision.h"
#include "cuda/relaxed_capture.h"

namespace fg::cuda::cudnn {

using PlanPointer = std::shared_ptr<const Plan>;

/// Finds a plan that runs, and has run it when it returns. Problem has an acceptable_engines(problem, graph, target,
/// mode); `launch(plan)` queues a plan on the session's stream.
template <class Problem, class Launch>
class PlanSearch {
 public:
  PlanSearch(const Session& session, const Problem& problem, const Launch& launch)
      : session_(session), problem_(problem), launch_(launch) {}

  /// Null, with the first failure in reason(), when there is none.
  PlanPointer find(std::shared_ptr<const OperationGraph> graph, bool measured) {
    const RelaxedCapture relaxed;  // engines load their kernels when first used
    graph_ = std::move(graph);
    std::vector<PlanPointer> fastest;  // of each list
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
      PlanPointer plan = choose(mode, measured);
      if (plan && !measured) return plan;
      if (plan) fastest.push_back(std::move(plan));
    }
    const auto get = [&](size_t i) { return fastest[i]; };
    const PlanPointer plan = choose_fastest(fastest.size(), get, timing());
    if (plan && try_run(*plan)) return plan;
    if (reason_.empty()) reason_ = last_reason();
    return nullptr;
  }
  const std::string& reason() const { return reason_; }

 private:
  static constexpr int kTimedRuns = 3;

  PlanPointer choose(cudnnBackendHeurMode_t mode, bool measured) {
    const Target target = session_.target();
    std::vector<Descriptor> engines = acceptable_engines(problem_, *graph_, target, mode);
    const auto build = [&](size_t i) { return Plan::build(graph_, std::move(engines[i]), target); };
    const auto run = [&](const PlanPointer& plan) { return try_run(*plan); };
    if (!measured) return choose_first(engines.size(), build, run);
    return choose_fastest(engines.size(), build, timing());
  }
  auto timing() {
    return [this](const PlanPointer& plan) { return measure(*plan); };
  }

  /// A plan may still want more memory than there is, or be refused at its first launch.
  bool try_run(const Plan& plan) {
    try {
      launch_(plan);
      return true;
    } catch (const Error& error) {
      if (reason_.empty()) reason_ = error.what();
      return false;
    }
  }

  std::optional<float> measure(const Plan& plan) {
    if (!try_run(plan)) return std::nullopt;
    Event start(true), stop(true);
    start.record(session_.stream());
    for (int i = 0; i < kTimedRuns; ++i) launch_(plan);
    stop.record(session_.stream());
    stop.synchronize();
    return start.elapsed_time(stop);
  }

  const Session& session_;
  const Problem& problem_;
  const Launch& launch_;
  std::shared_ptr<const OperationGraph> graph_;
  std::string reason_;
};

/// Runs the plan that is kept for a problem, or has `run_first_time(measured)` find one, run it and return it, and
/// keeps that. False where there is none. `plans(measured)` is the cache.
template <class Problem, class Plans, class Launch, class RunFirstTime>
bool run_planned(const Session& session, const Problem& problem, const Plans& plans,
                 const Launch& launch, const RunFirstTime& run_first_time) {
  for (const bool measured : {true, false}) {
    if (measured && !globalContext().benchmarkCuDNN()) continue;
    if (const auto known = plans(measured).find(problem)) {
      if (*known) launch(**known);
      return bool(*known);
    }
    // A capture allows no measuring: there the heuristics choose, until the next call outside.
    if (measured && session.stream().is_capturing()) continue;
    const PlanPointer plan = run_first_time(measured);
    plans(measured).insert(problem, plan);
    return bool(plan);
  }
  return false;
}

}  // namespace fg::cuda::cudnn
