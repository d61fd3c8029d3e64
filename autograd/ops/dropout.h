// Dropout. `train` = false, or p = 0, returns the input. Masks are drawn from the default generator
// of the device in PyTorch's order. `p`, the probability of dropping, lies in [0, 1]. The forms with
// a trailing underscore write into `input` and return it.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// Zeroes elements with probability p and divides the others by 1 - p. On CUDA one kernel each way, which
/// draws the same elements again for the gradient, so that no mask is kept.
Tensor dropout(const Tensor& input, double p, bool train);
Tensor dropout_(const Tensor& input, double p, bool train);
/// Dropout of whole channels of [N, C, ...].
Tensor feature_dropout(const Tensor& input, double p, bool train);
Tensor feature_dropout_(const Tensor& input, double p, bool train);
/// Dropout that keeps mean and variance of standard normal inputs (Klambauer et al., 2017): dropped
/// elements become SELU's negative limit, and the result is scaled and shifted.
Tensor alpha_dropout(const Tensor& input, double p, bool train);
Tensor alpha_dropout_(const Tensor& input, double p, bool train);
/// alpha_dropout of whole channels of [N, C, ...].
Tensor feature_alpha_dropout(const Tensor& input, double p, bool train);
Tensor feature_alpha_dropout_(const Tensor& input, double p, bool train);

}  // namespace fg
