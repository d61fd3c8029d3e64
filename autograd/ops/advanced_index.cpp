// x.index({...}) and index_put_: basic indices become views, index tensors one indexed read or write.
#include "autograd/autocast_call.h"
#include "autograd/ops/indexed_access.h"
#include "autograd/ops/indexing.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg {

using detail::Indices;
using detail::read_indices;
using detail::write_indices;
using indexing::TensorIndex;

namespace {

bool is_mask(const Tensor& index) { return index.dtype() == kBool || index.dtype() == kByte; }

// Appends an index tensor for the dims of x from indices.size() on; a mask becomes the positions of
// its true elements, one Long tensor per dim that it covers.
void append_index(Indices& indices, const Tensor& x, const Tensor& index) {
  if (!is_mask(index)) {
    if (index.dtype() != kLong && index.dtype() != kInt)
      detail::fail<IndexError>(
          str("index: index tensors must be Long, Int, Bool or Byte, got ", index.dtype()));
    indices.push_back(index.to(x.device(), kLong));
    return;
  }
  const int64_t first = int64_t(indices.size());
  for (int64_t d = 0; d < index.dim(); ++d) {
    if (first + d >= x.dim() || x.size(first + d) != index.size(d))
      detail::fail<IndexError>(str("index: the shape of the mask ", index.sizes(), " at index ", d,
                                   " does not match the shape of the indexed tensor ", x.sizes(),
                                   " at index ", first + d));
  }
  for (const Tensor& positions : nonzero(index).unbind(1))
    indices.push_back(positions.to(x.device(), kLong));
}

// How many dims of x one entry consumes.
int64_t dims_indexed_by(const TensorIndex& entry) {
  if (entry.is_integer() || entry.is_slice()) return 1;
  if (!entry.is_tensor()) return 0;
  return is_mask(entry.tensor()) ? entry.tensor().dim() : 1;
}

// Applies integers, slices, None and Ellipsis as views of x and collects the index tensors, for the
// dims of the result.
Tensor apply_basic(const Tensor& x, ArrayRef<TensorIndex> entries, Indices& indices) {
  int64_t consumed = 0;
  for (const TensorIndex& entry : entries) consumed += dims_indexed_by(entry);
  if (consumed > x.dim())
    detail::fail<IndexError>(
        str("index: too many indices for tensor of dimension ", x.dim(), " (got ", consumed, ")"));
  Tensor view = x;
  int64_t dim = 0;
  bool seen_ellipsis = false;
  // A flag is a mask without dims: it adds a dim of extent 1 or 0.
  const auto apply_flag = [&](bool flag) {
    view = view.unsqueeze(dim);
    indices.resize(size_t(dim++));
    indices.push_back(zeros({flag ? 1 : 0}, TensorOptions(kLong).device(x.device())));
  };
  const auto apply_select = [&](int64_t position) {
    const int64_t extent = view.size(dim);
    if (position < -extent || position >= extent)
      detail::fail<IndexError>(str("index: index ", position, " is out of bounds for dimension ",
                                   dim, " with size ", extent));
    view = view.select(dim, position);
  };
  for (const TensorIndex& entry : entries) {
    if (entry.is_none()) {
      view = view.unsqueeze(dim++);
    } else if (entry.is_ellipsis()) {
      if (seen_ellipsis) detail::fail<IndexError>("index: only one Ellipsis may appear, got two");
      seen_ellipsis = true;
      dim += x.dim() - consumed;
    } else if (entry.is_integer()) {
      apply_select(entry.integer());
    } else if (entry.is_slice()) {
      view = view.slice(dim++, entry.slice().start(), entry.slice().stop(), entry.slice().step());
    } else if (entry.is_boolean()) {
      apply_flag(entry.boolean());
    } else if (const Tensor tensor = entry.tensor();
               tensor.dim() > 0 || is_floating(tensor.dtype())) {
      indices.resize(size_t(dim));
      append_index(indices, view, tensor);
      dim = int64_t(indices.size());
    } else if (is_mask(tensor)) {
      apply_flag(tensor.item().toBool());
    } else {
      apply_select(tensor.item().toLong());
    }
  }
  return view;
}

bool any_defined(const Indices& indices) {
  return std::any_of(indices.begin(), indices.end(), [](const Tensor& t) { return t.defined(); });
}

}  // namespace

Tensor index(const Tensor& x, ArrayRef<TensorIndex> entries) {
  const profiler::RecordOp recorded("index", x);
  Indices indices;
  const Tensor view = apply_basic(x, entries, indices);
  if (any_defined(indices)) return read_indices(view, indices, "Index");
  return view.is_same(x) ? x.alias() : view;
}

const Tensor& index_put_(const Tensor& x, ArrayRef<TensorIndex> entries, const Tensor& values,
                         bool accumulate) {
  const profiler::RecordOp recorded("index_put_", x, values);
  Indices indices;
  const Tensor view = apply_basic(x, entries, indices);
  if (any_defined(indices)) {
    write_indices(view, indices, values, accumulate, "IndexPut");
  } else {
    Tensor source = values;
    while (source.dim() > view.dim() && source.size(0) == 1) source = source.squeeze(0);
    accumulate ? view.add_(source) : view.copy_(source);
  }
  return x;
}

Tensor index_put(const Tensor& x, ArrayRef<TensorIndex> entries, const Tensor& values,
                 bool accumulate) {
  if (detail::is_autocast())
    return detail::autocast_call("index_put", index_put, x, entries, values, accumulate);
  const profiler::RecordOp recorded("index_put", x, values);
  return index_put_(x.clone(), entries, values, accumulate);
}

Tensor TensorMethods::index(ArrayRef<TensorIndex> indices) const {
  return fg::index(self(), indices);
}
Tensor& TensorMethods::index_put_(ArrayRef<TensorIndex> indices, const Tensor& values,
                                  bool accumulate) const {
  return const_cast<Tensor&>(fg::index_put_(self(), indices, values, accumulate));
}
Tensor& TensorMethods::index_put_(ArrayRef<TensorIndex> indices, const Scalar& value) const {
  return index_put_(indices, full({}, value, self().options()));
}

}  // namespace fg
