// Activations that take more than one element and constants: halves, learned slopes, drawn slopes.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// a * sigmoid(b), where a and b are the halves of `input` along `dim` (of even extent).
Tensor glu(const Tensor& input, int64_t dim = -1);
/// x where x > 0, weight * x elsewhere; `weight` has one element, or one per channel (dim 1).
Tensor prelu(const Tensor& input, const Tensor& weight);
/// x where x > 0, slope * x elsewhere: slope drawn per element uniformly from [lower, upper) when
/// `train`, else their mean. 0 <= lower <= upper <= 1 is usual; only lower <= upper is required.
Tensor rrelu(const Tensor& input, double lower = 1.0 / 8, double upper = 1.0 / 3,
             bool train = false);
Tensor rrelu_(const Tensor& input, double lower = 1.0 / 8, double upper = 1.0 / 3,
              bool train = false);

}  // namespace fg
