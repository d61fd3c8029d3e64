#include "autograd/ops/reduce.h"

#include <cmath>

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tensor/kernels/reduce.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

bool contains(const DimVector& dims, int64_t d) {
  return std::find(dims.begin(), dims.end(), d) != dims.end();
}

DimVector reduced_sizes(IntArrayRef sizes, const DimVector& dims, bool keepdim) {
  DimVector result;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (!contains(dims, int64_t(d)))
      result.push_back(sizes[d]);
    else if (keepdim)
      result.push_back(1);
  }
  return result;
}

// The tensor with its dims in memory order (largest stride first) and `dims` renamed accordingly:
// a reduction does not care about the order of dims, so a transposed tensor needs no copy.
Tensor in_memory_order(const Tensor& x, DimVector& dims, DimVector& kept_order) {
  DimVector order;
  for (int64_t d = 0; d < x.dim(); ++d) order.push_back(d);
  if (!x.is_contiguous())
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return x.stride(a) > x.stride(b); });
  DimVector renamed;
  for (size_t at = 0; at < order.size(); ++at) {
    if (contains(dims, order[at]))
      renamed.push_back(int64_t(at));
    else
      kept_order.push_back(order[at]);
  }
  dims = renamed;
  return x.permute(order).contiguous();
}

// Reduces each run of adjacent dims in turn, the innermost first, so that no step needs a copy. 16-bit types
// (on the GPU) stay in float until the last run.
Tensor reduce_runs(Tensor x, DimVector dims, ReduceKind kind, ScalarType result_type) {
  while (!dims.empty()) {
    const int64_t last = dims.back();
    int64_t first = last, n = 1, inner = 1;
    while (!dims.empty() && dims.back() == first) {
      n *= x.size(first);
      dims.pop_back();
      --first;
    }
    ++first;
    for (int64_t d = last + 1; d < x.dim(); ++d) inner *= x.size(d);
    DimVector rest(x.sizes().begin(), x.sizes().begin() + first);
    for (int64_t d = last + 1; d < x.dim(); ++d) rest.push_back(x.size(d));
    const bool widens =
        is_reduced_floating(x.dtype()) && !(dims.empty() && x.dtype() == result_type);
    const Tensor out = empty(rest, x.options().dtype(widens ? kFloat : x.dtype()));
    const int64_t outer = numel_of(x.sizes().slice(0, size_t(first)));
    const Tensor cube = x.view({outer, n, inner});
    ON_DEVICE(x, reduce, out, cube, kind);
    x = out;
  }
  return x;
}

/// The value of a reduction, without history. 16-bit types reduce in float; the GPU's kernels read them as they are.
Tensor reduce_values(const Tensor& input, const DimVector& wrapped, bool keepdim, ReduceKind kind,
                     ScalarType result_type) {
  NoGradGuard guard;
  const bool logic = kind == ReduceKind::any || kind == ReduceKind::all;
  const ScalarType wide = compute_type(result_type);
  const bool as_is = is_reduced_floating(input.dtype()) && wide == kFloat;
  const ScalarType work = logic ? kBool : as_is ? kernel_type(input) : wide;
  DimVector dims = wrapped, kept_order;
  const Tensor x = in_memory_order(input.to(work), dims, kept_order);
  Tensor result = reduce_runs(x, dims, kind, result_type);
  // Back from memory order to the order of the kept dims.
  DimVector inverse(kept_order.size());
  DimVector sorted = kept_order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i)
    inverse[i] = std::find(kept_order.begin(), kept_order.end(), sorted[i]) - kept_order.begin();
  result = result.permute(inverse);
  if (keepdim) result = result.reshape(reduced_sizes(input.sizes(), wrapped, true));
  // Without a dim to reduce, nothing has been copied yet.
  return (result.is_alias_of(input) ? result.clone() : result.detach()).to(result_type);
}

// Puts the reduced dims back as extents of 1.
Tensor with_kept_dims(const Tensor& t, const DimVector& dims, bool keepdim, int64_t rank) {
  if (keepdim) return t;
  Tensor result = t;
  for (int64_t d = 0; d < rank; ++d)
    if (contains(dims, d)) result = result.unsqueeze(d);
  return result;
}

