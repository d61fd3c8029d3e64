#include "nn/init.h"

#include <cmath>

#include "autograd/grad_mode.h"
#include "tensor/factories.h"

namespace fg::nn::init {
namespace {

/// Independent directions in which a tensor's element count splits, for the fan computations.
struct Fans {
  int64_t in, out;
};

Fans fans_of(const Tensor& tensor) {
  ENSURE(tensor.dim() >= 2,
         "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
  int64_t field = 1;
  for (int64_t d = 2; d < tensor.dim(); ++d) field *= tensor.size(d);
  return {tensor.size(1) * field, tensor.size(0) * field};
}

/// In PyTorch's order of operations; `1 / sqrt(fan)` would differ in the last bit.
double kaiming_std(const Tensor& tensor, double a, FanModeType mode,
                   NonlinearityType nonlinearity) {
  const Fans fans = fans_of(tensor);
  return calculate_gain(nonlinearity, a) / std::sqrt(double(mode == kFanIn ? fans.in : fans.out));
}

double xavier_std(const Tensor& tensor, double gain) {
  const Fans fans = fans_of(tensor);
  return gain * std::sqrt(2.0 / double(fans.in + fans.out));
}

}  // namespace

double calculate_gain(NonlinearityType nonlinearity, double param) {
  if (nonlinearity == kTanh) return 5.0 / 3.0;
  if (nonlinearity == kReLU) return std::sqrt(2.0);
  if (nonlinearity == kLeakyReLU) return std::sqrt(2.0 / (1 + param * param));
  if (nonlinearity == kSELU) return 3.0 / 4;
  return 1;
}

std::tuple<int64_t, int64_t> _calculate_fan_in_and_fan_out(const Tensor& tensor) {
  const Fans fans = fans_of(tensor);
  return {fans.in, fans.out};
}

Tensor constant_(Tensor tensor, const Scalar& value) {
  NoGradGuard no_grad;
  return tensor.fill_(value);
}

Tensor ones_(Tensor tensor) { return constant_(std::move(tensor), 1); }

Tensor zeros_(Tensor tensor) { return constant_(std::move(tensor), 0); }

Tensor uniform_(Tensor tensor, double low, double high) {
  NoGradGuard no_grad;
  return tensor.uniform_(low, high);
}

Tensor normal_(Tensor tensor, double mean, double std) {
  NoGradGuard no_grad;
  return tensor.normal_(mean, std);
}

Tensor eye_(Tensor matrix) {
  NoGradGuard no_grad;
  ENSURE(matrix.dim() == 2, "Only tensors with 2 dimensions are supported");
  return matrix.copy_(eye(matrix.size(0), matrix.size(1), matrix.options()));
}

Tensor dirac_(Tensor tensor, int64_t groups) {
  NoGradGuard no_grad;
  ENSURE(tensor.dim() >= 3 && tensor.dim() <= 5,
         "Only tensors with 3, 4, or 5 dimensions are supported");
  ENSURE(groups > 0 && tensor.size(0) % groups == 0, "dirac_: groups must divide the first extent ",
         tensor.size(0), ", got ", groups);
  tensor.zero_();
  const int64_t out_per_group = tensor.size(0) / groups;
  for (int64_t group = 0; group < groups; ++group) {
    for (int64_t i = 0; i < std::min(out_per_group, tensor.size(1)); ++i) {
      Tensor tap = tensor.select(0, group * out_per_group + i).select(0, i);
      while (tap.dim() > 0) tap = tap.select(0, tap.size(0) / 2);
      tap.fill_(1);
    }
  }
  return tensor;
}

Tensor xavier_uniform_(Tensor tensor, double gain) {
  const double bound = std::sqrt(3.0) * xavier_std(tensor, gain);
  return uniform_(std::move(tensor), -bound, bound);
}

Tensor xavier_normal_(Tensor tensor, double gain) {
  const double std = xavier_std(tensor, gain);
  return normal_(std::move(tensor), 0, std);
}

Tensor kaiming_uniform_(Tensor tensor, double a, FanModeType mode, NonlinearityType nonlinearity) {
  if (tensor.numel() == 0) return tensor;
  const double bound = std::sqrt(3.0) * kaiming_std(tensor, a, mode, nonlinearity);
  return uniform_(std::move(tensor), -bound, bound);
}

Tensor kaiming_normal_(Tensor tensor, double a, FanModeType mode, NonlinearityType nonlinearity) {
  if (tensor.numel() == 0) return tensor;
  const double std = kaiming_std(tensor, a, mode, nonlinearity);
  return normal_(std::move(tensor), 0, std);
}

Tensor default_bias_(Tensor bias, const Tensor& weight) {
  const int64_t fan_in = fans_of(weight).in;
  const double bound = fan_in > 0 ? 1 / std::sqrt(double(fan_in)) : 0;
  return uniform_(std::move(bias), -bound, bound);
}

Tensor sparse_(Tensor tensor, double sparsity, double std) {
  NoGradGuard no_grad;
  ENSURE(tensor.dim() == 2, "Only tensors with 2 dimensions are supported");
  tensor.normal_(0, std);
  const int64_t rows = tensor.size(0);
  const auto num_zeros = int64_t(std::ceil(sparsity * double(rows)));
  ENSURE(sparsity >= 0 && num_zeros <= rows, "sparse_: sparsity must lie in [0, 1], got ",
         sparsity);
  for (int64_t column = 0; column < tensor.size(1); ++column) {
    const Tensor order = randperm(rows);
    tensor.select(1, column).index_fill_(0, order.slice(0, 0, num_zeros), 0);
  }
  return tensor;
}

}  // namespace fg::nn::init
