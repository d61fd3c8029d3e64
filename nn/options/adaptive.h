// Options of AdaptiveLogSoftmaxWithLoss.
#pragma once

#include <vector>

#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg::nn {

/// `cutoffs`: the ascending classes at which a new cluster begins; those below the first are the
/// shortlist. Cluster i is projected to in_features / div_value^(i + 1) features.
struct AdaptiveLogSoftmaxWithLossOptions {
  AdaptiveLogSoftmaxWithLossOptions(int64_t in_features, int64_t n_classes,
                                    std::vector<int64_t> cutoffs)
      : in_features_(in_features), n_classes_(n_classes), cutoffs_(std::move(cutoffs)) {}
  FUSEGRAD_ARG(int64_t, in_features);
  FUSEGRAD_ARG(int64_t, n_classes);
  FUSEGRAD_ARG(std::vector<int64_t>, cutoffs);
  FUSEGRAD_ARG(double, div_value) = 4.0;
  FUSEGRAD_ARG(bool, head_bias) = false;
};

}  // namespace fg::nn
