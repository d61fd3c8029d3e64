#include "autograd/ops/indexing.h"

#include "autograd/autocast_call.h"
#include "autograd/ops/indexed_access.h"
#include "autograd/record.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {

using detail::Indices;

namespace {

void check_index_device(const Tensor& x, const Tensor& index, const char* op) {
  ENSURE(index.device() == x.device(), op, ": index must be on ", x.device(),
         " (the tensor's device), got ", index.device());
}

// Checks shape and entries of an index that runs along one dim of x (gather, scatter).
void check_index_along(const Tensor& x, int64_t dim, const Tensor& index, const char* op) {
  ENSURE(index.dtype() == kLong, op, ": index must have dtype Long, got ", index.dtype());
  check_index_device(x, index, op);
  ENSURE(index.dim() == x.dim(), op, ": index must have ", x.dim(),
         " dims (those of the tensor), got ", index.dim());
  for (int64_t d = 0; d < x.dim(); ++d) {
    ENSURE(d == dim || index.numel() == 0 || index.size(d) <= x.size(d), op,
           ": index must be no larger than the tensor ", x.sizes(), " except along dim ", dim,
           ", got ", index.sizes());
  }
  if (const auto bad = ON_DEVICE(x, find_outside, index, 0, x.size(dim)))
    detail::fail<IndexError>(str(op, ": index ", *bad, " is out of bounds for dimension ", dim,
                                 " with size ", x.size(dim)));
}

IndexedAccess access_along(const Tensor& x, int64_t dim, const Tensor& index) {
  IndexedAccess access;
  access.sizes.assign(index.sizes().begin(), index.sizes().end());
  access.strides.assign(x.strides().begin(), x.strides().end());
  access.strides[size_t(dim)] = 0;
  access.indices.push_back({index, x.size(dim), x.stride(dim), false});
  return access;
}

Tensor at_least_1d(const Tensor& x) { return x.dim() == 0 ? x.unsqueeze(0) : x; }

struct PickBackward : Node {
  std::string op;
  Saved index{this};
  DimVector sizes;
  int64_t dim = 0;

  std::string name() const override { return op + "Backward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor grad_x = zeros(sizes, grads[0].options());
    return {grad_x.scatter_add_(dim, index.unpack(), grads[0])};
  }
};

struct ScatterBackward : Node {
  Saved index{this};
  int64_t dim = 0;
  bool accumulate = false;

  std::string name() const override {
    return accumulate ? "ScatterAddBackward" : "ScatterBackward";
  }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor& grad = grads[0];
    Tensor grad_x, grad_source;
    if (needs(0)) grad_x = accumulate ? grad : grad.scatter(dim, index.unpack(), Scalar(0));
    if (needs(1)) grad_source = grad.gather(dim, index.unpack());
    return {grad_x, grad_source};
  }
};

void scatter_into(const Tensor& x0, int64_t dim, const Tensor& index0, const Tensor& source0,
                  bool accumulate, const char* op) {
  check_inplace(x0, op, needs_recording(source0));
  dim = wrap_dim(dim, x0.dim(), op);
  ENSURE(source0.dtype() == x0.dtype(), op, ": source must have dtype ", x0.dtype(),
         " (the tensor's dtype), got ", source0.dtype());
  if (index0.numel() == 0) return;
  const Tensor x = at_least_1d(x0), index = at_least_1d(index0);
  Tensor source = at_least_1d(source0);
  check_index_along(x, dim, index, op);
  ENSURE(source.dim() == index.dim(), op, ": source must have ", index.dim(),
         " dims (those of index), got ", source.dim());
  for (int64_t d = 0; d < index.dim(); ++d) {
    ENSURE(index.size(d) <= source.size(d), op, ": index must be no larger than source ",
           source.sizes(), ", got ", index.sizes());
    if (index.size(d) < source.size(d)) source = source.narrow(d, 0, index.size(d));
  }
  auto node = make_node<ScatterBackward>(x, source);
  detail::run_indexed_write(x, source, accumulate,
                            [&](const Tensor& target) { return access_along(target, dim, index); });
  if (node) {
    node->index.save(index);
    node->dim = dim;
    node->accumulate = accumulate;
  }
  finish_inplace(x, node);
}

// A number as the source of a write at `index`.
Tensor repeated(const Scalar& value, const Tensor& x, const Tensor& index) {
  return full({}, value, x.options()).expand(index.sizes());
}

// The list of index tensors that names `index` along `dim` of x; checks it.
Indices indices_along(const Tensor& x, int64_t dim, const Tensor& index, bool negative,
                      const char* op) {
  ENSURE(index.dtype() == kLong || index.dtype() == kInt, op,
         ": index must have dtype Long or Int, got ", index.dtype());
  check_index_device(x, index, op);
  ENSURE(index.dim() <= 1, op, ": index must have at most 1 dim, got shape ", index.sizes());
  const Tensor entries = at_least_1d(index).to(kLong);
  const int64_t extent = x.size(dim);
  if (const auto bad = ON_DEVICE(x, find_outside, entries, negative ? -extent : 0, extent))
    detail::fail<IndexError>(
        str(op, ": index ", *bad, " is out of bounds for dimension ", dim, " with size ", extent));
  Indices indices(static_cast<size_t>(dim));
  indices.push_back(entries);
  return indices;
}

