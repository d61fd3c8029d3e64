// How one plan is chosen among candidates: the first that works, or the fastest of a few. Knows nothing of cuDNN.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

namespace fg::cuda {

/// Candidates that are measured; those behind them have never been seen to win.
inline constexpr size_t kMeasuredCandidates = 10;

/// Candidates 0 to count - 1 come with the most promising first. `build(i)` makes a plan, which is false where
/// the candidate cannot be built. `run(plan)` is false where it cannot be run. Returns the first plan that was
/// built and run, or a plan that is false when there is none.
template <class Build, class Run>
auto choose_first(size_t count, const Build& build, const Run& run) -> decltype(build(count)) {
  for (size_t i = 0; i < count; ++i)
    if (auto plan = build(i); plan && run(plan)) return plan;
  return {};
}

/// The same, but measures the first kMeasuredCandidates that can be built and run, and returns the fastest; of
/// equals the first. `measure(plan)` is the time, or nothing where the plan cannot be run.
template <class Build, class Measure>
auto choose_fastest(size_t count, const Build& build, const Measure& measure)
    -> decltype(build(count)) {
  decltype(build(count)) best{};
  std::optional<float> best_time;
  for (size_t i = 0, measured = 0; i < count && measured < kMeasuredCandidates; ++i) {
    auto plan = build(i);
    const std::optional<float> time = plan ? measure(plan) : std::nullopt;
    if (!time) continue;
    ++measured;
    if (best_time && *best_time <= *time) continue;
    best = std::move(plan);
    best_time = time;
  }
  return best;
}

}  // namespace fg::cuda
