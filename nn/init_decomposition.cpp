// The initialisers that need more than a fill: orthogonal_ and trunc_normal_.
#include <cmath>

#include "autograd/grad_mode.h"
#include "nn/init.h"
#include "tensor/factories.h"
#include "tensor/kernels/qr.h"

namespace fg::nn::init {
namespace {

double normal_cdf(double x) { return (1 + std::erf(x / std::sqrt(2.0))) / 2; }

/// Where the limits cut off much of the mass: draws from the uniform distribution and keeps a value
/// with the probability that its density has relative to the largest one in [a, b].
void truncated_by_rejection(const Tensor& tensor, double mean, double std, double a, double b) {
  const double mode = std::min(std::max(mean, a), b);
  const double log_peak = -0.5 * ((mode - mean) / std) * ((mode - mean) / std);
  Tensor pending = ones_like(tensor, kBool);
  while (pending.any().item<bool>()) {
    const Tensor candidate = empty_like(tensor).uniform_(a, b);
    const Tensor chance = empty_like(tensor).uniform_(0, 1);
    const Tensor z = candidate.sub(mean).div(std);
    const Tensor log_density = z.mul(z).mul(-0.5).sub(log_peak);
    tensor.copy_(candidate.where(pending, tensor));
    pending = pending.logical_and(chance.log().gt(log_density));
  }
}

}  // namespace

Tensor orthogonal_(Tensor tensor, double gain) {
  NoGradGuard no_grad;
  ENSURE(tensor.dim() >= 2, "Only tensors with 2 or more dimensions are supported");
  if (tensor.numel() == 0) return tensor;
  const int64_t rows = tensor.size(0), columns = tensor.numel() / rows;
  const Tensor drawn = empty({rows, columns}, tensor.options()).normal_(0, 1);
  const Tensor tall = (rows < columns ? drawn.t() : drawn).to(kCPU, kDouble).contiguous();
  Tensor q = empty(tall.sizes(), kDouble);
  cpu::orthonormal_basis(q, tall);
  q = q.to(tensor.options());
  if (rows < columns) q = q.t();
  return tensor.copy_(q.mul(gain).reshape(tensor.sizes()));
}

Tensor trunc_normal_(Tensor tensor, double mean, double std, double a, double b) {
  NoGradGuard no_grad;
  ENSURE(a < b, "trunc_normal_: a must be below b, got a = ", a, ", b = ", b);
  ENSURE(std > 0, "trunc_normal_: std must be positive, got ", std);
  const double mass = normal_cdf((b - mean) / std) - normal_cdf((a - mean) / std);
  if (mass <= 0.3) {
    truncated_by_rejection(tensor, mean, std, a, b);
    return tensor;
  }
  tensor.normal_(mean, std);
  for (;;) {
    const Tensor outside = tensor.lt(a).logical_or(tensor.gt(b));
    if (!outside.any().item<bool>()) return tensor;
    tensor.copy_(empty_like(tensor).normal_(mean, std).where(outside, tensor));
  }
}

}  // namespace fg::nn::init
