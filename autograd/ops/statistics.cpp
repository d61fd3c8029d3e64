#include "autograd/ops/statistics.h"

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg {

Tensor nansum(const Tensor& x, OptionalIntArrayRef dim, bool keepdim, optional<ScalarType> dtype) {
  if (detail::is_autocast()) return detail::autocast_call("nansum", nansum, x, dim, keepdim, dtype);
  const profiler::RecordOp recorded("nansum", x);
  return sum(x.is_floating_point() ? x.masked_fill(isnan(x), 0) : x, dim, keepdim, dtype);
}

Tensor nanmean(const Tensor& x, OptionalIntArrayRef dim, bool keepdim, optional<ScalarType> dtype) {
  const profiler::RecordOp recorded("nanmean", x);
  ENSURE(x.is_floating_point(), "nanmean: x must have a floating dtype, got ", x.dtype());
  return nansum(x, dim, keepdim, dtype) / sum(isnan(x).logical_not(), dim, keepdim);
}

std::tuple<Tensor, Tensor> aminmax(const Tensor& x, optional<int64_t> dim, bool keepdim) {
  const profiler::RecordOp recorded("aminmax", x);
  if (dim) return {amin(x, *dim, keepdim), amax(x, *dim, keepdim)};
  return {amin(x, {}, keepdim), amax(x, {}, keepdim)};
}

Tensor cov(const Tensor& x, int64_t correction, const Tensor& fweights, const Tensor& aweights) {
  const profiler::RecordOp recorded("cov", x);
  ENSURE(x.dim() <= 2, "cov: x must have at most 2 dims, got shape ", x.sizes());
  const Tensor rows = x.dim() == 2 ? x : x.reshape({1, -1});
  Tensor weights = ones({rows.size(1)}, rows.options());
  for (const auto& [given, name] : {std::pair(fweights, "fweights"), {aweights, "aweights"}}) {
    if (!given.defined()) continue;
    ENSURE(given.sizes() == weights.sizes(), "cov: ", name, " must have shape ", weights.sizes(),
           " (one weight for each observation), got ", given.sizes());
    weights = weights * given;
  }
  const Tensor total = weights.sum();
  const Tensor center = rows - (rows * weights).sum(1, true) / total;
  // The observations that `correction` takes away count with their mean weight.
  const Tensor lost = aweights.defined() ? correction * (weights * aweights).sum() / total
                                         : full_like(total, correction);
  const Tensor divisor = (total - lost).clamp_min(0);
  const Tensor result = center.matmul((center * weights).t()) / divisor;
  return x.dim() == 2 ? result : result.reshape(IntArrayRef());
}

Tensor corrcoef(const Tensor& x) {
  const profiler::RecordOp recorded("corrcoef", x);
  const Tensor c = cov(x);
  if (c.dim() == 0) return c / c;
  const Tensor deviation = c.diagonal().sqrt();
  return (c / deviation.unsqueeze(1) / deviation).clamp(-1, 1);
}

namespace {

/// y[i] + y[i + 1] along `dim`.
Tensor neighbours(const Tensor& y, int64_t dim) {
  const int64_t count = std::max<int64_t>(y.size(dim) - 1, 0);
  return y.narrow(dim, 0, count) + y.narrow(dim, y.size(dim) - count, count);
}

/// The areas between neighbours.
Tensor areas(const Tensor& y, const Scalar& dx, int64_t dim) {
  return neighbours(y, dim) * (dx.to<double>() / 2);
}
Tensor areas(const Tensor& y, const Tensor& x, int64_t dim) {
  Tensor steps = x.slice(x.dim() == 1 ? 0 : dim, 1) - x.slice(x.dim() == 1 ? 0 : dim, 0, -1);
  if (x.dim() == 1 && y.dim() > 1) {
    // Positions of one dim run along `dim` of y.
    DimVector shape(size_t(y.dim()), 1);
    shape[size_t(dim < 0 ? dim + y.dim() : dim)] = steps.size(0);
    steps = steps.reshape(shape);
  }
  return neighbours(y, dim) * steps / 2;
}

}  // namespace

Tensor trapezoid(const Tensor& y, const Scalar& dx, int64_t dim) {
  const profiler::RecordOp recorded("trapezoid", y);
  return areas(y, dx, dim).sum(dim);
}
Tensor trapezoid(const Tensor& y, const Tensor& x, int64_t dim) {
  const profiler::RecordOp recorded("trapezoid", y, x);
  return areas(y, x, dim).sum(dim);
}
Tensor cumulative_trapezoid(const Tensor& y, const Scalar& dx, int64_t dim) {
  const profiler::RecordOp recorded("cumulative_trapezoid", y);
  return areas(y, dx, dim).cumsum(dim);
}
Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, int64_t dim) {
  const profiler::RecordOp recorded("cumulative_trapezoid", y, x);
  return areas(y, x, dim).cumsum(dim);
}

Tensor renorm(const Tensor& x, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
  if (detail::is_autocast()) return detail::autocast_call("renorm", renorm, x, p, dim, maxnorm);
  const profiler::RecordOp recorded("renorm", x);
  ENSURE(x.dim() >= 2, "renorm: x must have at least 2 dims, got shape ", x.sizes());
  std::vector<int64_t> others;
  for (int64_t d = 0; d < x.dim(); ++d)
    if (d != (dim < 0 ? dim + x.dim() : dim)) others.push_back(d);
  const double limit = maxnorm.to<double>();
  const Tensor length = x.norm(p, others, true);
  // PyTorch's guard against dividing by 0.
  return x * where(length.gt(limit), limit / (length + 1e-7), 1);
}

}  // namespace fg
