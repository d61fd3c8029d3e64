#include "autograd/ops/sort.h"

#include <cmath>
#include <limits>

#include "autograd/ops/indexed_access.h"
#include "autograd/ops/join.h"
#include "tensor/factories.h"
#include "tensor/kernels/sort.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

// Positions of the first `count` elements of each sorted line.
Tensor first_sorted(const Tensor& x, int64_t dim, int64_t count, bool descending) {
  DimVector sizes(x.sizes().begin(), x.sizes().end());
  sizes[size_t(dim)] = count;
  Tensor indices = empty(sizes, x.options().dtype(kLong));
  ON_DEVICE(x, sort_indices, indices, detail::to_compute(x), dim, descending);
  return indices;
}

// The element of rank k (from 0) of each line, and its position.
std::tuple<Tensor, Tensor> pick_kth(const Tensor& x, int64_t k, int64_t dim, bool keepdim,
                                    bool nan_wins, const char* op) {
  if (x.dim() == 0) {
    const auto [values, indices] = pick_kth(x.unsqueeze(0), k, 0, false, nan_wins, op);
    return {values, indices};
  }
  DimVector sizes(x.sizes().begin(), x.sizes().end());
  sizes[size_t(dim)] = 1;
  const Tensor indices = empty(sizes, x.options().dtype(kLong));
  ON_DEVICE(x, kth_index, indices, detail::to_compute(x), dim, k, nan_wins);
  const Tensor values = detail::pick_along(x, dim, indices, op);
  if (keepdim) return {values, indices};
  return {values.squeeze(dim), indices.squeeze(dim)};
}

struct MedianBackward : Node {
  Saved x{this}, value{this};
  std::string name() const override { return "MedianBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor input = x.unpack().detach(), median = value.unpack().detach();
    const Tensor equal = input.eq(median).logical_or(input.isnan().logical_and(median.isnan()));
    const Tensor share = equal.to(grads[0].dtype());
    return {share.div(share.sum()).mul(grads[0])};
  }
};

}  // namespace

std::tuple<Tensor, Tensor> sort(const Tensor& x, int64_t dim, bool descending) {
  const profiler::RecordOp recorded("sort", x);
  dim = wrap_dim(dim, x.dim(), "sort");
  if (x.dim() == 0) return {x.clone(), zeros({}, x.options().dtype(kLong))};
  const Tensor indices = first_sorted(x, dim, x.size(dim), descending);
  return {detail::pick_along(x, dim, indices, "Sort"), indices};
}
std::tuple<Tensor, Tensor> sort(const Tensor& x, optional<bool>, int64_t dim, bool descending) {
  return sort(x, dim, descending);
}

Tensor argsort(const Tensor& x, int64_t dim, bool descending) {
  const profiler::RecordOp recorded("argsort", x);
  dim = wrap_dim(dim, x.dim(), "argsort");
  if (x.dim() == 0) return zeros({}, x.options().dtype(kLong));
  return first_sorted(x, dim, x.size(dim), descending);
}
Tensor argsort(const Tensor& x, bool, int64_t dim, bool descending) {
  return argsort(x, dim, descending);
}
Tensor msort(const Tensor& x) { return std::get<0>(sort(x, 0)); }

std::tuple<Tensor, Tensor> topk(const Tensor& x, int64_t k, int64_t dim, bool largest, bool) {
  const profiler::RecordOp recorded("topk", x);
  dim = wrap_dim(dim, x.dim(), "topk");
  const int64_t extent = x.dim() ? x.size(dim) : 1;
  ENSURE(k >= 0 && k <= extent, "topk: k must be in [0, ", extent, "] (the size along dim ", dim,
         "), got ", k);
  if (x.dim() == 0) return {x.clone(), zeros({}, x.options().dtype(kLong))};
  const Tensor indices = first_sorted(x, dim, k, largest);
  return {detail::pick_along(x, dim, indices, "Topk"), indices};
}

