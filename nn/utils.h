// Helpers on lists of parameters.
#pragma once

#include "optim/clip_grad.h"
#include "tensor/tensor.h"

namespace fg::nn::utils {

using optim::clip_grad_norm_;
using optim::clip_grad_value_;

/// All parameters flattened and joined, differentiable. They must be on one device.
Tensor parameters_to_vector(const std::vector<Tensor>& parameters);
/// Copies consecutive parts of `vector` into the parameters, without recording. The lengths must agree.
void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters);

namespace rnn {

/// Sequences [length_i, ...] of equal trailing extents as one tensor [longest, count, ...], or with the
/// count first; shorter ones are filled up with `padding_value`. Differentiable.
Tensor pad_sequence(TensorList sequences, bool batch_first = false, double padding_value = 0);

}  // namespace rnn
}  // namespace fg::nn::utils
