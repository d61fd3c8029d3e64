// Distances in their functional form.
#pragma once

#include "nn/options/distance.h"
#include "tensor/tensor.h"

namespace fg::nn::functional {

/// Cosine of the angle between x1 and x2 along `dim`; norms are at least eps.
Tensor cosine_similarity(const Tensor& x1, const Tensor& x2,
                         const CosineSimilarityFuncOptions& options = {});
/// p-norm of x1 - x2 + eps along the last dim.
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2,
                         const PairwiseDistanceFuncOptions& options = {});

/// The p-norm distances of all pairs i < j of rows of [N, M]: [N * (N - 1) / 2].
Tensor pdist(const Tensor& input, double p = 2.0);

}  // namespace fg::nn::functional
