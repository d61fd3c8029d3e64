// The fused stages that the library brings along: a convolution or a product with all that follows it as one
// node of the tape, on both devices. Arguments are those of the ops that they are made of. Channel operands have shape
// [channels], with any extents of 1 behind. Parameters are of x's dtype or, as under autocast, of another: then the
// stage converts them itself, and where x is 16-bit their gradients are summed and handed back in Float.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// sigmoid(gelu(leaky_relu(relu(conv3d(x, weight, conv_bias)), 0.01))) + bias[channel].
Tensor conv3d_relu_leaky_relu_gelu_sigmoid_bias(const Tensor& x, const Tensor& weight,
                                                const Tensor& conv_bias, const Tensor& bias,
                                                IntArrayRef stride = 1, IntArrayRef padding = 0,
                                                IntArrayRef dilation = 1, int64_t groups = 1);
/// max_pool3d(leaky_relu(leaky_relu(conv_transpose3d(x, weight, bias), 0.2) * multiplier[channel], 0.2),
/// kernel_size).
Tensor conv_transpose3d_leaky_relu_scale_leaky_relu_max_pool3d(
    const Tensor& x, const Tensor& weight, const Tensor& conv_bias, const Tensor& multiplier,
    IntArrayRef kernel_size, IntArrayRef stride = 1, IntArrayRef padding = 0,
    IntArrayRef output_padding = 0, int64_t groups = 1, IntArrayRef dilation = 1);
/// group_norm(mish(hardtanh(linear(x, weight, linear_bias) + bias, min_val, max_val)), ...); x (n, in).
Tensor linear_bias_hardtanh_mish_group_norm(const Tensor& x, const Tensor& weight,
                                            const Tensor& linear_bias, const Tensor& bias,
                                            int64_t num_groups, const Tensor& norm_weight,
                                            const Tensor& norm_bias, double eps = 1e-5,
                                            double min_val = -1, double max_val = 1);
/// gelu(gelu(leaky_relu(leaky_relu(logsumexp(linear(x, weight, bias), 1, true), 0.01)))); x (n, in), result
/// (n, 1).
Tensor linear_logsumexp_leaky_relu2_gelu2(const Tensor& x, const Tensor& weight,
                                          const Tensor& bias);

/// relu(conv2d(x, weight, bias)).
Tensor conv2d_relu(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                   IntArrayRef stride = 1, IntArrayRef padding = 0, IntArrayRef dilation = 1,
                   int64_t groups = 1);
/// max_pool2d(relu(conv2d(x, weight, bias)), kernel_size).
Tensor conv2d_relu_max_pool2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                              IntArrayRef kernel_size, IntArrayRef stride = 1,
                              IntArrayRef padding = 0, IntArrayRef dilation = 1,
                              int64_t groups = 1);
/// gelu(linear(x, weight, bias)); x (n, in), as in the next one.
Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
/// silu(linear(x, weight, bias)) * scale[feature].
Tensor linear_swish_scale(const Tensor& x, const Tensor& weight, const Tensor& bias,
                          const Tensor& scale);
/// layer_norm(x + residual) over the last dim; x and residual (n, features).
Tensor residual_layer_norm(const Tensor& x, const Tensor& residual, const Tensor& weight = {},
                           const Tensor& bias = {}, double eps = 1e-5);
/// rms_norm(x + residual) over the last dim.
Tensor residual_rms_norm(const Tensor& x, const Tensor& residual, const Tensor& weight = {},
                         double eps = 1e-6);

/// Puts all of them into fused_ops().
void register_fused_stages();

}  // namespace fg
