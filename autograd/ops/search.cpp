#include "autograd/ops/search.h"

#include <cmath>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/scan.h"
#include "autograd/ops/sort.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

/// The number of elements of each line of `sequence` [lines, n] that come before each of `values`
/// [lines, m], from one stable sort of both: equal values come first or last, as `right` says.
Tensor insertion_points(const Tensor& sequence, const Tensor& values, bool right) {
  const int64_t n = sequence.size(1), m = values.size(1);
  const Tensor both = right ? cat({sequence, values}, 1) : cat({values, sequence}, 1);
  const Tensor order = argsort(both, /*stable=*/true, 1);
  const int64_t first = right ? n : 0;  // where the values begin
  const Tensor is_value = order.ge(first).logical_and(order.lt(first + m));
  const Tensor before = cumsum(is_value.logical_not().to(kLong), 1);
  return zeros_like(order).scatter_(1, order, before).narrow(1, first, m);
}

}  // namespace

Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& values, bool out_int32,
                    bool right) {
  const profiler::RecordOp recorded("searchsorted", sorted_sequence, values);
  const int64_t dims = sorted_sequence.dim();
  ENSURE(dims >= 1, "searchsorted: sorted_sequence must have at least 1 dim, got none");
  ENSURE(sorted_sequence.dtype() == values.dtype(),
         "searchsorted: values must have sorted_sequence's dtype ", sorted_sequence.dtype(),
         ", got ", values.dtype());
  ENSURE(dims == 1 || (dims == values.dim() && sorted_sequence.sizes().slice(0, size_t(dims - 1)) ==
                                                   values.sizes().slice(0, size_t(dims - 1))),
         "searchsorted: values must agree with sorted_sequence ", sorted_sequence.sizes(),
         " in all extents but the last, got ", values.sizes());
  NoGradGuard no_grad;
  Tensor result = zeros(values.sizes(), values.options().dtype(kLong));
  const int64_t n = sorted_sequence.size(-1);
  if (values.numel() > 0 && n > 0) {
    const int64_t lines = dims == 1 ? 1 : sorted_sequence.numel() / n;
    result =
        insertion_points(sorted_sequence.reshape({lines, n}), values.reshape({lines, -1}), right)
            .reshape(values.sizes());
  }
  return out_int32 ? result.to(kInt) : result;
}

Tensor searchsorted(const Tensor& sorted_sequence, const Scalar& value, bool out_int32,
                    bool right) {
  return searchsorted(sorted_sequence, full({}, value, sorted_sequence.options()), out_int32,
                      right);
}

Tensor searchsorted(const Tensor& sequence, const Tensor& values, bool out_int32, bool right,
                    optional<std::string_view> side, const Tensor& sorter) {
  const profiler::RecordOp recorded("searchsorted", sequence, values, sorter);
  ENSURE(!side || *side == "left" || *side == "right",
         "searchsorted: side must be left or right, got ", side.value_or(""));
  ENSURE(!side || !right || *side == "right", "searchsorted: side and right must agree, got left");
  ENSURE(!sorter.defined() || sorter.sizes() == sequence.sizes(),
         "searchsorted: sorter must have the sequence's shape ", sequence.sizes());
  return searchsorted(sorter.defined() ? sequence.detach().gather(-1, sorter) : sequence, values,
                      out_int32, right || side == "right");
}

Tensor bucketize(const Tensor& x, const Tensor& boundaries, bool out_int32, bool right) {
  const profiler::RecordOp recorded("bucketize", x, boundaries);
  ENSURE(boundaries.dim() == 1, "bucketize: boundaries must have 1 dim, got shape ",
         boundaries.sizes());
  return searchsorted(boundaries, x, out_int32, right);
}

Tensor bucketize(const Scalar& value, const Tensor& boundaries, bool out_int32, bool right) {
  return bucketize(full({}, value, boundaries.options()), boundaries, out_int32, right);
}