std::tuple<Tensor, Tensor> kthvalue(const Tensor& x, int64_t k, int64_t dim, bool keepdim) {
  const profiler::RecordOp recorded("kthvalue", x);
  dim = wrap_dim(dim, x.dim(), "kthvalue");
  const int64_t extent = x.dim() ? x.size(dim) : 1;
  ENSURE(k >= 1 && k <= extent, "kthvalue: k must be in [1, ", extent, "] (the size along dim ",
         dim, "), got ", k);
  return pick_kth(x, k - 1, dim, keepdim, false, "Kthvalue");
}

std::tuple<Tensor, Tensor> median(const Tensor& x, int64_t dim, bool keepdim) {
  const profiler::RecordOp recorded("median", x);
  dim = wrap_dim(dim, x.dim(), "median");
  const int64_t extent = x.dim() ? x.size(dim) : 1;
  if (extent == 0)
    detail::fail<IndexError>(
        str("median: dim ", dim, " must have elements, got a tensor of shape ", x.sizes()));
  return pick_kth(x, (extent - 1) / 2, dim, keepdim, true, "Median");
}

Tensor median(const Tensor& x) {
  const profiler::RecordOp recorded("median", x);
  auto node = make_node<MedianBackward>(x);
  Tensor out;
  if (x.numel() == 0) {
    out = is_floating(x.dtype())
              ? full({}, Scalar(NAN), x.options())
              : full({}, Scalar(std::numeric_limits<int64_t>::min()), x.options());
  } else {
    out = std::get<0>(median(x.detach().reshape({-1}), 0));
  }
  if (node) {
    node->x.save(x);
    node->attach(out);
    node->value.save(out);
  }
  return out;
}

std::tuple<Tensor, Tensor, Tensor> unique_consecutive(const Tensor& x, bool return_inverse,
                                                      bool return_counts) {
  const profiler::RecordOp recorded("unique_consecutive", x);
  NoGradGuard no_grad;
  const Tensor flat = x.reshape({-1});
  const TensorOptions longs = x.options().dtype(kLong);
  Tensor starts = ones({flat.numel()}, longs.dtype(kBool));  // where a run begins
  if (flat.numel() > 1) {
    const int64_t rest = flat.numel() - 1;
    starts.narrow(0, 1, rest).copy_(flat.narrow(0, 1, rest).ne(flat.narrow(0, 0, rest)));
  }
  Tensor inverse = empty({0}, longs), counts = empty({0}, longs);
  if (return_inverse) inverse = starts.cumsum(0).sub(Scalar(1)).reshape(x.sizes());
  if (return_counts) {
    const Tensor at = starts.nonzero().reshape({-1});
    counts = cat({at, full({1}, Scalar(flat.numel()), longs)}).narrow(0, 1, at.numel()).sub(at);
  }
  return {flat.masked_select(starts), inverse, counts};
}

std::tuple<Tensor, Tensor, Tensor> unique(const Tensor& x, bool, bool return_inverse,
                                          bool return_counts) {
  const profiler::RecordOp recorded("unique", x);
  NoGradGuard no_grad;
  const auto [values, order] = sort(x.reshape({-1}), 0);
  auto [distinct, inverse, counts] = unique_consecutive(values, return_inverse, return_counts);
  if (return_inverse) inverse = empty_like(order).scatter_(0, order, inverse).reshape(x.sizes());
  return {distinct, inverse, counts};
}

std::tuple<Tensor, Tensor> TensorMethods::sort(int64_t dim, bool descending) const {
  return fg::sort(self(), dim, descending);
}
Tensor TensorMethods::argsort(int64_t dim, bool descending) const {
  return fg::argsort(self(), dim, descending);
}
std::tuple<Tensor, Tensor> TensorMethods::topk(int64_t k, int64_t dim, bool largest,
                                               bool sorted) const {
  return fg::topk(self(), k, dim, largest, sorted);
}
Tensor TensorMethods::median() const { return fg::median(self()); }

}  // namespace fg
