// Helpers on lists of parameters.
#pragma once

#include "nn/utils/rnn.h"
#include "optim/clip_grad.h"
#include "tensor/tensor.h"

namespace fg::nn::utils {

using optim::clip_grad_norm_;
using optim::clip_grad_value_;

/// All parameters flattened and joined, differentiable. They must be on one device.
Tensor parameters_to_vector(const std::vector<Tensor>& parameters);
/// Copies consecutive parts of `vector` into the parameters, without recording. The lengths must agree.
void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters);

}  // namespace fg::nn::utils
