// What a running program shows: a bar on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fg::examples {

/// Names and values, in the order in which they are shown; a name with "accuracy" in it has a
/// fraction.
using Metrics = std::vector<std::pair<std::string, double>>;

/// "train loss 0.1234  test accuracy 97.50 %"
std::string format_metrics(const Metrics& metrics);

class Progress {
 public:
  /// Counts `total` units, each an epoch or a step, of which `done` were done by an earlier run.
  Progress(std::string unit, int64_t total, int64_t done);
  ~Progress();

  /// Counts `samples` more, `done` units in all (the last may be a fraction), and redraws the bar.
  void advance(int64_t samples, double done, const Metrics& metrics);
  /// Replaces the bar by a line that stays.
  void finish(int64_t unit, const Metrics& metrics);
  double samples_per_second() const;
  double seconds() const;

 private:
  void clear_line();
  std::string pace(double done) const;

  using Clock = std::chrono::steady_clock;
  const std::string unit_;
  const int64_t total_, done_before_;
  const bool is_terminal_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_drawn_ = start_;
  int64_t num_samples_ = 0;
};

}  // namespace fg::examples