struct SumBackward : Node {
  DimVector sizes, dims;
  bool keepdim = false;
  std::string name() const override { return "SumBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    return {with_kept_dims(grads[0], dims, keepdim, int64_t(sizes.size())).expand(sizes)};
  }
};

ScalarType sum_type(const Tensor& x, optional<ScalarType> dtype) {
  return dtype.value_or(is_floating(x.dtype()) ? x.dtype() : kLong);
}

/// The reduced dims; none of a 0-dim tensor, which has no dim to reduce but accepts 0 and -1.
DimVector dims_of(OptionalIntArrayRef dim, const Tensor& x, const char* op) {
  const DimVector dims = wrap_dims(dim.has_value() ? *dim : IntArrayRef(), x.dim(), op);
  return x.dim() == 0 ? DimVector() : dims;
}

void ensure_not_empty(const Tensor& x, const DimVector& dims, const char* op) {
  if (x.dim() == 0) return;
  for (int64_t d : dims)
    ENSURE(x.size(d) > 0, op, ": reduced dims must not be empty, got shape ", x.sizes());
}

}  // namespace

Tensor sum(const Tensor& self, OptionalIntArrayRef dim, bool keepdim, optional<ScalarType> dtype) {
  if (detail::is_autocast())
    return detail::autocast_call(
        "sum", [](const auto&... in) { return sum(in...); }, self, dim, keepdim, dtype);
  const profiler::RecordOp recorded("sum", self);
  const DimVector dims = dims_of(dim, self, "sum");
  auto node = make_node<SumBackward>(self);
  const Tensor result = reduce_values(self, dims, keepdim, ReduceKind::sum, sum_type(self, dtype));
  if (node) {
    node->sizes = self.impl().sizes;
    node->dims = dims;
    node->keepdim = keepdim;
    node->attach(result);
  }
  return result;
}
Tensor sum(const Tensor& self, optional<ScalarType> dtype) {
  return sum(self, nullopt, false, dtype);
}

Tensor sum_to(const Tensor& self, IntArrayRef size) {
  const profiler::RecordOp recorded("sum_to", self);
  if (self.sizes() == size) return self;
  ENSURE(is_expandable_to(size, self.sizes()), "sum_to: shape ", self.sizes(),
         " must be a broadcast of ", size);
  const int64_t lead = self.dim() - int64_t(size.size());
  DimVector dims;
  for (int64_t d = 0; d < self.dim(); ++d)
    if (d < lead || (size[size_t(d - lead)] == 1 && self.size(d) != 1)) dims.push_back(d);
  return dims.empty() ? self.reshape(size) : self.sum(IntArrayRef(dims), true).reshape(size);
}

Tensor mean(const Tensor& self, OptionalIntArrayRef dim, bool keepdim, optional<ScalarType> dtype) {
  const profiler::RecordOp recorded("mean", self);
  const ScalarType type = dtype.value_or(self.dtype());
  ENSURE(is_floating(type), "mean: dtype must be floating, got ", type);
  int64_t count = 1;
  if (self.dim() > 0)
    for (int64_t d : dims_of(dim, self, "mean")) count *= self.size(d);
  // Divided before the cast down, so that 16-bit types round once.
  const ScalarType work = compute_type(type);
  return sum(self, dim, keepdim, work).div(Scalar(count)).to(type);
}
Tensor mean(const Tensor& self, optional<ScalarType> dtype) {
  return mean(self, nullopt, false, dtype);
}

// prod: gradient by products of what lies before and behind each element, so zeros need no case.

namespace {

struct ProdBackward : Node {
  Saved x{this};
  int64_t dim = 0;
  bool keepdim = false;
  std::string name() const override { return "ProdBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor input = x.unpack();
    const Tensor g = keepdim ? grads[0] : grads[0].unsqueeze(dim);
    const int64_t n = input.size(dim);
    const Tensor one = ones_like(input.narrow(dim, 0, std::min<int64_t>(n, 1)));
    const auto exclusive = [&](const Tensor& t) {
      return n < 2 ? one : cat({one, t.narrow(dim, 0, n - 1).cumprod(dim)}, dim);
    };
    return {g * (exclusive(input) * exclusive(input.flip({dim})).flip({dim}))};
  }
};

}  // namespace

