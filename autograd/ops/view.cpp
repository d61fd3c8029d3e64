#include "autograd/ops/view.h"

#include "autograd/ops/copy.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

DimVector sizes_of(const Tensor& t) { return t.impl().sizes; }
DimVector strides_of(const Tensor& t) { return t.impl().strides; }

/// Records a view whose adjoint is `undo`, itself made of views and copies.
struct ViewBackward : Node {
  const char* op = "";
  std::function<Tensor(const Tensor&)> undo;
  std::string name() const override { return std::string(op) + "Backward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    return {undo(grads[0])};
  }
};

template <class Undo>
Tensor record_view(const char* op, const Tensor& self, const Tensor& result, Undo undo) {
  if (auto node = make_node<ViewBackward>(self)) {
    node->op = op;
    node->undo = std::move(undo);
    node->attach(result);
  }
  return result;
}

// Gradient of a view that covers part of its input: zeros with the gradient written into the place.
template <class Place>
auto scatter_into(const Tensor& self, Place place) {
  return [sizes = sizes_of(self), place](const Tensor& g) {
    const Tensor result = zeros(sizes, g.options());
    place(result).copy_(g);
    return result;
  };
}

Tensor view_with(const char* op, const Tensor& self, DimVector sizes, DimVector strides) {
  const Tensor result =
      make_view(self, std::move(sizes), std::move(strides), self.storage_offset());
  return record_view(op, self, result,
                     [sizes = sizes_of(self)](const Tensor& g) { return reshape(g, sizes); });
}

}  // namespace

Tensor view(const Tensor& self, IntArrayRef size) {
  const profiler::RecordOp recorded("view", self);
  DimVector sizes = infer_size(size, self.numel(), "view");
  optional<DimVector> strides = view_strides(self.sizes(), self.strides(), sizes);
  ENSURE(strides, "view: shape ", size, " does not fit the strides ", self.strides(), " of shape ",
         self.sizes(), "; use reshape");
  return view_with("View", self, std::move(sizes), std::move(*strides));
}

Tensor reshape(const Tensor& self, IntArrayRef shape) {
  const profiler::RecordOp recorded("reshape", self);
  DimVector sizes = infer_size(shape, self.numel(), "reshape");
  if (auto strides = view_strides(self.sizes(), self.strides(), sizes))
    return view_with("Reshape", self, std::move(sizes), std::move(*strides));
  return view(self.clone(MemoryFormat::Contiguous), sizes);
}

Tensor flatten(const Tensor& self, int64_t start_dim, int64_t end_dim) {
  const profiler::RecordOp recorded("flatten", self);
  const int64_t first = wrap_dim(start_dim, self.dim(), "flatten");
  const int64_t last = wrap_dim(end_dim, self.dim(), "flatten");
  ENSURE(first <= last, "flatten: start_dim must not come after end_dim, got ", start_dim, " and ",
         end_dim);
  if (self.dim() == 0) return reshape(self, {1});
  DimVector sizes;
  int64_t joined = 1;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d < first || d > last) {
      sizes.push_back(self.size(d));
      continue;
    }
    joined *= self.size(d);
    if (d == last) sizes.push_back(joined);
  }
  return reshape(self, sizes);
}

Tensor unflatten(const Tensor& self, int64_t dim, IntArrayRef sizes) {
  const profiler::RecordOp recorded("unflatten", self);
  const int64_t at = wrap_dim(dim, self.dim(), "unflatten");
  DimVector result(self.sizes().begin(), self.sizes().begin() + at);
  for (int64_t size : infer_size(sizes, self.size(at), "unflatten")) result.push_back(size);
  for (int64_t d = at + 1; d < self.dim(); ++d) result.push_back(self.size(d));
  return view(self, result);
}

Tensor ravel(const Tensor& self) { return reshape(self, {-1}); }

Tensor permute(const Tensor& self, IntArrayRef dims) {
  const profiler::RecordOp recorded("permute", self);
  ENSURE(int64_t(dims.size()) == self.dim(), "permute: dims must have ", self.dim(),
         " entries, got ", dims);
  const DimVector order = dims.empty() ? DimVector() : wrap_dims(dims, self.dim(), "permute");
  DimVector sizes, strides, inverse(order.size());
  for (size_t d = 0; d < order.size(); ++d) {
    sizes.push_back(self.size(order[d]));
    strides.push_back(self.stride(order[d]));
    inverse[size_t(order[d])] = int64_t(d);
  }
  const Tensor result = make_view(self, sizes, strides, self.storage_offset());
  return record_view("Permute", self, result,
                     [inverse](const Tensor& g) { return permute(g, inverse); });
}

Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) {
  const profiler::RecordOp recorded("transpose", self);
  const int64_t a = wrap_dim(dim0, self.dim(), "transpose");
  const int64_t b = wrap_dim(dim1, self.dim(), "transpose");
  if (a == b) return alias(self);
  DimVector sizes = sizes_of(self), strides = strides_of(self);
  std::swap(sizes[size_t(a)], sizes[size_t(b)]);
  std::swap(strides[size_t(a)], strides[size_t(b)]);
  const Tensor result = make_view(self, sizes, strides, self.storage_offset());
  return record_view("Transpose", self, result,
                     [a, b](const Tensor& g) { return transpose(g, a, b); });
}