// Shared by index_add_ and index_copy_: slices of `source` go to the slices of x at `index`.
void write_slices(const Tensor& x0, int64_t dim, const Tensor& index, const Tensor& source0,
                  bool accumulate, const char* op) {
  check_inplace(x0, op, needs_recording(source0));
  const Tensor x = at_least_1d(x0), source = at_least_1d(source0);
  dim = wrap_dim(dim, x.dim(), op);
  const Indices indices = indices_along(x, dim, index, false, op);
  ENSURE(source.dtype() == x.dtype(), op, ": source must have dtype ", x.dtype(),
         " (the tensor's dtype), got ", source.dtype());
  DimVector expected(x.sizes().begin(), x.sizes().end());
  expected[size_t(dim)] = index.numel();
  ENSURE(source.sizes().equals(expected), op, ": source must have shape ", expected,
         " (the tensor's, with index's ", index.numel(), " entries along dim ", dim, "), got ",
         source.sizes());
  detail::write_indices(x, indices, source, accumulate, accumulate ? "IndexAdd" : "IndexCopy",
                        false);
}

}  // namespace

Tensor detail::pick_along(const Tensor& x, int64_t dim, const Tensor& index, const char* op) {
  auto node = make_node<PickBackward>(x);
  Tensor out = empty(index.sizes(), x.options());
  ON_DEVICE(x, indexed_read, out, x, access_along(x, dim, index));
  if (node) {
    node->op = op;
    node->sizes.assign(x.sizes().begin(), x.sizes().end());
    node->dim = dim;
    node->index.save(index);
    node->attach(out);
  }
  return out;
}

Tensor gather(const Tensor& x, int64_t dim, const Tensor& index) {
  const profiler::RecordOp recorded("gather", x, index);
  dim = wrap_dim(dim, x.dim(), "gather");
  if (index.numel() == 0 && index.dim() != x.dim()) return empty(index.sizes(), x.options());
  if (x.dim() == 0 || index.dim() == 0)
    return gather(at_least_1d(x), dim, at_least_1d(index)).reshape(index.sizes());
  check_index_along(x, dim, index, "gather");
  return detail::pick_along(x, dim, index, "Gather");
}

Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  const profiler::RecordOp recorded("scatter", x, index, source);
  return x.clone().scatter_(dim, index, source);
}
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value) {
  const profiler::RecordOp recorded("scatter", x, index);
  return x.clone().scatter_(dim, index, value);
}
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  if (detail::is_autocast())
    return detail::autocast_call("scatter_add", scatter_add, x, dim, index, source);
  const profiler::RecordOp recorded("scatter_add", x, index, source);
  return x.clone().scatter_add_(dim, index, source);
}

Tensor take_along_dim(const Tensor& x, const Tensor& index, optional<int64_t> dim) {
  const profiler::RecordOp recorded("take_along_dim", x, index);
  if (!dim) return x.reshape({-1}).gather(0, index.reshape({-1}));
  ENSURE(x.dim() == index.dim(), "take_along_dim: index must have ", x.dim(),
         " dims (those of the tensor), got ", index.dim());
  const size_t d = size_t(wrap_dim(*dim, x.dim(), "take_along_dim"));
  DimVector x_sizes(x.sizes().begin(), x.sizes().end());
  DimVector index_sizes(index.sizes().begin(), index.sizes().end());
  x_sizes[d] = index_sizes[d] = 1;
  x_sizes = index_sizes = broadcast_shapes(x_sizes, index_sizes, "take_along_dim");
  x_sizes[d] = x.size(*dim);
  index_sizes[d] = index.size(*dim);
  return x.expand(x_sizes).gather(*dim, index.expand(index_sizes));
}

Tensor index_select(const Tensor& x0, int64_t dim, const Tensor& index) {
  const profiler::RecordOp recorded("index_select", x0, index);
  const Tensor x = at_least_1d(x0);
  dim = wrap_dim(dim, x.dim(), "index_select");
  const Indices indices = indices_along(x, dim, index, false, "index_select");
  const Tensor out = detail::read_indices(x, indices, "IndexSelect", false);
  return x0.dim() == 0 ? out.reshape({}) : out;
}

Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source,
                 const Scalar& alpha) {
  const profiler::RecordOp recorded("index_add", x, index, source);
  return x.clone().index_add_(dim, index, source, alpha);
}
Tensor index_copy(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  if (detail::is_autocast())
    return detail::autocast_call("index_copy", index_copy, x, dim, index, source);
  const profiler::RecordOp recorded("index_copy", x, index, source);
  return x.clone().index_copy_(dim, index, source);
}
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value) {
  const profiler::RecordOp recorded("index_fill", x, index);
  return x.clone().index_fill_(dim, index, value);
}

Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& value) {
  const profiler::RecordOp recorded("index_fill", x, index, value);
  return x.clone().index_fill_(dim, index, value);
}