Tensor prod(const Tensor& self, int64_t dim, bool keepdim, optional<ScalarType> dtype) {
  if (detail::is_autocast())
    return detail::autocast_call(
        "prod", [](const auto&... in) { return prod(in...); }, self, dim, keepdim, dtype);
  const profiler::RecordOp recorded("prod", self);
  const ScalarType type = sum_type(self, dtype);
  const Tensor x = self.to(type);
  const int64_t d = wrap_dim(dim, x.dim(), "prod");
  if (self.dim() == 0) return x.clone();
  auto node = make_node<ProdBackward>(x);
  const Tensor result = reduce_values(x, {d}, keepdim, ReduceKind::prod, type);
  if (node) {
    node->x.save(x);
    node->dim = d;
    node->keepdim = keepdim;
    node->attach(result);
  }
  return result;
}
Tensor prod(const Tensor& self, optional<ScalarType> dtype) {
  if (detail::is_autocast())
    return detail::autocast_call(
        "prod", [](const auto&... in) { return prod(in...); }, self, dtype);
  return self.dim() == 0 ? prod(self, 0, false, dtype) : prod(self.reshape({-1}), 0, false, dtype);
}

// Extremes.

namespace {

/// Equal extremes share the gradient (amax, amin, max(), min()).
struct ExtremeBackward : Node {
  Saved x{this}, y{this};
  DimVector dims;
  bool keepdim = false;
  std::string name() const override { return "AmaxBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor input = x.unpack();
    const int64_t rank = input.dim();
    const Tensor value = with_kept_dims(y.unpack(), dims, keepdim, rank);
    const Tensor mask = input.eq(value).to(input.dtype());
    const OptionalIntArrayRef over = dims.empty() ? OptionalIntArrayRef() : IntArrayRef(dims);
    const Tensor share = mask / mask.sum(over, true);
    return {with_kept_dims(grads[0], dims, keepdim, rank) * share};
  }
};

Tensor extreme(const Tensor& self, const DimVector& dims, bool keepdim, ReduceKind kind,
               const char* op) {
  const profiler::RecordOp recorded(op, self);
  ensure_not_empty(self, dims, op);
  auto node = make_node<ExtremeBackward>(self);
  const Tensor result = reduce_values(self, dims, keepdim, kind, self.dtype());
  if (node) {
    node->x.save(self);
    node->dims = dims;
    node->keepdim = keepdim;
    node->attach(result);
    node->y.save(result);
  }
  return result;
}

Tensor extreme_over(const Tensor& self, IntArrayRef dim, bool keepdim, ReduceKind kind,
                    const char* op) {
  ENSURE(self.numel() > 0 || !dim.empty(), op, ": tensor must not be empty, got shape ",
         self.sizes());
  const DimVector dims = dims_of(dim, self, op);
  return extreme(self, dims, keepdim, kind, op);
}

/// The gradient of (values, indices) goes to the indexed element.
struct ExtremeIndexBackward : Node {
  Saved indices{this};
  DimVector sizes;
  int64_t dim = 0;
  bool keepdim = false;
  std::string name() const override { return "MaxBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const auto kept = [&](const Tensor& t) { return keepdim ? t : t.unsqueeze(dim); };
    return {zeros(sizes, grads[0].options()).scatter(dim, kept(indices.unpack()), kept(grads[0]))};
  }
};

// (values, indices) along one dim, both without the dim.
std::tuple<Tensor, Tensor> arg_reduced(const Tensor& self, int64_t d, bool largest) {
  NoGradGuard guard;
  const ScalarType type = self.dtype();
  const Tensor x = self.to(is_floating(type) ? kernel_type(self) : compute_type(type)).contiguous();
  const int64_t outer = numel_of(x.sizes().slice(0, size_t(d)));
  const int64_t inner = numel_of(x.sizes().slice(size_t(d) + 1));
  const DimVector rest = reduced_sizes(x.sizes(), {d}, false);
  const Tensor values = empty(rest, x.options());
  const Tensor indices = empty(rest, x.options().dtype(kLong));
  const Tensor cube = x.view({outer, x.size(d), inner});
  ON_DEVICE(x, arg_reduce, values, indices, cube, largest);
  return {values.to(type), indices};
}

std::tuple<Tensor, Tensor> extreme_with_index(const Tensor& self, int64_t dim, bool keepdim,
                                              bool largest, const char* op) {
  const profiler::RecordOp recorded(op, self);
  const int64_t d = wrap_dim(dim, self.dim(), op);
  if (self.dim() == 0) return {self.clone(), zeros({}, self.options().dtype(kLong))};
  ensure_not_empty(self, {d}, op);
  auto node = make_node<ExtremeIndexBackward>(self);
  auto [values, indices] = arg_reduced(self, d, largest);
  if (keepdim) {
    NoGradGuard guard;
    values = values.unsqueeze(d).detach();
    indices = indices.unsqueeze(d).detach();
  }
  if (node) {
    node->sizes = self.impl().sizes;
    node->dim = d;
    node->keepdim = keepdim;
    node->indices.save(indices);
    node->attach(values);
  }
  return {values, indices};
}

Tensor arg_extreme(const Tensor& self, optional<int64_t> dim, bool keepdim, bool largest,
                   const char* op) {
  const profiler::RecordOp recorded(op, self);
  NoGradGuard guard;
  ENSURE(dim || self.numel() > 0, op, ": tensor must not be empty, got shape ", self.sizes());
  const Tensor x = dim ? self : self.reshape({-1});
  const int64_t d = wrap_dim(dim.value_or(0), x.dim(), op);
  if (self.dim() == 0) return zeros({}, self.options().dtype(kLong));
  ensure_not_empty(x, {d}, op);
  const Tensor indices = std::get<1>(arg_reduced(x, d, largest));
  if (!keepdim) return indices;
  return dim ? indices.unsqueeze(d).detach()
             : indices.reshape(DimVector(size_t(self.dim()), 1)).detach();
}

}  // namespace