Tensor t(const Tensor& self) {
  const profiler::RecordOp recorded("t", self);
  ENSURE(self.dim() <= 2, "t: tensor must have at most 2 dims, got ", self.dim());
  return self.dim() < 2 ? alias(self) : transpose(self, 0, 1);
}

Tensor movedim(const Tensor& self, int64_t source, int64_t destination) {
  const profiler::RecordOp recorded("movedim", self);
  const int64_t from = wrap_dim(source, self.dim(), "movedim");
  const int64_t to = wrap_dim(destination, self.dim(), "movedim");
  if (self.dim() == 0) return alias(self);
  DimVector order;
  for (int64_t d = 0; d < self.dim(); ++d)
    if (d != from) order.push_back(d);
  order.insert(size_t(to), from);
  return permute(self, order);
}

Tensor movedim(const Tensor& self, IntArrayRef source, IntArrayRef destination) {
  const profiler::RecordOp recorded("movedim", self);
  ENSURE(source.size() == destination.size(), "movedim: source and destination must have equal ",
         "lengths, got ", source, " and ", destination);
  const DimVector from = wrap_dims(source, self.dim(), "movedim");
  const DimVector to = wrap_dims(destination, self.dim(), "movedim");
  DimVector order(size_t(self.dim()), -1);
  for (size_t i = 0; i < from.size(); ++i) order[size_t(to[i])] = from[i];
  int64_t next = 0;  // the dims that are not moved keep their order in the places that are left
  for (int64_t& place : order) {
    if (place >= 0) continue;
    while (std::find(from.begin(), from.end(), next) != from.end()) ++next;
    place = next++;
  }
  return permute(self, order);
}

Tensor expand(const Tensor& self, IntArrayRef size) {
  const profiler::RecordOp recorded("expand", self);
  ENSURE(int64_t(size.size()) >= self.dim(), "expand: size must have at least ", self.dim(),
         " dims, got ", size);
  DimVector sizes(size.begin(), size.end());
  const size_t lead = size.size() - size_t(self.dim());
  for (size_t d = 0; d < sizes.size(); ++d) {
    const int64_t own = d < lead ? 1 : self.size(int64_t(d - lead));
    if (sizes[d] == -1 && d >= lead) sizes[d] = own;
    ENSURE(sizes[d] >= 0 && (own == 1 || own == sizes[d]), "expand: shape ", self.sizes(),
           " cannot expand to ", size, " (dim ", d, ")");
  }
  const Tensor result =
      make_view(self, sizes, broadcast_strides(self, sizes), self.storage_offset());
  return record_view("Expand", self, result,
                     [own = sizes_of(self)](const Tensor& g) { return sum_to(g, own); });
}

Tensor select(const Tensor& self, int64_t dim, int64_t index) {
  const profiler::RecordOp recorded("select", self);
  if (self.dim() == 0) detail::fail<IndexError>("select: a 0-dim tensor cannot be indexed");
  const int64_t d = wrap_dim(dim, self.dim(), "select");
  const int64_t extent = self.size(d);
  if (index < -extent || index >= extent)
    detail::fail<IndexError>(
        str("index ", index, " is out of bounds for dimension ", dim, " with size ", extent));
  const int64_t at = index < 0 ? index + extent : index;
  DimVector sizes = sizes_of(self), strides = strides_of(self);
  const int64_t offset = self.storage_offset() + at * strides[size_t(d)];
  sizes.erase(size_t(d));
  strides.erase(size_t(d));
  const Tensor result = make_view(self, sizes, strides, offset);
  return record_view("Select", self, result,
                     scatter_into(self, [d, at](const Tensor& z) { return select(z, d, at); }));
}

