// What a running program shows: a bar on stderr if that is a terminal, and plain lines on stdout.
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
  /// Counts `total` units, each an epoch or a step, of which `done` were done by an earlier run. Without
  /// `shows_bar` (--no-progress) there are only the lines of finish().
  Progress(std::string unit, int64_t total, int64_t done, bool shows_bar);
  ~Progress();

  /// Counts `samples` more (0 where nothing else is counted), `done` units in all (the last may be a
  /// fraction), and redraws the bar.
  void advance(int64_t samples, double done, const Metrics& metrics);
  /// Replaces the bar by a line that stays.
  void finish(int64_t unit, const Metrics& metrics);
  /// Takes the bar away until it is drawn again, to make room for other text.
  void hide();
  double samples_per_second() const;
  double seconds() const;

 private:
  std::string pace(double done) const;

  using Clock = std::chrono::steady_clock;
  const std::string unit_;
  const int64_t total_, done_before_;
  const bool shows_bar_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_drawn_ = start_;
  int64_t num_samples_ = 0;
};

}  // namespace fg::examples
