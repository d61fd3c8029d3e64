#include "autograd/ops/glu.h"

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {

Tensor glu(const Tensor& input, int64_t dim) {
  const profiler::RecordOp recorded("glu", input);
  ENSURE(input.dim() > 0, "glu: input must have at least 1 dim, got []");
  dim = wrap_dim(dim, input.dim(), "glu");
  const int64_t extent = input.size(dim);
  ENSURE(extent % 2 == 0, "glu: input's extent along dim ", dim,
         " must be even, got input of shape ", input.sizes());
  return input.narrow(dim, 0, extent / 2).mul(input.narrow(dim, extent / 2, extent / 2).sigmoid());
}

Tensor prelu(const Tensor& input, const Tensor& weight) {
  if (detail::is_autocast()) return detail::autocast_call("prelu", prelu, input, weight);
  const profiler::RecordOp recorded("prelu", input, weight);
  ENSURE(weight.dim() <= 1, "prelu: weight must have shape [C], [1] or [], got ", weight.sizes());
  const int64_t channels = input.dim() >= 2 ? input.size(1) : 1;
  ENSURE(weight.numel() == 1 || weight.numel() == channels, "prelu: weight must have 1 or ",
         channels, " elements (input's channels), got ", weight.numel());
  Tensor slope = weight;
  if (input.dim() > 1 && weight.dim() == 1) {
    DimVector shape(size_t(input.dim()), 1);
    shape[1] = weight.numel();
    slope = weight.reshape(shape);
  } else if (input.dim() == 0) {
    slope = weight.reshape({});
  }
  // Each part is 0 where the other counts; at 0 the gradient is the slope's.
  return input.relu().add(slope.mul(input.clamp_max(0)));
}

namespace {

/// The drawn slope where input <= 0, else 1.
Tensor rrelu_noise(const Tensor& input, double lower, double upper) {
  NoGradGuard no_grad;
  const Tensor negative = input.le(0);
  const int64_t count = negative.sum().item<int64_t>();
  // PyTorch rounds the bounds to the dtype, then draws in double, in two steps with two roundings.
  const double low = scalar_tensor(lower, input.dtype()).item<double>();
  const double high = scalar_tensor(upper, input.dtype()).item<double>();
  const Tensor slopes = empty({count}, input.options().dtype(kDouble)).uniform_(0, 1);
  slopes.mul_(high - low).add_(low);
  return ones_like(input).index_put_({negative}, slopes.to(input.dtype()));
}

void check_bounds(double lower, double upper) {
  ENSURE(lower <= upper, "rrelu: lower must not exceed upper, got ", lower, " and ", upper);
}

}  // namespace

Tensor rrelu(const Tensor& input, double lower, double upper, bool train) {
  const profiler::RecordOp recorded("rrelu", input);
  check_bounds(lower, upper);
  if (!train) return leaky_relu(input, (lower + upper) / 2);
  return input.mul(rrelu_noise(input, lower, upper));
}

Tensor rrelu_(const Tensor& input, double lower, double upper, bool train) {
  const profiler::RecordOp recorded("rrelu_", input);
  check_bounds(lower, upper);
  if (!train) return leaky_relu_(input, (lower + upper) / 2);
  return input.mul_(rrelu_noise(input, lower, upper));
}

}  // namespace fg
