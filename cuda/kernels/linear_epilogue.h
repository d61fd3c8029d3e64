// Epilogues of linear layers as passes of their own, for the dtypes that cuBLASLt's epilogues do not take.
#pragma once

#include "tensor/kernels/linear.h"

namespace fg::cuda {

/// y = activation(y + bias); bias contiguous or undefined, aux as in linear_forward.
void linear_epilogue_pass(const Tensor& y, const Tensor& bias, LinearActivation activation,
                          const Tensor& aux);
/// grad *= activation'(pre-activation), with the aux of linear_forward.
void linear_epilogue_backward_pass(const Tensor& grad, LinearActivation activation,
                                   const Tensor& aux);

}  // namespace fg::cuda