Tensor isin(const Tensor& elements, const Tensor& test_elements, bool, bool invert) {
  const profiler::RecordOp recorded("isin", elements, test_elements);
  NoGradGuard no_grad;
  if (test_elements.numel() == 0)
    return full(elements.sizes(), invert, elements.options().dtype(kBool));
  const ScalarType type = result_type(elements, test_elements);
  const Tensor x = elements.to(type), sorted = std::get<0>(test_elements.to(type).flatten().sort());
  const Tensor at = searchsorted(sorted, x).clamp_max(sorted.numel() - 1);
  const Tensor found = sorted.take(at).eq(x);
  return invert ? found.logical_not() : found;
}

Tensor isin(const Tensor& elements, const Scalar& test_element, bool, bool invert) {
  const profiler::RecordOp recorded("isin", elements);
  return invert ? elements.ne(test_element) : elements.eq(test_element);
}
Tensor isin(const Scalar& element, const Tensor& test_elements, bool, bool invert) {
  return isin(wrapped_scalar(element).to(test_elements.device()), test_elements, false, invert);
}

namespace {

/// `bins` + 1 equally distant edges from low to high, which are x's own ends where they are equal.
Tensor equal_bins(const Tensor& x, int64_t bins, double low, double high, const char* op) {
  ENSURE(bins > 0, op, ": bins must be positive, got ", bins);
  ENSURE(x.is_floating_point(), op, ": x must have a floating dtype, got ", x.dtype());
  if (low == high && x.numel() > 0) {
    low = x.min().item<double>();
    high = x.max().item<double>();
  }
  if (low == high) low -= 1, high += 1;
  ENSURE(std::isfinite(low) && std::isfinite(high), op, ": the range must be finite, got [", low,
         ", ", high, "]");
  ENSURE(low < high, op, ": max must be larger than min, got [", low, ", ", high, "]");
  return linspace(low, high, bins + 1, x.options());
}

/// The sums of weights (or counts) of x between neighbouring edges; the last bin has its upper edge, too.
Tensor bin_sums(const Tensor& x, const Tensor& edges, const Tensor& weight) {
  const int64_t bins = edges.numel() - 1;
  const Tensor inside = x.ge(edges[0]).logical_and(x.le(edges[bins]));
  const Tensor values = x.masked_select(inside);
  const Tensor bin = (searchsorted(edges, values, false, /*right=*/true) - 1).clamp_max(bins - 1);
  const Tensor amounts = weight.defined() ? weight.masked_select(inside) : ones_like(values);
  return zeros({bins}, x.options()).scatter_add(0, bin, amounts);
}

}  // namespace

Tensor histc(const Tensor& x, int64_t bins, const Scalar& min, const Scalar& max) {
  const profiler::RecordOp recorded("histc", x);
  NoGradGuard no_grad;
  return bin_sums(x, equal_bins(x, bins, min.to<double>(), max.to<double>(), "histc"), {});
}

std::tuple<Tensor, Tensor> histogram(const Tensor& x, int64_t bins,
                                     optional<ArrayRef<double>> range, const Tensor& weight,
                                     bool density) {
  const profiler::RecordOp recorded("histogram", x, weight);
  ENSURE(!range || range->size() == 2, "histogram: range must have 2 elements, got ",
         range ? range->size() : 0);
  NoGradGuard no_grad;
  const double low = range ? (*range)[0] : 0, high = range ? (*range)[1] : 0;
  return histogram(x, equal_bins(x, bins, low, high, "histogram"), weight, density);
}

std::tuple<Tensor, Tensor> histogram(const Tensor& x, const Tensor& bins, const Tensor& weight,
                                     bool density) {
  const profiler::RecordOp recorded("histogram", x, bins, weight);
  ENSURE(bins.dim() == 1 && bins.numel() >= 2,
         "histogram: bins must be a vector of edges, got shape ", bins.sizes());
  ENSURE(bins.dtype() == x.dtype(), "histogram: bins must have dtype ", x.dtype(),
         " (x's dtype), got ", bins.dtype());
  ENSURE(!weight.defined() || (weight.sizes() == x.sizes() && weight.dtype() == x.dtype()),
         "histogram: weight must have x's shape ", x.sizes(), " and dtype ", x.dtype());
  NoGradGuard no_grad;
  const Tensor sums = bin_sums(x, bins, weight);
  return {density ? sums / sums.sum() / diff(bins) : sums, bins};
}

}  // namespace fg
