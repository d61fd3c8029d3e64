// Tensor's view methods: each is the free function of the same name.
#include "autograd/ops/view.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {

Tensor TensorMethods::view(IntArrayRef size) const { return fg::view(self(), size); }
Tensor TensorMethods::view_as(const Tensor& other) const { return fg::view(self(), other.sizes()); }
Tensor TensorMethods::reshape(IntArrayRef shape) const { return fg::reshape(self(), shape); }
Tensor TensorMethods::reshape_as(const Tensor& other) const { return reshape(other.sizes()); }
Tensor TensorMethods::flatten(int64_t start_dim, int64_t end_dim) const {
  return fg::flatten(self(), start_dim, end_dim);
}
Tensor TensorMethods::unflatten(int64_t dim, IntArrayRef sizes) const {
  return fg::unflatten(self(), dim, sizes);
}
Tensor TensorMethods::ravel() const { return fg::ravel(self()); }
Tensor TensorMethods::transpose(int64_t dim0, int64_t dim1) const {
  return fg::transpose(self(), dim0, dim1);
}
Tensor TensorMethods::swapaxes(int64_t dim0, int64_t dim1) const { return transpose(dim0, dim1); }
Tensor TensorMethods::t() const { return fg::t(self()); }
Tensor TensorMethods::mT() const { return transpose(-2, -1); }
Tensor TensorMethods::permute(IntArrayRef dims) const { return fg::permute(self(), dims); }
Tensor TensorMethods::movedim(int64_t source, int64_t destination) const {
  return fg::movedim(self(), source, destination);
}
Tensor TensorMethods::movedim(IntArrayRef source, IntArrayRef destination) const {
  return fg::movedim(self(), source, destination);
}
Tensor TensorMethods::expand(IntArrayRef size) const { return fg::expand(self(), size); }
Tensor TensorMethods::expand_as(const Tensor& other) const { return expand(other.sizes()); }
Tensor TensorMethods::select(int64_t dim, int64_t index) const {
  return fg::select(self(), dim, index);
}
Tensor TensorMethods::slice(int64_t dim, optional<int64_t> start, optional<int64_t> end,
                            int64_t step) const {
  return fg::slice(self(), dim, start, end, step);
}
Tensor TensorMethods::narrow(int64_t dim, int64_t start, int64_t length) const {
  return fg::narrow(self(), dim, start, length);
}
Tensor TensorMethods::squeeze() const { return fg::squeeze(self()); }
Tensor TensorMethods::squeeze(int64_t dim) const { return fg::squeeze(self(), dim); }
Tensor TensorMethods::unsqueeze(int64_t dim) const { return fg::unsqueeze(self(), dim); }
Tensor TensorMethods::diagonal(int64_t offset, int64_t dim1, int64_t dim2) const {
  return fg::diagonal(self(), offset, dim1, dim2);
}
Tensor TensorMethods::unfold(int64_t dim, int64_t size, int64_t step) const {
  return fg::unfold(self(), dim, size, step);
}
Tensor TensorMethods::as_strided(IntArrayRef size, IntArrayRef stride,
                                 optional<int64_t> storage_offset) const {
  return fg::as_strided(self(), size, stride, storage_offset);
}
Tensor TensorMethods::alias() const { return fg::alias(self()); }
std::vector<Tensor> TensorMethods::unbind(int64_t dim) const { return fg::unbind(self(), dim); }
std::vector<Tensor> TensorMethods::split(int64_t split_size, int64_t dim) const {
  return fg::split(self(), split_size, dim);
}
std::vector<Tensor> TensorMethods::split(IntArrayRef split_sizes, int64_t dim) const {
  return fg::split(self(), split_sizes, dim);
}
std::vector<Tensor> TensorMethods::chunk(int64_t chunks, int64_t dim) const {
  return fg::chunk(self(), chunks, dim);
}

// In-place changes of geometry: the object becomes the view that the op returns.

namespace {

Tensor& become(const Tensor& self, const char* op, const Tensor& result) {
  ENSURE(!self.requires_grad() || !GradMode::is_enabled(), op,
         ": a tensor that requires grad may not change its shape in place; use the form without _");
  self.impl().set_geometry(result.impl().sizes, result.impl().strides, result.storage_offset());
  return const_cast<Tensor&>(self);
}

}  // namespace

Tensor& TensorMethods::transpose_(int64_t dim0, int64_t dim1) const {
  return become(self(), "transpose_", transpose(dim0, dim1));
}
Tensor& TensorMethods::squeeze_(int64_t dim) const {
  return become(self(), "squeeze_", squeeze(dim));
}
Tensor& SecondNames::squeeze_() const { return become(self(), "squeeze_", self().squeeze()); }
Tensor& SecondNames::t_() const { return become(self(), "t_", self().t()); }
Tensor& TensorMethods::unsqueeze_(int64_t dim) const {
  return become(self(), "unsqueeze_", unsqueeze(dim));
}

Tensor& ComposedMethods::as_strided_(IntArrayRef size, IntArrayRef stride,
                                     optional<int64_t> storage_offset) const {
  return become(self(), "as_strided_", self().as_strided(size, stride, storage_offset));
}

// Other memory, or other ways to read it.

Tensor view(const Tensor& self, ScalarType dtype) {
  const profiler::RecordOp recorded("view", self);
  const int64_t from = self.element_size(), to = element_size(dtype);
  DimVector sizes = self.impl().sizes, strides = self.impl().strides;
  int64_t offset = self.storage_offset();
  const auto rescale = [&](int64_t& extent) {  // a count of elements of the last dim's unit
    ENSURE(extent * from % to == 0,
           "view: the last extent, offset and strides of a tensor of shape ", self.sizes(),
           " and strides ", self.strides(), " must fill whole elements of ", dtype);
    extent = extent * from / to;
  };
  if (from != to) {
    ENSURE(self.dim() > 0 && self.stride(-1) == 1, "view: the last dim must be dense to become ",
           dtype, ", got shape ", self.sizes(), " and strides ", self.strides());
    rescale(sizes.back());
    rescale(offset);
    for (size_t d = 0; d + 1 < strides.size(); ++d) rescale(strides[d]);
  }
  const Tensor result(make_intrusive<TensorImpl>(self.storage(), sizes, strides, offset, dtype));
  result.impl().version = self.impl().version;
  result.impl().inference = self.impl().inference;
  return result;
}
Tensor ComposedMethods::view(ScalarType dtype) const { return fg::view(self(), dtype); }

Tensor& ComposedMethods::set_(const Tensor& source) const {
  ENSURE(source.dtype() == self().dtype() && source.device() == self().device(),
         "set_: source must have dtype ", self().dtype(), " on ", self().device(), ", got ",
         source.dtype(), " on ", source.device());
  ENSURE(!self().requires_grad() || !GradMode::is_enabled(),
         "set_: a tensor that requires grad may not get other memory; use set_data");
  self().set_data(source);
  return const_cast<Tensor&>(self());
}
bool ComposedMethods::is_set_to(const Tensor& other) const {
  return self().is_alias_of(other) && self().storage_offset() == other.storage_offset() &&
         self().sizes() == other.sizes() && self().strides() == other.strides();
}

}  // namespace fg
