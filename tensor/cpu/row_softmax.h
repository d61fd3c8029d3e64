// Maximum and log-sum-exp of one contiguous row: shared by softmax and cross_entropy.
#pragma once

#include "tensor/cpu/simd_math.h"
// simd_math.h must come before any loop that calls math.
#include <cmath>
#include <limits>

#include "tensor/cpu/sums.h"
#include "tensor/kernels/math.h"

namespace fg::cpu {

/// The largest value; minus infinity if there is none. A NaN may or may not be passed over.
template <class T>
inline T row_max(const T* x, int64_t count) {
  T top = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : top)
  for (int64_t i = 0; i < count; ++i) top = x[i] > top ? x[i] : top;
  return top;
}

/// sum(exp(x - top)).
template <class T>
inline double exp_sum(const T* x, int64_t count, T top) {
  return blocked_sums<T>(count, [&](int64_t i) { return Terms<T>{functors::exp(x[i] - top)}; })
      .first;
}

/// log(sum(exp(x))). Infinite maxima are kept as they are.
template <class T>
inline T row_logsumexp(const T* x, int64_t count) {
  const T top = row_max(x, count);
  const T finite_top = std::isinf(top) ? T(0) : top;  // inf - inf would be NaN
  return T(std::log(exp_sum(x, count, finite_top))) + finite_top;
}

}  // namespace fg::cpu
