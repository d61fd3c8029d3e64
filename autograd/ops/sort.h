// Sorting and order statistics. NaN counts as greater than every number; sorts are stable, and topk
// prefers the earlier of equal elements. Gradients flow to the elements that were picked.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// Values of each line along `dim` in order, and their positions (Long).
std::tuple<Tensor, Tensor> sort(const Tensor& x, int64_t dim = -1, bool descending = false);
/// libtorch's overload; every sort is stable.
std::tuple<Tensor, Tensor> sort(const Tensor& x, optional<bool> stable, int64_t dim = -1,
                                bool descending = false);
Tensor argsort(const Tensor& x, int64_t dim = -1, bool descending = false);
Tensor argsort(const Tensor& x, bool stable, int64_t dim = -1, bool descending = false);
/// sort along dim 0, values only.
Tensor msort(const Tensor& x);
/// The k largest (smallest) elements of each line, in order whatever `sorted` says, and positions.
std::tuple<Tensor, Tensor> topk(const Tensor& x, int64_t k, int64_t dim = -1, bool largest = true,
                                bool sorted = true);
/// The k-th smallest element (k from 1) of each line and its position.
std::tuple<Tensor, Tensor> kthvalue(const Tensor& x, int64_t k, int64_t dim = -1,
                                    bool keepdim = false);
/// The lower median of each line and its position; NaN if the line holds one.
std::tuple<Tensor, Tensor> median(const Tensor& x, int64_t dim, bool keepdim = false);
/// The lower median of all elements; its gradient is shared among equal elements.
Tensor median(const Tensor& x);

/// The sorted distinct values of the flattened x; where each element went (x's shape) and how often
/// each value occurs, both Long, empty unless asked for. Not differentiable. Each NaN is distinct.
std::tuple<Tensor, Tensor, Tensor> unique(const Tensor& x, bool sorted = true,
                                          bool return_inverse = false, bool return_counts = false);
/// The same for runs of equal neighbours, in x's order.
std::tuple<Tensor, Tensor, Tensor> unique_consecutive(const Tensor& x, bool return_inverse = false,
                                                      bool return_counts = false);

}  // namespace fg