Tensor slice(const Tensor& self, int64_t dim, optional<int64_t> start, optional<int64_t> end,
             int64_t step) {
  const profiler::RecordOp recorded("slice", self);
  ENSURE(self.dim() > 0, "slice: a 0-dim tensor cannot be sliced");
  ENSURE(step > 0, "slice: step must be positive, got ", step);
  const int64_t d = wrap_dim(dim, self.dim(), "slice");
  const int64_t extent = self.size(d);
  const auto clamped = [extent](int64_t i) {
    return std::clamp<int64_t>(i < 0 ? i + extent : i, 0, extent);
  };
  const int64_t first = clamped(start.value_or(0));
  const int64_t last = std::max(first, clamped(end.value_or(extent)));
  DimVector sizes = sizes_of(self), strides = strides_of(self);
  sizes[size_t(d)] = (last - first + step - 1) / step;
  const int64_t offset = self.storage_offset() + first * strides[size_t(d)];
  strides[size_t(d)] *= step;
  const Tensor result = make_view(self, sizes, strides, offset);
  return record_view("Slice", self, result, scatter_into(self, [=](const Tensor& z) {
                       return slice(z, d, first, last, step);
                     }));
}

Tensor narrow(const Tensor& self, int64_t dim, const Tensor& start, int64_t length) {
  const profiler::RecordOp recorded("narrow", self, start);
  ENSURE(start.dim() == 0 && !is_floating(start.dtype()) && start.dtype() != kBool,
         "narrow: start must be a 0-d integer tensor, got ", start.dtype(), " ", start.sizes());
  return narrow(self, dim, start.item<int64_t>(), length);
}
Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
  const profiler::RecordOp recorded("narrow", self);
  const int64_t extent = self.size(dim);
  const int64_t first = start < 0 ? start + extent : start;
  ENSURE(length >= 0 && first >= 0 && first <= extent && length <= extent - first, "narrow: start ",
         start, " and length ", length, " must lie within dim ", dim, " of size ", extent);
  return slice(self, dim, first, first + length);
}

namespace {
Tensor squeezed(const Tensor& self, const std::function<bool(int64_t)>& drops) {
  DimVector sizes, strides;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (self.size(d) == 1 && drops(d)) continue;
    sizes.push_back(self.size(d));
    strides.push_back(self.stride(d));
  }
  return view_with("Squeeze", self, sizes, strides);
}
}  // namespace

Tensor squeeze(const Tensor& self) {
  const profiler::RecordOp recorded("squeeze", self);
  return squeezed(self, [](int64_t) { return true; });
}
Tensor squeeze(const Tensor& self, int64_t dim) {
  const profiler::RecordOp recorded("squeeze", self);
  const int64_t at = wrap_dim(dim, self.dim(), "squeeze");
  return squeezed(self, [at](int64_t d) { return d == at; });
}
Tensor unsqueeze(const Tensor& self, int64_t dim) {
  const profiler::RecordOp recorded("unsqueeze", self);
  const int64_t at = wrap_dim(dim, self.dim() + 1, "unsqueeze");
  DimVector sizes = sizes_of(self), strides = strides_of(self);
  strides.insert(size_t(at), at < self.dim() ? sizes[size_t(at)] * strides[size_t(at)] : 1);
  sizes.insert(size_t(at), 1);
  return view_with("Unsqueeze", self, sizes, strides);
}

Tensor diagonal(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  const profiler::RecordOp recorded("diagonal", self);
  const int64_t a = wrap_dim(dim1, self.dim(), "diagonal");
  const int64_t b = wrap_dim(dim2, self.dim(), "diagonal");
  ENSURE(a != b, "diagonal: dim1 and dim2 must differ, got ", dim1, " and ", dim2);
  const int64_t rows = self.size(a) - std::max<int64_t>(-offset, 0);
  const int64_t cols = self.size(b) - std::max<int64_t>(offset, 0);
  const int64_t length = std::max<int64_t>(std::min(rows, cols), 0);
  DimVector sizes, strides;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d == a || d == b) continue;
    sizes.push_back(self.size(d));
    strides.push_back(self.stride(d));
  }
  sizes.push_back(length);
  strides.push_back(self.stride(a) + self.stride(b));
  const int64_t skipped = offset >= 0 ? offset * self.stride(b) : -offset * self.stride(a);
  const Tensor result =
      make_view(self, sizes, strides, self.storage_offset() + (length > 0 ? skipped : 0));
  return record_view("Diagonal", self, result, scatter_into(self, [=](const Tensor& z) {
                       return diagonal(z, offset, a, b);
                     }));
}

namespace {

// Windows may overlap, so their gradients are added up: one strided add per position in the window.
Tensor unfold_adjoint(const Tensor& g, const DimVector& sizes, int64_t d, int64_t size,
                      int64_t step) {
  Tensor result = zeros(sizes, g.options());
  const int64_t windows = g.size(d);
  for (int64_t k = 0; k < size && windows > 0; ++k)
    slice(result, d, k, k + (windows - 1) * step + 1, step).add_(select(g, -1, k));
  return result;
}

}  // namespace

