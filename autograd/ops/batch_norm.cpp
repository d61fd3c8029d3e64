#include "autograd/ops/batch_norm.h"

#include "autograd/composed.h"
#include "autograd/ops/norm_checks.h"
#include "tensor/factories.h"
#include "tensor/kernels/norm.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

struct BatchNormBackward : Node {
  Saved x{this}, weight{this}, bias{this}, mean{this}, rstd{this};
  NormShape shape{};
  bool training = true;
  double eps = 0;

  std::string name() const override { return "BatchNormBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor x = this->x.unpack(), weight = this->weight.unpack(), bias = this->bias.unpack();
    if (GradMode::is_enabled()) {
      const auto forward = [this](const std::vector<Tensor>& inputs) { return composed(inputs); };
      return differentiate(*this, forward, {x, weight, bias}, grads[0]);
    }
    const auto gradient_of = [&](size_t i, const Tensor& input) {
      return needs(i) ? empty(input.sizes(), input.options()) : Tensor();
    };
    const std::vector<Tensor> result{gradient_of(0, x), gradient_of(1, weight),
                                     gradient_of(2, bias)};
    ON_DEVICE(x, batch_norm_backward, result[0], result[1], result[2], grads[0].contiguous(),
              x.contiguous(), mean.unpack(), rstd.unpack(), contiguous_or_undefined(weight), shape,
              training);
    return result;
  }

 private:
  /// What the kernels compute, in plain ops.
  Tensor composed(const std::vector<Tensor>& inputs) const {
    const Tensor &weight = inputs[1], &bias = inputs[2];
    const ScalarType type = inputs[0].dtype();
    const Tensor x = inputs[0].to(compute_type(type));
    Tensor y = x.reshape({shape.batch, shape.channels, shape.inner});
    if (training) {
      y = y.sub(y.mean({0, 2}, true));
      y = y.mul(y.square().mean({0, 2}, true).add(eps).rsqrt());
    } else {
      y = y.sub(mean.unpack().reshape({-1, 1})).mul(rstd.unpack().reshape({-1, 1}));
    }
    if (weight.defined()) y = y.mul(weight.reshape({-1, 1}));
    if (bias.defined()) y = y.add(bias.reshape({-1, 1}));
    return y.reshape(x.sizes()).to(type);
  }
};

/// running = (1 - momentum) * running + momentum * value, if `running` is defined.
void move_towards(const Tensor& running, const Tensor& value, double momentum) {
  if (!running.defined()) return;
  NoGradGuard no_grad;
  running.mul_(1 - momentum).add_(value, momentum);
}

}  // namespace

Tensor batch_norm(const Tensor& input, const Tensor& weight, const Tensor& bias,
                  const Tensor& running_mean, const Tensor& running_var, bool training,
                  double momentum, double eps) {
  const profiler::RecordOp recorded("batch_norm", input, weight, bias, running_mean, running_var);
  check_channels("batch_norm", input);
  const NormShape shape{input.size(0), 1, input.size(1), numel_of(input.sizes().slice(2))};
  const IntArrayRef channels(shape.channels);
  check_norm_parameter("batch_norm", "weight", weight, input, channels, "channels");
  check_norm_parameter("batch_norm", "bias", bias, input, channels, "channels");
  check_norm_shape("batch_norm", "running_mean", running_mean, channels, "channels");
  check_norm_shape("batch_norm", "running_var", running_var, channels, "channels");
  ENSURE(training || (running_mean.defined() && running_var.defined()),
         "batch_norm: running_mean and running_var must be defined in evaluation, got an undefined "
         "one");
  const int64_t count = shape.batch * shape.inner;
  ENSURE(
      !training || count != 1,
      "batch_norm: input must have more than 1 value per channel in training, got input of shape ",
      input.sizes());
  if (kernel_type(input) != input.dtype()) {
    return batch_norm(input.to(kFloat), float_or_undefined(weight), float_or_undefined(bias),
                      running_mean, running_var, training, momentum, eps)
        .to(input.dtype());
  }

  auto node = make_node<BatchNormBackward>(input, weight, bias);
  const Tensor x = input.detach().contiguous();
  const Tensor y = empty(input.sizes(), input.options());
  const ScalarType wide = compute_type(x.dtype());
  Tensor mean, var;
  if (training) {
    mean = empty(channels, input.options().dtype(wide));
    var = empty(channels, input.options().dtype(wide));
    ON_DEVICE(x, batch_norm_statistics, mean, var, x, shape);
  } else {
    mean = running_mean.detach().to(wide).contiguous();
    var = running_var.detach().to(wide);
  }
  const Tensor rstd = var.add(eps).rsqrt().contiguous();
  ON_DEVICE(x, batch_norm_forward, y, x, mean, rstd, contiguous_or_undefined(weight),
            contiguous_or_undefined(bias), shape);
  if (training && count > 0) {
    move_towards(running_mean, mean, momentum);
    move_towards(running_var, var.mul(double(count) / double(count - 1)), momentum);
  }
  if (node) {
    node->x.save(input);
    node->weight.save(weight);
    node->bias.save(bias);
    // In evaluation these may be the running statistics themselves, which training moves on.
    node->mean.save(training ? mean : mean.clone());
    node->rstd.save(rstd);
    node->shape = shape, node->training = training, node->eps = eps;
    node->attach(y);
  }
  return y;
}

}  // namespace fg
