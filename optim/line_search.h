// The line search of L-BFGS.
#pragma once

#include <cstdint>
#include <functional>

#include "tensor/tensor.h"

namespace fg::optim::detail {

/// A function along a line, at step length t.
struct LinePoint {
  double t;
  double loss;
  double slope;  // the directional derivative
  Tensor grad;
};

struct LineSearchResult {
  LinePoint point;
  int64_t evaluations;
};

/// Finds a step length that meets the strong Wolfe conditions with c1 = 1e-4 and c2 = 0.9 (Nocedal
/// & Wright, algorithms 3.5 and 3.6, with safeguarded cubic interpolation), or the best one after
/// `max_iterations`. `start` is the point at t = 0, `t` the first trial. The zoom stops when the
/// bracket moves no parameter by `tolerance_change`; `direction_size` is the direction's largest
/// component.
LineSearchResult strong_wolfe(const std::function<LinePoint(double t)>& evaluate,
                              const LinePoint& start, double t, double direction_size,
                              double tolerance_change, int64_t max_iterations);

}  // namespace fg::optim::detail
