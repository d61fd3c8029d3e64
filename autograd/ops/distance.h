// Normalisation to unit length, and distances between vectors.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// input / max(norm(input, p), eps) over `dim`.
Tensor normalize(const Tensor& input, double p = 2, int64_t dim = 1, double eps = 1e-12);
/// Cosine of the angle between x1 and x2 along `dim` (after broadcasting), each norm at least eps.
Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim = 1, double eps = 1e-8);
/// norm(x1 - x2 + eps, p) over the last dim.
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2, double eps = 1e-6,
                         bool keepdim = false);

/// norm(x - other, p) of all elements, after broadcasting.
Tensor dist(const Tensor& x, const Tensor& other, const Scalar& p = 2);
/// The p-norm distance of each row of x1 [..., P, M] to each row of x2 [..., R, M]: [..., P, R]; leading
/// extents broadcast. Takes memory for all P * R * M differences, whatever `compute_mode` of PyTorch says.
Tensor cdist(const Tensor& x1, const Tensor& x2, double p = 2,
             optional<int64_t> compute_mode = nullopt);
/// The distances of all pairs i < j of rows of x [N, M]: [N * (N - 1) / 2].
Tensor pdist(const Tensor& x, double p = 2);

}  // namespace fg
