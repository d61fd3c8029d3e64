// Tensor's methods of tensor/second_names.h: each is the free function of the same name, or its result
// written back in place.
#include "autograd/ops/aliases.h"
#include "autograd/ops/assemble.h"
#include "autograd/ops/distance.h"
#include "autograd/ops/glu.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/overwrite.h"
#include "autograd/ops/products.h"
#include "autograd/ops/rearrange.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/scan.h"
#include "autograd/ops/scatter_reduce.h"
#include "autograd/ops/search.h"
#include "autograd/ops/sort.h"
#include "autograd/ops/special.h"
#include "autograd/ops/split.h"
#include "autograd/ops/statistics.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"

namespace fg {

using detail::overwrite;

#define X(name, op)                                           \
  Tensor SecondNames::name() const { return fg::op(self()); } \
  Tensor& SecondNames::name##_() const { return self().op##_(); }
FOR_EACH_UNARY_SECOND_NAME(X)
#undef X
#define X(name, op)                                                                       \
  Tensor SecondNames::name(const Tensor& other) const { return self().op(other); }        \
  Tensor SecondNames::name(const Scalar& other) const { return self().op(other); }        \
  Tensor& SecondNames::name##_(const Tensor& other) const { return self().op##_(other); } \
  Tensor& SecondNames::name##_(const Scalar& other) const { return self().op##_(other); }
FOR_EACH_BINARY_SECOND_NAME(X)
#undef X
Tensor SecondNames::subtract(const Tensor& other, const Scalar& alpha) const {
  return self().sub(other, alpha);
}
Tensor SecondNames::subtract(const Scalar& other, const Scalar& alpha) const {
  return self().sub(other, alpha);
}
Tensor& SecondNames::subtract_(const Tensor& other, const Scalar& alpha) const {
  return self().sub_(other, alpha);
}
Tensor& SecondNames::subtract_(const Scalar& other, const Scalar& alpha) const {
  return self().sub_(other, alpha);
}
Tensor SecondNames::divide(const Tensor& other, const RoundingMode& rounding_mode) const {
  return self().div(other, rounding_mode);
}
Tensor SecondNames::divide(const Scalar& other, const RoundingMode& rounding_mode) const {
  return self().div(other, rounding_mode);
}
Tensor& SecondNames::divide_(const Tensor& other, const RoundingMode& rounding_mode) const {
  return div_(other, rounding_mode);
}
Tensor& SecondNames::divide_(const Scalar& other, const RoundingMode& rounding_mode) const {
  return div_(other, rounding_mode);
}
Tensor SecondNames::div(const Tensor& other, const RoundingMode& rounding_mode) const {
  return fg::div(self(), other, rounding_mode);
}
Tensor SecondNames::div(const Scalar& other, const RoundingMode& rounding_mode) const {
  return fg::div(self(), other, rounding_mode);
}
Tensor& SecondNames::div_(const Tensor& other, const RoundingMode& rounding_mode) const {
  return overwrite(self(), "div_", [&](const Tensor& x) { return x.div(other, rounding_mode); });
}
Tensor& SecondNames::div_(const Scalar& other, const RoundingMode& rounding_mode) const {
  return overwrite(self(), "div_", [&](const Tensor& x) { return x.div(other, rounding_mode); });
}
Tensor SecondNames::clip(const optional<Scalar>& min, const optional<Scalar>& max) const {
  return self().clamp(min, max);
}
Tensor& SecondNames::clip_(const optional<Scalar>& min, const optional<Scalar>& max) const {
  return self().clamp_(min, max);
}
Tensor SecondNames::deg2rad() const { return fg::deg2rad(self()); }
Tensor SecondNames::rad2deg() const { return fg::rad2deg(self()); }
Tensor SecondNames::positive() const { return fg::positive(self()); }
Tensor SecondNames::isposinf() const { return fg::isposinf(self()); }
Tensor SecondNames::isneginf() const { return fg::isneginf(self()); }
Tensor SecondNames::isreal() const { return ones_like(self(), TensorOptions(kBool)); }
Tensor SecondNames::float_power(const Tensor& exponent) const {
  return pow(self().to(kDouble), exponent.to(kDouble));
}
Tensor SecondNames::float_power(const Scalar& exponent) const {
  return pow(self().to(kDouble), exponent);
}
Tensor SecondNames::polygamma(int64_t order) const { return fg::polygamma(order, self()); }
Tensor SecondNames::prelu(const Tensor& weight) const { return fg::prelu(self(), weight); }
Tensor SecondNames::hardshrink(const Scalar& lambda) const {
  return fg::hardshrink(self(), lambda.toDouble());
}
Tensor& SecondNames::bitwise_not_() const { return self().copy_(self().bitwise_not()); }
Tensor& SecondNames::logical_not_() const { return self().copy_(self().logical_not()); }
Tensor SecondNames::logit(optional<double> eps) const { return fg::logit(self(), eps); }
Tensor& SecondNames::logit_(optional<double> eps) const {
  return overwrite(self(), "logit_", [&](const Tensor& x) { return x.logit(eps); });
}
Tensor SecondNames::nan_to_num(optional<double> nan, optional<double> posinf,
                               optional<double> neginf) const {
  return fg::nan_to_num(self(), nan, posinf, neginf);
}
Tensor& SecondNames::nan_to_num_(optional<double> nan, optional<double> posinf,
                                 optional<double> neginf) const {
  return overwrite(self(), "nan_to_num_",
                   [&](const Tensor& x) { return x.nan_to_num(nan, posinf, neginf); });
}

Tensor SecondNames::nansum(OptionalIntArrayRef dim, bool keepdim,
                           optional<ScalarType> dtype) const {
  return fg::nansum(self(), dim, keepdim, dtype);
}
Tensor SecondNames::nanmean(OptionalIntArrayRef dim, bool keepdim,
                            optional<ScalarType> dtype) const {
  return fg::nanmean(self(), dim, keepdim, dtype);
}
Tensor SecondNames::renorm(const Scalar& p, int64_t dim, const Scalar& maxnorm) const {
  return fg::renorm(self(), p, dim, maxnorm);
}
Tensor SecondNames::histc(int64_t bins, const Scalar& min, const Scalar& max) const {
  return fg::histc(self(), bins, min, max);
}
Tensor SecondNames::kron(const Tensor& other) const { return fg::kron(self(), other); }
Tensor SecondNames::matrix_power(int64_t n) const { return fg::matrix_power(self(), n); }
Tensor SecondNames::scatter_reduce(int64_t dim, const Tensor& index, const Tensor& source,
                                   std::string_view reduce, bool include_self) const {
  return fg::scatter_reduce(self(), dim, index, source, reduce, include_self);
}
Tensor SecondNames::sinc() const { return fg::sinc(self()); }
Tensor SecondNames::trace() const { return fg::trace(self()); }
Tensor SecondNames::dist(const Tensor& other, const Scalar& p) const {
  return fg::dist(self(), other, p);
}
Tensor SecondNames::sum_to_size(IntArrayRef size) const { return fg::sum_to(self(), size); }
std::tuple<Tensor, Tensor> SecondNames::median(int64_t dim, bool keepdim) const {
  return fg::median(self(), dim, keepdim);
}
std::tuple<Tensor, Tensor> SecondNames::kthvalue(int64_t k, int64_t dim, bool keepdim) const {
  return fg::kthvalue(self(), k, dim, keepdim);
}
std::tuple<Tensor, Tensor> SecondNames::cummax(int64_t dim) const {
  return fg::cummax(self(), dim);
}
std::tuple<Tensor, Tensor> SecondNames::cummin(int64_t dim) const {
  return fg::cummin(self(), dim);
}
Tensor& SecondNames::cumsum_(int64_t dim, optional<ScalarType> dtype) const {
  return overwrite(self(), "cumsum_",
                   [&](const Tensor& x) { return x.cumsum(dim, dtype.value_or(x.dtype())); });
}
Tensor& SecondNames::cumprod_(int64_t dim, optional<ScalarType> dtype) const {
  return overwrite(self(), "cumprod_",
                   [&](const Tensor& x) { return x.cumprod(dim, dtype.value_or(x.dtype())); });
}
Tensor SecondNames::diff(int64_t n, int64_t dim) const { return fg::diff(self(), n, dim); }
Tensor SecondNames::msort() const { return fg::msort(self()); }
Tensor SecondNames::bincount() const { return fg::bincount(self()); }
Tensor SecondNames::bincount(const optional<Tensor>& weights, int64_t minlength) const {
  return fg::bincount(self(), weights, minlength);
}
bool SecondNames::is_nonzero() const {
  ENSURE(self().numel() == 1, "is_nonzero: tensor must have 1 element, got ", self().numel());
  return self().item().toBool();
}
bool SecondNames::is_same_size(const Tensor& other) const {
  return self().sizes() == other.sizes();
}

Tensor SecondNames::swapdims(int64_t dim0, int64_t dim1) const {
  return self().transpose(dim0, dim1);
}
Tensor& SecondNames::swapaxes_(int64_t dim0, int64_t dim1) const {
  return self().transpose_(dim0, dim1);
}
Tensor& SecondNames::swapdims_(int64_t dim0, int64_t dim1) const {
  return self().transpose_(dim0, dim1);
}
Tensor SecondNames::moveaxis(int64_t source, int64_t destination) const {
  return fg::movedim(self(), source, destination);
}
Tensor SecondNames::moveaxis(IntArrayRef source, IntArrayRef destination) const {
  return fg::movedim(self(), source, destination);
}
Tensor SecondNames::broadcast_to(IntArrayRef size) const { return fg::expand(self(), size); }
Tensor SecondNames::diag_embed(int64_t offset, int64_t dim1, int64_t dim2) const {
  return fg::diag_embed(self(), offset, dim1, dim2);
}
Tensor SecondNames::diagflat(int64_t offset) const { return fg::diagflat(self(), offset); }
Tensor SecondNames::fliplr() const { return fg::fliplr(self()); }
Tensor SecondNames::flipud() const { return fg::flipud(self()); }
Tensor SecondNames::rot90(int64_t k, IntArrayRef dims) const { return fg::rot90(self(), k, dims); }
Tensor SecondNames::narrow_copy(int64_t dim, int64_t start, int64_t length) const {
  return fg::narrow(self(), dim, start, length).clone(MemoryFormat::Contiguous);
}
std::vector<Tensor> SecondNames::split_with_sizes(IntArrayRef split_sizes, int64_t dim) const {
  return fg::split(self(), split_sizes, dim);
}
std::vector<Tensor> SecondNames::tensor_split(int64_t sections, int64_t dim) const {
  return fg::tensor_split(self(), sections, dim);
}
std::vector<Tensor> SecondNames::tensor_split(IntArrayRef indices, int64_t dim) const {
  return fg::tensor_split(self(), indices, dim);
}
Tensor& SecondNames::tril_(int64_t diagonal) const { return self().copy_(self().tril(diagonal)); }
Tensor& SecondNames::triu_(int64_t diagonal) const { return self().copy_(self().triu(diagonal)); }
Tensor& SecondNames::resize_as_(const Tensor& other) const { return self().resize_(other.sizes()); }

Tensor SecondNames::index_put(ArrayRef<indexing::TensorIndex> indices, const Tensor& values,
                              bool accumulate) const {
  return fg::index_put(self(), indices, values, accumulate);
}
Tensor SecondNames::index_copy(int64_t dim, const Tensor& index, const Tensor& source) const {
  return fg::index_copy(self(), dim, index, source);
}
Tensor SecondNames::index_fill(int64_t dim, const Tensor& index, const Scalar& value) const {
  return fg::index_fill(self(), dim, index, value);
}
Tensor SecondNames::masked_scatter(const Tensor& mask, const Tensor& source) const {
  return fg::masked_scatter(self(), mask, source);
}
Tensor& SecondNames::masked_scatter_(const Tensor& mask, const Tensor& source) const {
  return self().copy_(fg::masked_scatter(self(), mask, source));
}
Tensor SecondNames::take_along_dim(const Tensor& index, optional<int64_t> dim) const {
  return fg::take_along_dim(self(), index, dim);
}
Tensor& SecondNames::fill_diagonal_(const Scalar& value, bool wrap) const {
  ENSURE(self().dim() == 2 && !wrap,
         "fill_diagonal_: the tensor must have 2 dims, and wrap is not supported, got ",
         self().dim(), " dims");
  self().diagonal().fill_(value);
  return const_cast<Tensor&>(self());
}

Tensor SecondNames::inner(const Tensor& other) const { return fg::inner(self(), other); }
Tensor SecondNames::vdot(const Tensor& other) const { return fg::dot(self(), other); }
Tensor SecondNames::ger(const Tensor& other) const { return fg::outer(self(), other); }
Tensor SecondNames::cross(const Tensor& other, optional<int64_t> dim) const {
  return fg::cross(self(), other, dim);
}
Tensor SecondNames::addmv(const Tensor& matrix, const Tensor& vector, const Scalar& beta,
                          const Scalar& alpha) const {
  return fg::addmv(self(), matrix, vector, beta, alpha);
}
Tensor& SecondNames::addmv_(const Tensor& matrix, const Tensor& vector, const Scalar& beta,
                            const Scalar& alpha) const {
  return self().copy_(fg::addmv(self(), matrix, vector, beta, alpha));
}
Tensor& SecondNames::baddbmm_(const Tensor& a, const Tensor& b, const Scalar& beta,
                              const Scalar& alpha) const {
  return self().copy_(fg::baddbmm(self(), a, b, beta, alpha));
}

Tensor SecondNames::new_empty(IntArrayRef size, const TensorOptions& options) const {
  return fg::empty(size, options.or_else(self().options()));
}
Tensor SecondNames::new_empty_strided(IntArrayRef size, IntArrayRef stride,
                                      const TensorOptions& options) const {
  return fg::empty_strided(size, stride, options.or_else(self().options()));
}
Tensor SecondNames::new_zeros(IntArrayRef size, const TensorOptions& options) const {
  return fg::zeros(size, options.or_else(self().options()));
}
Tensor SecondNames::new_ones(IntArrayRef size, const TensorOptions& options) const {
  return fg::ones(size, options.or_else(self().options()));
}
Tensor SecondNames::new_full(IntArrayRef size, const Scalar& value,
                             const TensorOptions& options) const {
  return fg::full(size, value, options.or_else(self().options()));
}

}  // namespace fg