Tensor max(const Tensor& self) { return extreme_over(self, {}, false, ReduceKind::max, "max"); }
Tensor min(const Tensor& self) { return extreme_over(self, {}, false, ReduceKind::min, "min"); }
std::tuple<Tensor, Tensor> max(const Tensor& self, int64_t dim, bool keepdim) {
  return extreme_with_index(self, dim, keepdim, true, "max");
}
std::tuple<Tensor, Tensor> min(const Tensor& self, int64_t dim, bool keepdim) {
  return extreme_with_index(self, dim, keepdim, false, "min");
}
Tensor amax(const Tensor& self, IntArrayRef dim, bool keepdim) {
  return extreme_over(self, dim, keepdim, ReduceKind::max, "amax");
}
Tensor amin(const Tensor& self, IntArrayRef dim, bool keepdim) {
  return extreme_over(self, dim, keepdim, ReduceKind::min, "amin");
}
Tensor argmax(const Tensor& self, optional<int64_t> dim, bool keepdim) {
  return arg_extreme(self, dim, keepdim, true, "argmax");
}
Tensor argmin(const Tensor& self, optional<int64_t> dim, bool keepdim) {
  return arg_extreme(self, dim, keepdim, false, "argmin");
}

namespace {

/// Bool, but Byte of Byte: PyTorch's masks before it had Bool.
Tensor logic_of(const Tensor& self, IntArrayRef dim, bool keepdim, ReduceKind kind,
                const char* op) {
  const profiler::RecordOp recorded(op, self);
  const DimVector dims = dims_of(dim, self, op);
  return reduce_values(self, dims, keepdim, kind, self.dtype() == kByte ? kByte : kBool);
}

}  // namespace

Tensor any(const Tensor& self, int64_t dim, bool keepdim) {
  return logic_of(self, dim, keepdim, ReduceKind::any, "any");
}
Tensor all(const Tensor& self, int64_t dim, bool keepdim) {
  return logic_of(self, dim, keepdim, ReduceKind::all, "all");
}
Tensor any(const Tensor& self) { return logic_of(self, {}, false, ReduceKind::any, "any"); }
Tensor all(const Tensor& self) { return logic_of(self, {}, false, ReduceKind::all, "all"); }
Tensor count_nonzero(const Tensor& self, OptionalIntArrayRef dim) {
  const profiler::RecordOp recorded("count_nonzero", self);
  return sum(self.ne(0), dim, false);
}

}  // namespace fg
