// Statistics and gradient of one contiguous row that is normalised: shared by the norms and the fused stages.
#pragma once

#include <cmath>

#include "tensor/cpu/sums.h"
#include "tensor/kernels/norm.h"

namespace fg::cpu {

/// Mean and 1 / sqrt(var + eps).
template <class T>
inline Sums row_statistics(const T* x, int64_t count, bool centered, double eps) {
  double mean = 0;
  if (centered)
    mean = blocked_sums<T>(count, [&](int64_t i) { return Terms<T>{x[i]}; }).first / double(count);
  const T center = T(mean);
  // The second term corrects for the rounding of the mean to T (Chan, Golub and LeVeque 1983).
  const Sums moments = blocked_sums<T>(count, [&](int64_t i) {
    const T d = x[i] - center;
    return Terms<T>{d * d, d};
  });
  const double shift = centered ? moments.second / double(count) : 0;
  const double var = moments.first / double(count) - shift * shift;
  return {mean, 1 / std::sqrt(var + eps)};
}

/// The part of the gradient that reaches x through a row's mean and rstd:
/// grad_x = rstd * (g - mean(g) - xhat * mean(g * xhat)) with g = grad_y * weight.
template <class T>
inline void row_grad_x(T* grad_x, const T* grad_y, const T* x, T mean, T rstd, const T* weight,
                       const NormShape& shape, bool centered) {
  const auto terms = [&](int64_t c, int64_t i) {
    const T g = grad_y[i] * weight[c];
    return Terms<T>{g * ((x[i] - mean) * rstd), g};
  };
  Sums sums;
  if (shape.inner == 1) {
    sums = blocked_sums<T>(shape.channels, [&](int64_t c) { return terms(c, c); });
  } else {
    for (int64_t c = 0; c < shape.channels; ++c)
      sums +=
          blocked_sums<T>(shape.inner, [&](int64_t s) { return terms(c, c * shape.inner + s); });
  }
  const T along = T(sums.first / double(shape.row_size()));
  const T level = centered ? T(sums.second / double(shape.row_size())) : T(0);
  for_each_in_channels(shape.channels, shape.inner, [&](int64_t c, int64_t i) {
    const T xhat = (x[i] - mean) * rstd;
    grad_x[i] = rstd * (grad_y[i] * weight[c] - level - xhat * along);
  });
}

}  // namespace fg::cpu
