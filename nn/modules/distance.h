// Distances as modules; nn/functional/distance.h has the shapes.
#pragma once

#include "nn/functional/distance.h"
#include "nn/modules/function_module.h"

namespace fg::nn {

void print_options(std::ostream& out, const CosineSimilarityOptions& options);
void print_options(std::ostream& out, const PairwiseDistanceOptions& options);

class CosineSimilarityImpl
    : public FunctionModule<CosineSimilarityImpl, functional::cosine_similarity> {
 public:
  using FunctionModule::FunctionModule;
};
class PairwiseDistanceImpl
    : public FunctionModule<PairwiseDistanceImpl, functional::pairwise_distance> {
 public:
  using FunctionModule::FunctionModule;
};
using CosineSimilarity = ModuleHolder<CosineSimilarityImpl>;
using PairwiseDistance = ModuleHolder<PairwiseDistanceImpl>;

}  // namespace fg::nn
