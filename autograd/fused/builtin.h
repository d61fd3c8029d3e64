// The fused ops that the library brings along. Each is one node of the tape.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// gelu(x + bias[channel]); x (N, C, *), bias (C).
Tensor bias_gelu(const Tensor& x, const Tensor& bias);
/// silu(x) * scale[channel].
Tensor swish_scale(const Tensor& x, const Tensor& scale);
/// sigmoid(gelu(leaky_relu(relu(x), 0.01))) + bias[channel]: what follows the convolution of the
/// reference model conv3d_chain.
Tensor relu_leaky_relu_gelu_sigmoid_bias(const Tensor& x, const Tensor& bias);
/// leaky_relu(leaky_relu(x, 0.2) * multiplier[channel], 0.2): the tail of conv_transpose3d_pool.
Tensor leaky_relu_scale_leaky_relu(const Tensor& x, const Tensor& multiplier);
/// mish(hardtanh(x + bias[channel])): between the product and the norm of linear_group_norm.
Tensor bias_hardtanh_mish(const Tensor& x, const Tensor& bias);
/// gelu(gelu(leaky_relu(leaky_relu(x, 0.01), 0.01))): the tail of linear_logsumexp.
Tensor leaky_relu2_gelu2(const Tensor& x);

/// Puts all of them into fused_ops().
void register_builtin_fused_ops();

}  // namespace fg
