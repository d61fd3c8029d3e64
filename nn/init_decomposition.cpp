// The initialisers that need more than a fill: orthogonal_ and trunc_normal_.
#include <cmath>
#include <vector>

#include "autograd/grad_mode.h"
#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn::init {
namespace {

/// Replaces the rows x columns matrix (row-major, rows >= columns) by the Q of its QR decomposition,
/// with columns signed such that R's diagonal is positive. Householder reflections as in LAPACK's geqr2
/// and org2r (Golub and Van Loan, Matrix Computations, 5.2).
void orthonormalise(std::vector<double>& a, int64_t rows, int64_t columns) {
  auto at = [&](int64_t i, int64_t j) -> double& { return a[size_t(i * columns + j)]; };
  std::vector<double> tau(size_t(columns), 0), sign(size_t(columns), 1);
  // The reflection I - tau v v^T with v = (1, a[k + 1 .., k]) applied to column j from row k on.
  auto reflect = [&](int64_t k, int64_t j) {
    double dot = at(k, j);
    for (int64_t i = k + 1; i < rows; ++i) dot += at(i, k) * at(i, j);
    dot *= tau[size_t(k)];
    at(k, j) -= dot;
    for (int64_t i = k + 1; i < rows; ++i) at(i, j) -= dot * at(i, k);
  };

  for (int64_t k = 0; k < columns; ++k) {
    double below = 0;
    for (int64_t i = k + 1; i < rows; ++i) below += at(i, k) * at(i, k);
    const double head = at(k, k);
    double diagonal = head;
    if (below != 0) {
      diagonal = -std::copysign(std::sqrt(head * head + below), head);
      tau[size_t(k)] = (diagonal - head) / diagonal;
      for (int64_t i = k + 1; i < rows; ++i) at(i, k) /= head - diagonal;
    }
    sign[size_t(k)] = diagonal > 0 ? 1 : diagonal < 0 ? -1 : 0;
    for (int64_t j = k + 1; j < columns; ++j) reflect(k, j);
  }

  for (int64_t k = columns; k-- > 0;) {
    // Column k of Q starts as a unit vector; reflecting it first keeps v in place for the others.
    for (int64_t j = k + 1; j < columns; ++j) at(k, j) = 0;
    for (int64_t j = k + 1; j < columns; ++j) reflect(k, j);
    for (int64_t i = k + 1; i < rows; ++i) at(i, k) *= -tau[size_t(k)];
    at(k, k) = 1 - tau[size_t(k)];
    for (int64_t i = 0; i < k; ++i) at(i, k) = 0;
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) at(i, j) *= sign[size_t(j)];
  }
}

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
  const double* first = tall.data_ptr<double>();
  std::vector<double> values(first, first + tall.numel());
  orthonormalise(values, tall.size(0), tall.size(1));
  Tensor q = from_blob(values.data(), tall.sizes(), kDouble).to(tensor.dtype());
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