Tensor unfold(const Tensor& self, int64_t dim, int64_t size, int64_t step) {
  const profiler::RecordOp recorded("unfold", self);
  const int64_t d = wrap_dim(dim, self.dim(), "unfold");
  const int64_t extent = self.dim() == 0 ? 1 : self.size(d);
  ENSURE(size >= 0 && size <= extent, "unfold: size must be in [0, ", extent, "], got ", size);
  ENSURE(step > 0, "unfold: step must be positive, got ", step);
  if (self.dim() == 0) return unfold(unsqueeze(self, 0), 0, size, step).select(0, 0);
  DimVector sizes = sizes_of(self), strides = strides_of(self);
  sizes.push_back(size);
  strides.push_back(strides[size_t(d)]);
  sizes[size_t(d)] = (extent - size) / step + 1;
  strides[size_t(d)] *= step;
  const Tensor result = make_view(self, sizes, strides, self.storage_offset());
  return record_view("Unfold", self, result,
                     [own = sizes_of(self), d, size, step](const Tensor& g) {
                       return unfold_adjoint(g, own, d, size, step);
                     });
}

// as_strided: the gradient goes through a flat buffer that mirrors the storage.

namespace {

struct Geometry {
  DimVector sizes, strides;
  int64_t offset;
  bool overlaps;
  explicit Geometry(const Tensor& t)
      : sizes(sizes_of(t)),
        strides(strides_of(t)),
        offset(t.storage_offset()),
        overlaps(has_internal_overlap(t)) {}
  /// One past the largest address that the geometry reaches.
  int64_t end() const {
    int64_t last = offset;
    for (size_t d = 0; d < sizes.size(); ++d) {
      if (sizes[d] == 0) return offset;
      last += (sizes[d] - 1) * strides[d];
    }
    return last + 1;
  }
  /// For each element the address it lies at, relative to `origin`, as a flat Long tensor.
  Tensor addresses(int64_t origin, Device device) const {
    Tensor result = full({}, offset - origin, TensorOptions(kLong).device(device));
    for (size_t d = 0; d < sizes.size(); ++d)
      result =
          result.unsqueeze(-1) + arange(sizes[d], TensorOptions(kLong).device(device)) * strides[d];
    return result.reshape({-1});
  }
};

Tensor as_strided_adjoint(const Tensor& g, const Geometry& base, const Geometry& view) {
  const int64_t origin = std::min(base.offset, view.offset);
  const int64_t span = std::max(base.end(), view.end()) - origin;
  const Tensor buffer = zeros({span}, g.options());
  Tensor flat = buffer.index_add(0, view.addresses(origin, g.device()), g.reshape({-1}));
  const Tensor places = base.addresses(origin, g.device());
  if (base.overlaps) {
    // Elements of the base that share an address share its gradient.
    const Tensor sharers = buffer.index_add(0, places, ones(places.sizes(), g.options()));
    flat = flat / sharers.clamp_min(1);
  }
  return flat.index_select(0, places).reshape(base.sizes);
}

}  // namespace

void attach_as_strided(const Tensor& base, const Tensor& view) {
  record_view("AsStrided", base, view,
              [from = Geometry(base), to = Geometry(view)](const Tensor& g) {
                return as_strided_adjoint(g, from, to);
              });
}

Tensor as_strided(const Tensor& self, IntArrayRef size, IntArrayRef stride,
                  optional<int64_t> storage_offset) {
  const profiler::RecordOp recorded("as_strided", self);
  ENSURE(size.size() == stride.size(), "as_strided: size and stride must have equal length, got ",
         size, " and ", stride);
  const int64_t offset = storage_offset.value_or(self.storage_offset());
  int64_t last = offset;
  bool empty = false;
  for (size_t d = 0; d < size.size(); ++d) {
    ENSURE(size[d] >= 0 && stride[d] >= 0, "as_strided: size and stride must not be negative, got ",
           size, " and ", stride);
    empty |= size[d] == 0;
    last += (size[d] - 1) * stride[d];
  }
  const int64_t available = self.storage()->nbytes() / self.element_size();
  ENSURE(offset >= 0 && (empty || last < available), "as_strided: size ", size, ", stride ", stride,
         ", offset ", offset, " must lie within the storage of ", available, " elements");
  const Tensor result = make_view(self, DimVector(size.begin(), size.end()),
                                  DimVector(stride.begin(), stride.end()), offset);
  attach_as_strided(self, result);
  return result;
}

Tensor alias(const Tensor& self) {
  return view_with("Alias", self, sizes_of(self), strides_of(self));
}

}  // namespace fg
