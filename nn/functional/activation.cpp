#include "nn/functional/activation.h"

#include "autograd/ops/elementwise.h"
#include "autograd/ops/glu.h"
#include "autograd/ops/softmax.h"

namespace fg::nn::functional {

Tensor relu(const Tensor& input, const ReLUFuncOptions& options) {
  return options.inplace() ? fg::relu_(input) : fg::relu(input);
}

Tensor relu6(const Tensor& input, const ReLU6FuncOptions& options) {
  return options.inplace() ? fg::relu6_(input) : fg::relu6(input);
}

Tensor elu(const Tensor& input, const ELUFuncOptions& options) {
  return options.inplace() ? fg::elu_(input, options.alpha()) : fg::elu(input, options.alpha());
}

Tensor selu(const Tensor& input, const SELUFuncOptions& options) {
  return options.inplace() ? fg::selu_(input) : fg::selu(input);
}

Tensor celu(const Tensor& input, const CELUFuncOptions& options) {
  return options.inplace() ? fg::celu_(input, options.alpha()) : fg::celu(input, options.alpha());
}

Tensor gelu(const Tensor& input, const GELUFuncOptions& options) {
  return fg::gelu(input, options.approximate());
}

Tensor silu(const Tensor& input) { return fg::silu(input); }

Tensor mish(const Tensor& input) { return fg::mish(input); }

Tensor glu(const Tensor& input, const GLUFuncOptions& options) {
  return fg::glu(input, options.dim());
}

Tensor sigmoid(const Tensor& input) { return fg::sigmoid(input); }

Tensor tanh(const Tensor& input) { return fg::tanh(input); }

Tensor logsigmoid(const Tensor& input) { return fg::log_sigmoid(input); }

Tensor softplus(const Tensor& input, const SoftplusFuncOptions& options) {
  return fg::softplus(input, options.beta(), options.threshold());
}

Tensor softsign(const Tensor& input) { return fg::softsign(input); }

Tensor tanhshrink(const Tensor& input) { return fg::tanhshrink(input); }

Tensor hardshrink(const Tensor& input, const HardshrinkFuncOptions& options) {
  return fg::hardshrink(input, options.lambda());
}

Tensor softshrink(const Tensor& input, const SoftshrinkFuncOptions& options) {
  return fg::softshrink(input, options.lambda());
}

Tensor hardtanh(const Tensor& input, const HardtanhFuncOptions& options) {
  const double min = options.min_val(), max = options.max_val();
  return options.inplace() ? fg::hardtanh_(input, min, max) : fg::hardtanh(input, min, max);
}

Tensor hardswish(const Tensor& input, const HardswishOptions& options) {
  return options.inplace() ? fg::hardswish_(input) : fg::hardswish(input);
}

Tensor hardsigmoid(const Tensor& input, const HardsigmoidOptions& options) {
  return options.inplace() ? fg::hardsigmoid_(input) : fg::hardsigmoid(input);
}

Tensor leaky_relu(const Tensor& input, const LeakyReLUFuncOptions& options) {
  const double slope = options.negative_slope();
  return options.inplace() ? fg::leaky_relu_(input, slope) : fg::leaky_relu(input, slope);
}

Tensor prelu(const Tensor& input, const Tensor& weight) { return fg::prelu(input, weight); }

Tensor rrelu(const Tensor& input, const RReLUFuncOptions& options) {
  const auto op = options.inplace() ? fg::rrelu_ : fg::rrelu;
  return op(input, options.lower(), options.upper(), options.training());
}

Tensor threshold(const Tensor& input, const ThresholdFuncOptions& options) {
  const double limit = options.threshold(), value = options.value();
  return options.inplace() ? fg::threshold_(input, limit, value)
                           : fg::threshold(input, limit, value);
}

Tensor softmax(const Tensor& input, const SoftmaxFuncOptions& options) {
  return fg::softmax(input, options.dim(), options.dtype());
}

Tensor softmin(const Tensor& input, const SoftminFuncOptions& options) {
  return fg::softmin(input, options.dim(), options.dtype());
}

Tensor log_softmax(const Tensor& input, const LogSoftmaxFuncOptions& options) {
  return fg::log_softmax(input, options.dim(), options.dtype());
}

Tensor gumbel_softmax(const Tensor& logits, const GumbelSoftmaxFuncOptions& options) {
  return fg::gumbel_softmax(logits, options.tau(), options.hard(), options.dim());
}

}  // namespace fg::nn::functional