Tensor put(const Tensor& x, const Tensor& index, const Tensor& source, bool accumulate) {
  const profiler::RecordOp recorded("put", x, index, source);
  return x.clone().put_(index, source, accumulate);
}

Tensor take(const Tensor& x, const Tensor& index) {
  const profiler::RecordOp recorded("take", x, index);
  ENSURE(index.dtype() == kLong, "take: index must have dtype Long, got ", index.dtype());
  return detail::read_indices(x.reshape({-1}), {index}, "Take");
}

// The methods; in-place forms are written here.
Tensor TensorMethods::gather(int64_t dim, const Tensor& index) const {
  return fg::gather(self(), dim, index);
}
Tensor TensorMethods::scatter(int64_t dim, const Tensor& index, const Tensor& source) const {
  return fg::scatter(self(), dim, index, source);
}
Tensor TensorMethods::scatter(int64_t dim, const Tensor& index, const Scalar& value) const {
  return fg::scatter(self(), dim, index, value);
}
Tensor& TensorMethods::scatter_(int64_t dim, const Tensor& index, const Tensor& source) const {
  const profiler::RecordOp recorded("scatter_", self(), index, source);
  scatter_into(self(), dim, index, source, false, "scatter_");
  return const_cast<Tensor&>(self());
}
Tensor& TensorMethods::scatter_(int64_t dim, const Tensor& index, const Scalar& value) const {
  return scatter_(dim, index, repeated(value, self(), index));
}
Tensor TensorMethods::scatter_add(int64_t dim, const Tensor& index, const Tensor& source) const {
  return fg::scatter_add(self(), dim, index, source);
}
Tensor& TensorMethods::scatter_add_(int64_t dim, const Tensor& index, const Tensor& source) const {
  const profiler::RecordOp recorded("scatter_add_", self(), index, source);
  scatter_into(self(), dim, index, source, true, "scatter_add_");
  return const_cast<Tensor&>(self());
}
Tensor TensorMethods::index_select(int64_t dim, const Tensor& index) const {
  return fg::index_select(self(), dim, index);
}
Tensor TensorMethods::index_add(int64_t dim, const Tensor& index, const Tensor& source,
                                const Scalar& alpha) const {
  return fg::index_add(self(), dim, index, source, alpha);
}
Tensor& TensorMethods::index_add_(int64_t dim, const Tensor& index, const Tensor& source,
                                  const Scalar& alpha) const {
  const profiler::RecordOp recorded("index_add_", self(), index, source);
  write_slices(self(), dim, index, alpha.equal(1) ? source : source.mul(alpha), true, "index_add_");
  return const_cast<Tensor&>(self());
}
Tensor& TensorMethods::index_copy_(int64_t dim, const Tensor& index, const Tensor& source) const {
  const profiler::RecordOp recorded("index_copy_", self(), index, source);
  write_slices(self(), dim, index, source, false, "index_copy_");
  return const_cast<Tensor&>(self());
}
Tensor& TensorMethods::index_fill_(int64_t dim, const Tensor& index, const Scalar& value) const {
  return index_fill_(dim, index, full({}, value, self().options()));
}
Tensor& ComposedMethods::index_fill_(int64_t dim, const Tensor& index, const Tensor& value) const {
  const profiler::RecordOp recorded("index_fill_", self(), index);
  check_inplace(self(), "index_fill_", needs_recording(value));
  ENSURE(value.dim() == 0, "index_fill_: value must have 0 dims, got shape ", value.sizes());
  const Tensor x = at_least_1d(self());
  const int64_t along = wrap_dim(dim, x.dim(), "index_fill_");
  const Indices indices = indices_along(x, along, index, true, "index_fill_");
  detail::write_indices(x, indices, value.to(x.options()), false, "IndexFill");
  return const_cast<Tensor&>(self());
}
Tensor& ComposedMethods::put_(const Tensor& index, const Tensor& source, bool accumulate) const {
  const Tensor& x = self();
  check_inplace(x, "put_", needs_recording(source));
  ENSURE(index.dtype() == kLong, "put_: index must have dtype Long, got ", index.dtype());
  check_index_device(x, index, "put_");
  ENSURE(source.dtype() == x.dtype(), "put_: source must have dtype ", x.dtype(),
         " (the tensor's dtype), got ", source.dtype());
  ENSURE(source.numel() == index.numel(), "put_: source must have as many elements as index, ",
         index.numel(), ", got ", source.numel());
  if (!x.is_contiguous()) return x.copy_(x.contiguous().put_(index, source, accumulate));
  detail::write_indices(x.view({-1}), {index.reshape({-1})}, source.reshape({-1}), accumulate,
                        "Put");
  return const_cast<Tensor&>(x);
}
Tensor TensorMethods::take(const Tensor& index) const { return fg::take(self(), index); }

}  // namespace fg
