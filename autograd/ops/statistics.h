// Statistics that are composed of reductions. All are differentiable.
#pragma once

#include <tuple>

#include "tensor/tensor.h"

namespace fg {

/// The sum, or the mean, of all but NaNs.
Tensor nansum(const Tensor& x, OptionalIntArrayRef dim = nullopt, bool keepdim = false,
              optional<ScalarType> dtype = nullopt);
Tensor nanmean(const Tensor& x, OptionalIntArrayRef dim = nullopt, bool keepdim = false,
               optional<ScalarType> dtype = nullopt);
/// The smallest and the largest element, along `dim` or of all.
std::tuple<Tensor, Tensor> aminmax(const Tensor& x, optional<int64_t> dim = nullopt,
                                   bool keepdim = false);
/// The covariance matrix of variables (rows) over observations (columns), divided by observations -
/// correction; a vector is one variable. Observations may be repeated by the integers `fweights` and weighted
/// by `aweights`, one each.
Tensor cov(const Tensor& x, int64_t correction = 1, const Tensor& fweights = {},
           const Tensor& aweights = {});
/// The matrix of correlation coefficients, in [-1, 1].
Tensor corrcoef(const Tensor& x);
/// The integral by the trapezoidal rule along `dim`, with equal steps or the positions `x`.
Tensor trapezoid(const Tensor& y, const Scalar& dx = 1, int64_t dim = -1);
Tensor trapezoid(const Tensor& y, const Tensor& x, int64_t dim = -1);
inline Tensor trapz(const Tensor& y, const Tensor& x, int64_t dim = -1) {
  return trapezoid(y, x, dim);
}
inline Tensor trapz(const Tensor& y, double dx = 1, int64_t dim = -1) {
  return trapezoid(y, dx, dim);
}
/// The integrals from the first element to each of the others.
Tensor cumulative_trapezoid(const Tensor& y, const Scalar& dx = 1, int64_t dim = -1);
Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, int64_t dim = -1);
/// x with its slices along `dim` scaled down such that none has a p-norm above maxnorm.
Tensor renorm(const Tensor& x, const Scalar& p, int64_t dim, const Scalar& maxnorm);

}  // namespace fg
