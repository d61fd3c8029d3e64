// The end of a transformer's sublayer as one node of the tape.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// dropout(x + bias, p, train) + residual; x and residual (n, features) of one floating dtype, bias [features] of
/// the same or undefined. Draws what dropout draws, so that one seed gives the same result. Saves nothing on CUDA,
/// where the gradient draws the same numbers again; on the CPU the mask. There forward is one kernel and backward one
/// plus the bias' sum.
Tensor bias_dropout_residual(const Tensor& x, const Tensor& bias, const Tensor& residual, double p,
                             bool train = true);

/// Puts it into fused_ops().
void register_bias_dropout_residual();

}  // namespace fg
