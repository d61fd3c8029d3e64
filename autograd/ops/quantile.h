// Order statistics that are composed of sorts. Gradients flow to the elements that were picked.
#pragma once

#include <string_view>

#include "tensor/tensor.h"

namespace fg {

/// The values below which the fractions q of x lie: along `dim`, or of the flattened x. q is a number in
/// [0, 1], or a 0-d or 1-d tensor of them with x's floating dtype; the extent of a 1-d q comes first in the
/// result. Between two elements, `interpolation` is "linear", "lower", "higher", "midpoint" or "nearest". NaN
/// where there is one; nanquantile passes over them.
Tensor quantile(const Tensor& x, const Tensor& q, optional<int64_t> dim = nullopt,
                bool keepdim = false, std::string_view interpolation = "linear");
Tensor quantile(const Tensor& x, double q, optional<int64_t> dim = nullopt, bool keepdim = false,
                std::string_view interpolation = "linear");
Tensor nanquantile(const Tensor& x, const Tensor& q, optional<int64_t> dim = nullopt,
                   bool keepdim = false, std::string_view interpolation = "linear");
Tensor nanquantile(const Tensor& x, double q, optional<int64_t> dim = nullopt, bool keepdim = false,
                   std::string_view interpolation = "linear");

/// The lower median of the elements that are not NaN; along a dim also its position.
Tensor nanmedian(const Tensor& x);
std::tuple<Tensor, Tensor> nanmedian(const Tensor& x, int64_t dim, bool keepdim = false);
/// The most frequent value of each line, the smallest of equally frequent ones, and its last position.
std::tuple<Tensor, Tensor> mode(const Tensor& x, int64_t dim = -1, bool keepdim = false);

}  // namespace fg
