#include "autograd/ops/quantile.h"

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/scan.h"
#include "autograd/ops/sort.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

void check_quantile(const Tensor& x, const Tensor& q, std::string_view interpolation,
                    const char* op) {
  ENSURE(x.dtype() == kFloat || x.dtype() == kDouble, op,
         ": x must have dtype Float or Double, got ", x.dtype());
  ENSURE(x.numel() > 0, op, ": x must not be empty, got shape ", x.sizes());
  ENSURE(q.dim() <= 1, op, ": q must have at most 1 dim, got shape ", q.sizes());
  ENSURE(q.dtype() == x.dtype(), op, ": q must have dtype ", x.dtype(), " (x's dtype), got ",
         q.dtype());
  // On a GPU the host would wait for the answer.
  ENSURE(q.is_cuda() || (q.detach().ge(0) & q.detach().le(1)).all().item<bool>(), op,
         ": q must lie in [0, 1]");
  for (const std::string_view known : {"linear", "lower", "higher", "midpoint", "nearest"})
    if (interpolation == known) return;
  detail::fail<Error>(
      str(op, ": interpolation must be linear, lower, higher, midpoint or nearest, got ",
          interpolation));
}

/// The elements of the sorted `lines` at the fractional positions `ranks` of the last dim.
Tensor at_ranks(const Tensor& lines, const Tensor& ranks, std::string_view interpolation) {
  const auto at = [&](const Tensor& whole) { return lines.gather(-1, whole.detach().to(kLong)); };
  if (interpolation == "lower") return at(ranks.floor());
  if (interpolation == "higher") return at(ranks.ceil());
  if (interpolation == "nearest") return at(ranks.round());
  const Tensor below = ranks.floor();
  const Tensor weight = interpolation == "midpoint" ? full_like(ranks, 0.5) : ranks - below;
  return lerp(at(below), at(ranks.ceil()), weight);
}

Tensor quantile_of(const Tensor& x, const Tensor& q, optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation, bool skip_nan, const char* op) {
  check_quantile(x, q, interpolation, op);
  const int64_t along = dim ? wrap_dim(*dim, x.dim(), op) : 0;
  const Tensor lines = dim && x.dim() > 0 ? x.movedim(along, -1) : x.flatten();
  const Tensor nan = lines.detach().isnan(), fractions = q.reshape({-1});
  const int64_t last = lines.size(-1) - 1;
  Tensor ranks;
  if (skip_nan)
    ranks = (last - nan.sum(-1, true)).clamp_min(0) * fractions;
  else
    ranks = where(nan.any(-1, true), double(last), fractions * double(last)).to(x.dtype());
  Tensor result = at_ranks(std::get<0>(lines.sort(-1)), ranks, interpolation);
  result = q.dim() == 0 ? result.squeeze(-1) : result.movedim(-1, 0);
  if (!keepdim) return result;
  if (dim && x.dim() > 0) return result.unsqueeze(along + q.dim());
  DimVector sizes(result.sizes().begin(), result.sizes().end());
  for (int64_t d = 0; d < x.dim(); ++d) sizes.push_back(1);
  return result.reshape(sizes);
}

}  // namespace

Tensor quantile(const Tensor& x, const Tensor& q, optional<int64_t> dim, bool keepdim,
                std::string_view interpolation) {
  if (detail::is_autocast()) {
    const auto op = [](const auto&... in) { return quantile(in...); };
    return detail::autocast_call("quantile", op, x, q, dim, keepdim, interpolation);
  }
  const profiler::RecordOp recorded("quantile", x, q);
  return quantile_of(x, q, dim, keepdim, interpolation, false, "quantile");
}
Tensor quantile(const Tensor& x, double q, optional<int64_t> dim, bool keepdim,
                std::string_view interpolation) {
  if (detail::is_autocast()) {
    const auto op = [](const auto&... in) { return quantile(in...); };
    return detail::autocast_call("quantile", op, x, q, dim, keepdim, interpolation);
  }
  const profiler::RecordOp recorded("quantile", x);
  ENSURE(q >= 0 && q <= 1, "quantile: q must lie in [0, 1], got ", q);
  return quantile(x, full({}, q, x.options()), dim, keepdim, interpolation);
}
Tensor nanquantile(const Tensor& x, const Tensor& q, optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation) {
  if (detail::is_autocast()) {
    const auto op = [](const auto&... in) { return nanquantile(in...); };
    return detail::autocast_call("nanquantile", op, x, q, dim, keepdim, interpolation);
  }
  const profiler::RecordOp recorded("nanquantile", x, q);
  return quantile_of(x, q, dim, keepdim, interpolation, true, "nanquantile");
}
Tensor nanquantile(const Tensor& x, double q, optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation) {
  if (detail::is_autocast()) {
    const auto op = [](const auto&... in) { return nanquantile(in...); };
    return detail::autocast_call("nanquantile", op, x, q, dim, keepdim, interpolation);
  }
  const profiler::RecordOp recorded("nanquantile", x);
  ENSURE(q >= 0 && q <= 1, "nanquantile: q must lie in [0, 1], got ", q);
  return nanquantile(x, full({}, q, x.options()), dim, keepdim, interpolation);
}

Tensor nanmedian(const Tensor& x) {
  const profiler::RecordOp recorded("nanmedian", x);
  return median(x.masked_select(x.detach().isnan().logical_not()));
}

std::tuple<Tensor, Tensor> nanmedian(const Tensor& x, int64_t dim, bool keepdim) {
  const profiler::RecordOp recorded("nanmedian", x);
  dim = wrap_dim(dim, x.dim(), "nanmedian");
  if (x.dim() == 0) return median(x, dim, keepdim);
  if (x.size(dim) == 0)
    detail::fail<IndexError>(
        str("nanmedian: dim ", dim, " must have elements, got a tensor of shape ", x.sizes()));
  const Tensor valid = x.detach().isnan().logical_not().sum(dim, true);
  const Tensor rank = (valid - 1).clamp_min(0).div(2, "floor");
  const Tensor index = argsort(x.detach(), dim).gather(dim, rank), value = x.gather(dim, index);
  if (keepdim) return {value, index};
  return {value.squeeze(dim), index.squeeze(dim)};
}

std::tuple<Tensor, Tensor> mode(const Tensor& x, int64_t dim, bool keepdim) {
  const profiler::RecordOp recorded("mode", x);
  dim = wrap_dim(dim, x.dim(), "mode");
  if (x.dim() == 0) return {x.clone(), zeros({}, x.options().dtype(kLong))};
  const int64_t count = x.size(dim);
  if (count == 0)
    detail::fail<IndexError>(
        str("mode: dim ", dim, " must have elements, got a tensor of shape ", x.sizes()));
  const auto [sorted, order] = x.detach().movedim(dim, -1).sort(-1);
  const Tensor begins = ones_like(sorted, kBool);  // where a run of equal values begins
  begins.narrow(-1, 1, count - 1)
      .copy_(sorted.narrow(-1, 1, count - 1).ne(sorted.narrow(-1, 0, count - 1)));
  const Tensor place = arange(count, order.options());
  const Tensor begin = std::get<0>(where(begins, place, 0).cummax(-1));
  const Tensor longest = (place - begin).argmax(-1, true);
  const Tensor index = order.gather(-1, longest).movedim(-1, dim), value = x.gather(dim, index);
  if (keepdim) return {value, index};
  return {value.squeeze(dim), index.squeeze(dim)};
}

}  // namespace fg
