// Activations in their functional form. All work elementwise on floating tensors of any shape and are
// differentiable, unless said otherwise; `inplace` overwrites the input and returns it.
#pragma once

#include "nn/options/activation.h"
#include "tensor/tensor.h"

namespace fg::nn::functional {

/// max(0, x)
Tensor relu(const Tensor& input, const ReLUFuncOptions& options = {});
/// min(max(0, x), 6)
Tensor relu6(const Tensor& input, const ReLU6FuncOptions& options = {});
/// x for x > 0, else alpha (exp(x) - 1)
Tensor elu(const Tensor& input, const ELUFuncOptions& options = {});
/// The self-normalising ELU (Klambauer et al., 2017).
Tensor selu(const Tensor& input, const SELUFuncOptions& options = {});
/// max(0, x) + min(0, alpha (exp(x / alpha) - 1))
Tensor celu(const Tensor& input, const CELUFuncOptions& options = {});
/// x Phi(x), exactly or by the tanh approximation.
Tensor gelu(const Tensor& input, const GELUFuncOptions& options = {});
/// x sigmoid(x)
Tensor silu(const Tensor& input);
/// x tanh(softplus(x))
Tensor mish(const Tensor& input);
/// a sigmoid(b), where a and b are the halves of the input along `dim`, whose extent must be even.
Tensor glu(const Tensor& input, const GLUFuncOptions& options = {});
Tensor sigmoid(const Tensor& input);
Tensor tanh(const Tensor& input);
/// log(sigmoid(x))
Tensor logsigmoid(const Tensor& input);
/// log(1 + exp(beta x)) / beta, and x where beta x > threshold.
Tensor softplus(const Tensor& input, const SoftplusFuncOptions& options = {});
/// x / (1 + |x|)
Tensor softsign(const Tensor& input);
/// x - tanh(x)
Tensor tanhshrink(const Tensor& input);
/// x where |x| > lambda, else 0
Tensor hardshrink(const Tensor& input, const HardshrinkFuncOptions& options = {});
/// x moved towards 0 by lambda, 0 within.
Tensor softshrink(const Tensor& input, const SoftshrinkFuncOptions& options = {});
/// x clamped to [min_val, max_val].
Tensor hardtanh(const Tensor& input, const HardtanhFuncOptions& options = {});
/// x relu6(x + 3) / 6
Tensor hardswish(const Tensor& input, const HardswishOptions& options = {});
/// relu6(x + 3) / 6
Tensor hardsigmoid(const Tensor& input, const HardsigmoidOptions& options = {});
/// x for x > 0, else negative_slope x
Tensor leaky_relu(const Tensor& input, const LeakyReLUFuncOptions& options = {});
/// x for x > 0, else weight x; `weight` has one value, or one per channel (dim 1).
Tensor prelu(const Tensor& input, const Tensor& weight);
/// leaky_relu with a slope drawn from [lower, upper) for each element in training, else their mean.
Tensor rrelu(const Tensor& input, const RReLUFuncOptions& options = {});
/// x for x > threshold, else value
Tensor threshold(const Tensor& input, const ThresholdFuncOptions& options);

/// exp(x) / sum(exp(x)) along `dim`.
Tensor softmax(const Tensor& input, const SoftmaxFuncOptions& options);
/// softmax(-x)
Tensor softmin(const Tensor& input, const SoftminFuncOptions& options);
/// log(softmax(x)), computed without overflow.
Tensor log_softmax(const Tensor& input, const LogSoftmaxFuncOptions& options);
/// A sample of the Gumbel-softmax distribution with these logits; `hard` makes it one-hot and keeps
/// the gradient of the soft one.
Tensor gumbel_softmax(const Tensor& logits, const GumbelSoftmaxFuncOptions& options = {});

}  // namespace fg::nn::functional
