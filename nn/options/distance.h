// Options of the distances between vectors.
#pragma once

#include <cstdint>

#include "tensor/arg.h"

namespace fg::nn {

struct CosineSimilarityOptions {
  FUSEGRAD_ARG(int64_t, dim) = 1;
  FUSEGRAD_ARG(double, eps) = 1e-8;
};

struct PairwiseDistanceOptions {
  FUSEGRAD_ARG(double, p) = 2.0;
  FUSEGRAD_ARG(double, eps) = 1e-6;
  FUSEGRAD_ARG(bool, keepdim) = false;
};

namespace functional {

using CosineSimilarityFuncOptions = CosineSimilarityOptions;
using PairwiseDistanceFuncOptions = PairwiseDistanceOptions;

}  // namespace functional
}  // namespace fg::nn
