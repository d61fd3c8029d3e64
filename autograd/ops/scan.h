// Running sums, products and extremes along one dim; the result has x's shape.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// out_i = x_0 + ... + x_i. Integers and Bool give Long unless `dtype` is given.
Tensor cumsum(const Tensor& x, int64_t dim, optional<ScalarType> dtype = nullopt);
/// out_i = x_0 * ... * x_i. The gradient is exact where elements are zero, too, to any order.
Tensor cumprod(const Tensor& x, int64_t dim, optional<ScalarType> dtype = nullopt);
/// out_i = log(exp(x_0) + ... + exp(x_i)) without overflow; floating dtypes.
Tensor logcumsumexp(const Tensor& x, int64_t dim);
/// Largest (smallest) element so far and where it stands (Long); of equals the last; NaN spreads.
std::tuple<Tensor, Tensor> cummax(const Tensor& x, int64_t dim);
std::tuple<Tensor, Tensor> cummin(const Tensor& x, int64_t dim);
/// Differences of neighbours, n times over, after `prepend` and `append` (if defined) were joined to x.
Tensor diff(const Tensor& x, int64_t n = 1, int64_t dim = -1, const Tensor& prepend = {},
            const Tensor& append = {});

}  // namespace fg
