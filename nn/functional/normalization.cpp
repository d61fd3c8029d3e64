#include "nn/functional/normalization.h"

#include "autograd/ops/batch_norm.h"
#include "autograd/ops/distance.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/pad.h"
#include "autograd/ops/pool.h"
#include "tensor/profiler.h"

namespace fg::nn::functional {

Tensor batch_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormFuncOptions& options) {
  return fg::batch_norm(input, options.weight(), options.bias(), running_mean, running_var,
                        options.training(), options.momentum().value_or(0), options.eps());
}

Tensor instance_norm(const Tensor& input, const InstanceNormFuncOptions& options) {
  return fg::instance_norm(input, options.weight(), options.bias(), options.running_mean(),
                           options.running_var(), options.use_input_stats(), options.momentum(),
                           options.eps());
}

Tensor layer_norm(const Tensor& input, const LayerNormFuncOptions& options) {
  return fg::layer_norm(input, options.normalized_shape(), options.weight(), options.bias(),
                        options.eps());
}

Tensor rms_norm(const Tensor& input, const RMSNormFuncOptions& options) {
  return fg::rms_norm(input, options.normalized_shape(), options.weight(), options.eps());
}

Tensor group_norm(const Tensor& input, const GroupNormFuncOptions& options) {
  return fg::group_norm(input, options.num_groups(), options.weight(), options.bias(),
                        options.eps());
}

Tensor local_response_norm(const Tensor& input, const LocalResponseNormFuncOptions& options) {
  const profiler::RecordOp recorded("local_response_norm", input);
  ENSURE(input.dim() >= 3, "local_response_norm: input must have at least 3 dims, got shape ",
         input.sizes());
  if (input.numel() == 0) return input;
  const int64_t size = options.size();
  // The window slides over channels, so they become the depth of a one-channel volume.
  Tensor squares = input.mul(input).reshape({input.size(0), 1, input.size(1), -1});
  squares = fg::constant_pad_nd(squares, {0, 0, size / 2, (size - 1) / 2});
  const Tensor means = fg::avg_pool2d(squares, {size, 1}, 1).reshape(input.sizes());
  return input / means.mul(options.alpha()).add(options.k()).pow(options.beta());
}

Tensor normalize(const Tensor& input, const NormalizeFuncOptions& options) {
  const Tensor result = fg::normalize(input, options.p(), options.dim(), options.eps());
  if (!options.out()) return result;
  return options.out()->copy_(result);
}

}  // namespace fg::nn::functional
