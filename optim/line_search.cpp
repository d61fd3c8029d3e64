#include "optim/line_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fg::optim::detail {
namespace {

constexpr double kSufficientDecrease = 1e-4;  // c1
constexpr double kCurvature = 0.9;            // c2

/// Minimum of the cubic through two points with their slopes (Nocedal & Wright, eq. 3.59), clamped
/// to [low, high]; the middle of that range if the cubic has no minimum.
double cubic_minimum(const LinePoint& a, const LinePoint& b, double low, double high) {
  const double d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t);
  const double discriminant = d1 * d1 - a.slope * b.slope;
  if (!(discriminant >= 0)) return (low + high) / 2;
  const double d2 = std::sqrt(discriminant);
  const auto [left, right] = a.t <= b.t ? std::pair(&a, &b) : std::pair(&b, &a);
  const double t = right->t - (right->t - left->t) * ((right->slope + d2 - d1) /
                                                      (right->slope - left->slope + 2 * d2));
  return std::min(std::max(t, low), high);
}

class StrongWolfe {
 public:
  StrongWolfe(const std::function<LinePoint(double t)>& evaluate, const LinePoint& start,
              int64_t max_iterations)
      : evaluate_(evaluate), start_(start), max_iterations_(max_iterations), a_(start), b_(start) {}

  LineSearchResult run(double t, double direction_size, double tolerance_change) {
    if (!bracket(t)) zoom(direction_size, tolerance_change);
    return {low(), evaluations_};
  }

 private:
  bool too_high(const LinePoint& p) const {
    return p.loss > start_.loss + kSufficientDecrease * p.t * start_.slope;
  }
  bool is_flat(const LinePoint& p) const { return std::abs(p.slope) <= -kCurvature * start_.slope; }
  LinePoint at(double t) {
    ++evaluations_;
    return evaluate_(t);
  }
  /// The better end of the bracket, and the other.
  LinePoint& low() { return a_is_low_ ? a_ : b_; }
  LinePoint& high() { return a_is_low_ ? b_ : a_; }
  void set_bracket(LinePoint a, LinePoint b) {
    a_ = std::move(a), b_ = std::move(b);
    a_is_low_ = a_.loss <= b_.loss;
  }

  /// Steps out until [a, b] holds a minimum. True if a point that meets the conditions was met on
  /// the way.
  bool bracket(double t) {
    LinePoint previous = start_, current = at(t);
    for (; iterations_ < max_iterations_; ++iterations_) {
      if (too_high(current) || (iterations_ > 1 && current.loss >= previous.loss)) break;
      if (is_flat(current)) {
        set_bracket(current, current);
        return true;
      }
      if (current.slope >= 0) break;
      const double next = cubic_minimum(
          previous, current, current.t + 0.01 * (current.t - previous.t), 10 * current.t);
      previous = std::exchange(current, at(next));
    }
    set_bracket(iterations_ < max_iterations_ ? previous : start_, current);
    return false;
  }

  /// A trial that hugs an end of the bracket twice in a row, or lies on it, moves a tenth inwards.
  double keep_off_the_ends(double t) {
    const auto [first, last] = std::minmax(a_.t, b_.t);
    const double margin = 0.1 * (last - first);
    if (!(std::min(last - t, t - first) < margin)) {
      hugged_ = false;
      return t;
    }
    if (!hugged_ && t < last && t > first) {
      hugged_ = true;
      return t;
    }
    hugged_ = false;
    return std::abs(t - last) < std::abs(t - first) ? last - margin : first + margin;
  }

  void zoom(double direction_size, double tolerance_change) {
    while (iterations_ < max_iterations_) {
      if (std::abs(b_.t - a_.t) * direction_size < tolerance_change) return;
      const auto [first, last] = std::minmax(a_.t, b_.t);
      LinePoint trial = at(keep_off_the_ends(cubic_minimum(a_, b_, first, last)));
      ++iterations_;
      if (too_high(trial) || trial.loss >= low().loss) {
        high() = std::move(trial);
        a_is_low_ = a_.loss <= b_.loss;
        continue;
      }
      const bool done = is_flat(trial);
      if (!done && trial.slope * (high().t - low().t) >= 0) high() = low();
      low() = std::move(trial);
      if (done) return;
    }
  }

  const std::function<LinePoint(double t)>& evaluate_;
  const LinePoint& start_;
  const int64_t max_iterations_;
  int64_t iterations_ = 0;
  int64_t evaluations_ = 0;
  LinePoint a_;
  LinePoint b_;
  bool a_is_low_ = true;
  bool hugged_ = false;
};

}  // namespace

LineSearchResult strong_wolfe(const std::function<LinePoint(double t)>& evaluate,
                              const LinePoint& start, double t, double direction_size,
                              double tolerance_change, int64_t max_iterations) {
  return StrongWolfe(evaluate, start, max_iterations).run(t, direction_size, tolerance_change);
}

}  // namespace fg::optim::detail
