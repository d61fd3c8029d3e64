// Gradient clipping, as torch.nn.utils does it. Parameters without a gradient are passed over.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace fg::optim {

/// The norm of all tensors, flattened into one vector. `norm_type` is any number or infinity; 0 for
/// no tensors. Throws for a NaN or infinite norm if `error_if_nonfinite`.
double get_total_norm(const std::vector<Tensor>& tensors, double norm_type = 2,
                      bool error_if_nonfinite = false);

/// Scales the gradients in place so that their total norm is at most `max_norm` (the factor is
/// max_norm / (norm + 1e-6)). Returns the norm before; NaN while a CUDA graph is being captured, where a 2-norm stays
/// on the device and any other is an error.
double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type = 2,
                       bool error_if_nonfinite = false);
double clip_grad_norm_(const Tensor& parameter, double max_norm, double norm_type = 2,
                       bool error_if_nonfinite = false);

/// Clamps every gradient in place to [-clip_value, clip_value].
void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value);
void clip_grad_value_(const Tensor& parameter, double clip_value);

}  // namespace fg::optim
