#include "autograd/ops/norm.h"

#include <limits>

#include "autograd/autocast_call.h"
#include "autograd/composed.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/norm_checks.h"
#include "tensor/factories.h"
#include "tensor/kernels/norm.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

/// What the kernels compute, in plain ops.
Tensor composed_row_norm(const std::vector<Tensor>& inputs, const NormShape& shape, bool centered,
                         double eps) {
  const Tensor &weight = inputs[1], &bias = inputs[2];
  const ScalarType type = inputs[0].dtype();
  const Tensor x = inputs[0].to(compute_type(type));
  Tensor rows = x.reshape({shape.rows(), shape.row_size()});
  if (centered) rows = rows.sub(rows.mean(1, true));
  Tensor y = rows.mul(rows.square().mean(1, true).add(eps).rsqrt());
  y = y.reshape({shape.batch, shape.all_channels(), shape.inner});
  if (weight.defined()) y = y.mul(weight.reshape({-1, 1}));
  if (bias.defined()) y = y.add(bias.reshape({-1, 1}));
  return y.reshape(x.sizes()).to(type);
}

struct RowNormBackward : Node {
  Saved x{this}, weight{this}, bias{this}, mean{this}, rstd{this};
  NormShape shape{};
  bool centered = true;
  double eps = 0;
  const char* op_name = "";

  std::string name() const override { return op_name; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor x = this->x.unpack(), weight = this->weight.unpack(), bias = this->bias.unpack();
    if (GradMode::is_enabled()) {
      const auto forward = [this](const std::vector<Tensor>& inputs) {
        return composed_row_norm(inputs, shape, centered, eps);
      };
      return differentiate(*this, forward, {x, weight, bias}, grads[0]);
    }
    const auto gradient_of = [&](size_t i, const Tensor& input) {
      return needs(i) ? empty(input.sizes(), input.options()) : Tensor();
    };
    const std::vector<Tensor> result{gradient_of(0, x), gradient_of(1, weight),
                                     gradient_of(2, bias)};
    ON_DEVICE(x, row_norm_backward, result[0], result[1], result[2], grads[0].contiguous(),
              x.contiguous(), mean.unpack(), rstd.unpack(), contiguous_or_undefined(weight), shape,
              centered);
    return result;
  }
};

struct RowNormOptions {
  const char* node_name;
  NormShape shape;
  bool centered;
  double eps;
};

Tensor row_norm(const Tensor& input, const Tensor& weight, const Tensor& bias,
                const RowNormOptions& options) {
  if (kernel_type(input) != input.dtype()) {
    return row_norm(input.to(kFloat), float_or_undefined(weight), float_or_undefined(bias), options)
        .to(input.dtype());
  }
  const NormShape& shape = options.shape;
  if (ComposedGuard::is_active())
    return composed_row_norm({input, weight, bias}, shape, options.centered, options.eps);
  auto node = make_node<RowNormBackward>(input, weight, bias);
  const Tensor y = empty(input.sizes(), input.options());
  const TensorOptions wide = input.options().dtype(compute_type(input.dtype()));
  const Tensor mean = empty({shape.rows()}, wide), rstd = empty({shape.rows()}, wide);
  ON_DEVICE(input, row_norm_forward, y, mean, rstd, input.contiguous(),
            contiguous_or_undefined(weight), contiguous_or_undefined(bias), shape, options.centered,
            options.eps);
  if (node) {
    node->x.save(input);
    node->weight.save(weight);
    node->bias.save(bias);
    node->mean.save(mean);
    node->rstd.save(rstd);
    node->shape = shape, node->centered = options.centered, node->eps = options.eps;
    node->op_name = options.node_name;
    node->attach(y);
  }
  return y;
}

/// Checks `normalized_shape` against the input and returns the rows it makes.
NormShape trailing_shape(const char* op, const Tensor& input, IntArrayRef normalized_shape) {
  ENSURE(input.is_floating_point(), op, ": input must be floating, got ", input.dtype());
  ENSURE(!normalized_shape.empty(), op, ": normalized_shape must have at least one dim, got []");
  const int64_t leading = input.dim() - int64_t(normalized_shape.size());
  const bool fits = leading >= 0 && input.sizes().slice(size_t(leading)).equals(normalized_shape);
  ENSURE(fits, op, ": input's trailing dims must be ", normalized_shape,
         " (normalized_shape), got input of shape ", input.sizes());
  const int64_t batch = numel_of(input.sizes().slice(0, size_t(leading)));
  return {batch, 1, numel_of(normalized_shape), 1};
}

}  // namespace

Tensor layer_norm(const Tensor& input, IntArrayRef normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps) {
  if (detail::is_autocast())
    return detail::autocast_call("layer_norm", layer_norm, input, normalized_shape, weight, bias,
                                 eps);
  const profiler::RecordOp recorded("layer_norm", input, weight, bias);
  const NormShape shape = trailing_shape("layer_norm", input, normalized_shape);
  check_norm_parameter("layer_norm", "weight", weight, input, normalized_shape, "normalized_shape");
  check_norm_parameter("layer_norm", "bias", bias, input, normalized_shape, "normalized_shape");
  return row_norm(input, weight, bias, {"LayerNormBackward", shape, true, eps});
}

Tensor rms_norm(const Tensor& input, IntArrayRef normalized_shape, const Tensor& weight,
                optional<double> eps) {
  if (detail::is_autocast())
    return detail::autocast_call("rms_norm", rms_norm, input, normalized_shape, weight, eps);
  const profiler::RecordOp recorded("rms_norm", input, weight);
  const NormShape shape = trailing_shape("rms_norm", input, normalized_shape);
  check_norm_parameter("rms_norm", "weight", weight, input, normalized_shape, "normalized_shape");
  const double epsilon = input.dtype() == kDouble ? std::numeric_limits<double>::epsilon()
                                                  : double(std::numeric_limits<float>::epsilon());
  return row_norm(input, weight, {}, {"RmsNormBackward", shape, false, eps.value_or(epsilon)});
}

Tensor group_norm(const Tensor& input, int64_t num_groups, const Tensor& weight, const Tensor& bias,
                  double eps) {
  if (detail::is_autocast())
    return detail::autocast_call("group_norm", group_norm, input, num_groups, weight, bias, eps);
  const profiler::RecordOp recorded("group_norm", input, weight, bias);
  check_channels("group_norm", input);
  const int64_t channels = input.size(1);
  ENSURE(num_groups > 0 && channels % num_groups == 0,
         "group_norm: num_groups must be positive and divide the ", channels, " channels of input ",
         input.sizes(), ", got ", num_groups);
  check_norm_parameter("group_norm", "weight", weight, input, {channels}, "channels");
  check_norm_parameter("group_norm", "bias", bias, input, {channels}, "channels");
  const NormShape shape{input.size(0), num_groups, channels / num_groups,
                        numel_of(input.sizes().slice(2))};
  return row_norm(input, weight, bias, {"GroupNormBackward", shape, true, eps});
}

Tensor instance_norm(const Tensor& input, const Tensor& weight, const Tensor& bias,
                     const Tensor& running_mean, const Tensor& running_var, bool use_input_stats,
                     double momentum, double eps) {
  if (detail::is_autocast())
    return detail::autocast_call("instance_norm", instance_norm, input, weight, bias, running_mean,
                                 running_var, use_input_stats, momentum, eps);
  const profiler::RecordOp recorded("instance_norm", input, weight, bias, running_mean,
                                    running_var);
  check_channels("instance_norm", input);
  const int64_t samples = input.size(0), channels = input.size(1);
  if (!use_input_stats) {
    return batch_norm(input, weight, bias, running_mean, running_var, false, momentum, eps);
  }
  ENSURE(numel_of(input.sizes().slice(2)) != 1,
         "instance_norm: input must have more than 1 position per channel when its own statistics "
         "are used, got input of shape ",
         input.sizes());
  check_norm_parameter("instance_norm", "weight", weight, input, {channels}, "channels");
  check_norm_parameter("instance_norm", "bias", bias, input, {channels}, "channels");
  if (!running_mean.defined() && !running_var.defined())
    return group_norm(input, channels, weight, bias, eps);

  // As one sample of N * C channels, whose updated running statistics are then averaged.
  const auto repeated = [&](const Tensor& t) { return t.defined() ? t.repeat({samples}) : t; };
  DimVector folded(input.sizes().begin(), input.sizes().end());
  folded[0] = 1, folded[1] = samples * channels;
  const Tensor means = repeated(running_mean), vars = repeated(running_var);
  const Tensor y = batch_norm(input.reshape(folded), repeated(weight), repeated(bias), means, vars,
                              true, momentum, eps);
  const auto average = [&](const Tensor& running, const Tensor& values) {
    if (!running.defined()) return;
    NoGradGuard no_grad;
    running.copy_(values.view({samples, channels}).mean(0));
  };
  average(running_mean, means);
  average(running_var, vars);
  return y.reshape(input.sizes());
}

}  // namespace fg
