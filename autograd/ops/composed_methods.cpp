// Tensor's methods of tensor/composed_methods.h: each is the free function of the same name, or its result
// written back in place.
#include "autograd/ops/assemble.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/overwrite.h"
#include "autograd/ops/products.h"
#include "autograd/ops/quantile.h"
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

namespace fg {

using detail::overwrite;

// Elementwise.
Tensor ComposedMethods::round(int64_t decimals) const { return fg::round(self(), decimals); }
Tensor& ComposedMethods::round_(int64_t decimals) const {
  return overwrite(self(), "round_", [&](const Tensor& x) { return fg::round(x, decimals); });
}
Tensor ComposedMethods::clamp(const Tensor& min) const { return fg::clamp(self(), min); }
Tensor ComposedMethods::clamp(const Tensor& min, const Tensor& max) const {
  return fg::clamp(self(), min, max);
}
Tensor& ComposedMethods::clamp_(const Tensor& min) const {
  return overwrite(self(), "clamp_", [&](const Tensor& x) { return fg::clamp(x, min); });
}
Tensor& ComposedMethods::clamp_(const Tensor& min, const Tensor& max) const {
  return overwrite(self(), "clamp_", [&](const Tensor& x) { return fg::clamp(x, min, max); });
}
Tensor ComposedMethods::clamp_min(const Tensor& min) const { return fg::clamp_min(self(), min); }
Tensor ComposedMethods::clamp_max(const Tensor& max) const { return fg::clamp_max(self(), max); }
Tensor& ComposedMethods::clamp_min_(const Tensor& min) const {
  return overwrite(self(), "clamp_min_", [&](const Tensor& x) { return fg::clamp_min(x, min); });
}
Tensor& ComposedMethods::clamp_max_(const Tensor& max) const {
  return overwrite(self(), "clamp_max_", [&](const Tensor& x) { return fg::clamp_max(x, max); });
}
Tensor ComposedMethods::clip(const Tensor& min) const { return fg::clamp(self(), min); }
Tensor ComposedMethods::clip(const Tensor& min, const Tensor& max) const {
  return fg::clamp(self(), min, max);
}
Tensor& ComposedMethods::clip_(const Tensor& min) const {
  return overwrite(self(), "clip_", [&](const Tensor& x) { return fg::clamp(x, min); });
}
Tensor& ComposedMethods::clip_(const Tensor& min, const Tensor& max) const {
  return overwrite(self(), "clip_", [&](const Tensor& x) { return fg::clamp(x, min, max); });
}
Tensor& ComposedMethods::lerp_(const Tensor& end, const Tensor& weight) const {
  return overwrite(self(), "lerp_", [&](const Tensor& x) { return fg::lerp(x, end, weight); });
}
Tensor ComposedMethods::ldexp(const Tensor& other) const { return fg::ldexp(self(), other); }
Tensor& ComposedMethods::ldexp_(const Tensor& other) const {
  return overwrite(self(), "ldexp_", [&](const Tensor& x) { return fg::ldexp(x, other); });
}
Tensor ComposedMethods::heaviside(const Tensor& values) const {
  return fg::heaviside(self(), values);
}
Tensor& ComposedMethods::heaviside_(const Tensor& values) const {
  return overwrite(self(), "heaviside_", [&](const Tensor& x) { return fg::heaviside(x, values); });
}
Tensor ComposedMethods::gcd(const Tensor& other) const { return fg::gcd(self(), other); }
Tensor& ComposedMethods::gcd_(const Tensor& other) const {
  return overwrite(self(), "gcd_", [&](const Tensor& x) { return fg::gcd(x, other); });
}
Tensor ComposedMethods::lcm(const Tensor& other) const { return fg::lcm(self(), other); }
Tensor& ComposedMethods::lcm_(const Tensor& other) const {
  return overwrite(self(), "lcm_", [&](const Tensor& x) { return fg::lcm(x, other); });
}
Tensor ComposedMethods::logaddexp2(const Tensor& other) const {
  return fg::logaddexp2(self(), other);
}
Tensor ComposedMethods::mvlgamma(int64_t p) const { return fg::mvlgamma(self(), p); }
Tensor& ComposedMethods::mvlgamma_(int64_t p) const {
  return overwrite(self(), "mvlgamma_", [&](const Tensor& x) { return fg::mvlgamma(x, p); });
}
Tensor& ComposedMethods::polygamma_(int64_t order) const {
  return overwrite(self(), "polygamma_", [&](const Tensor& x) { return fg::polygamma(order, x); });
}
Tensor& ComposedMethods::float_power_(const Tensor& exponent) const {
  return overwrite(self(), "float_power_",
                   [&](const Tensor& x) { return x.float_power(exponent); });
}
Tensor& ComposedMethods::float_power_(const Scalar& exponent) const {
  return overwrite(self(), "float_power_",
                   [&](const Tensor& x) { return x.float_power(exponent); });
}
Tensor& ComposedMethods::deg2rad_() const {
  return overwrite(self(), "deg2rad_", [&](const Tensor& x) { return fg::deg2rad(x); });
}
Tensor& ComposedMethods::rad2deg_() const {
  return overwrite(self(), "rad2deg_", [&](const Tensor& x) { return fg::rad2deg(x); });
}
Tensor& ComposedMethods::sinc_() const {
  return overwrite(self(), "sinc_", [&](const Tensor& x) { return fg::sinc(x); });
}

// Statistics and order.
std::tuple<Tensor, Tensor> ComposedMethods::aminmax(optional<int64_t> dim, bool keepdim) const {
  return fg::aminmax(self(), dim, keepdim);
}
Tensor ComposedMethods::cov(int64_t correction) const { return fg::cov(self(), correction); }
Tensor ComposedMethods::cov(int64_t correction, const optional<Tensor>& fweights,
                            const optional<Tensor>& aweights) const {
  return fg::cov(self(), correction, fweights.value_or(Tensor()), aweights.value_or(Tensor()));
}
Tensor ComposedMethods::corrcoef() const { return fg::corrcoef(self()); }
Tensor ComposedMethods::var(OptionalIntArrayRef dim, optional<int64_t> correction,
                            bool keepdim) const {
  return fg::var(self(), dim, correction, keepdim);
}
Tensor ComposedMethods::std(OptionalIntArrayRef dim, optional<int64_t> correction,
                            bool keepdim) const {
  return fg::std(self(), dim, correction, keepdim);
}
Tensor ComposedMethods::norm(const optional<Scalar>& p, ScalarType dtype) const {
  return fg::norm(self(), p, dtype);
}
Tensor ComposedMethods::norm(const optional<Scalar>& p, IntArrayRef dim, bool keepdim,
                             ScalarType dtype) const {
  return fg::norm(self(), p, dim, keepdim, dtype);
}
Tensor ComposedMethods::nanmedian() const { return fg::nanmedian(self()); }
std::tuple<Tensor, Tensor> ComposedMethods::nanmedian(int64_t dim, bool keepdim) const {
  return fg::nanmedian(self(), dim, keepdim);
}
std::tuple<Tensor, Tensor> ComposedMethods::mode(int64_t dim, bool keepdim) const {
  return fg::mode(self(), dim, keepdim);
}
Tensor ComposedMethods::quantile(const Tensor& q, optional<int64_t> dim, bool keepdim,
                                 std::string_view interpolation) const {
  return fg::quantile(self(), q, dim, keepdim, interpolation);
}
Tensor ComposedMethods::quantile(double q, optional<int64_t> dim, bool keepdim,
                                 std::string_view interpolation) const {
  return fg::quantile(self(), q, dim, keepdim, interpolation);
}
Tensor ComposedMethods::nanquantile(const Tensor& q, optional<int64_t> dim, bool keepdim,
                                    std::string_view interpolation) const {
  return fg::nanquantile(self(), q, dim, keepdim, interpolation);
}
Tensor ComposedMethods::nanquantile(double q, optional<int64_t> dim, bool keepdim,
                                    std::string_view interpolation) const {
  return fg::nanquantile(self(), q, dim, keepdim, interpolation);
}
std::tuple<Tensor, Tensor> ComposedMethods::histogram(int64_t bins,
                                                      optional<ArrayRef<double>> range) const {
  return fg::histogram(self(), bins, range);
}
std::tuple<Tensor, Tensor> ComposedMethods::histogram(int64_t bins,
                                                      optional<ArrayRef<double>> range,
                                                      const optional<Tensor>& weight,
                                                      bool density) const {
  return fg::histogram(self(), bins, range, weight.value_or(Tensor()), density);
}
std::tuple<Tensor, Tensor> ComposedMethods::histogram(const Tensor& bins) const {
  return fg::histogram(self(), bins);
}
std::tuple<Tensor, Tensor> ComposedMethods::histogram(const Tensor& bins,
                                                      const optional<Tensor>& weight,
                                                      bool density) const {
  return fg::histogram(self(), bins, weight.value_or(Tensor()), density);
}
std::tuple<Tensor, Tensor> ComposedMethods::sort(optional<bool> stable, int64_t dim,
                                                 bool descending) const {
  return fg::sort(self(), stable, dim, descending);
}
Tensor ComposedMethods::argsort(bool stable, int64_t dim, bool descending) const {
  return fg::argsort(self(), stable, dim, descending);
}
Tensor ComposedMethods::diff(int64_t n, int64_t dim, const optional<Tensor>& prepend) const {
  return fg::diff(self(), n, dim, prepend.value_or(Tensor()));
}
Tensor ComposedMethods::diff(int64_t n, int64_t dim, const optional<Tensor>& prepend,
                             const optional<Tensor>& append) const {
  return fg::diff(self(), n, dim, prepend.value_or(Tensor()), append.value_or(Tensor()));
}
Tensor& ComposedMethods::renorm_(const Scalar& p, int64_t dim, const Scalar& maxnorm) const {
  return overwrite(self(), "renorm_",
                   [&](const Tensor& x) { return fg::renorm(x, p, dim, maxnorm); });
}

// Shape.
Tensor ComposedMethods::numpy_T() const {
  DimVector dims;
  for (int64_t d = self().dim(); d > 0; --d) dims.push_back(d - 1);
  return self().permute(dims);
}
Tensor ComposedMethods::mH() const { return self().mT(); }
Tensor ComposedMethods::matrix_H() const { return self().t(); }
Tensor ComposedMethods::adjoint() const { return self().mT(); }
Tensor ComposedMethods::narrow(int64_t dim, const Tensor& start, int64_t length) const {
  return fg::narrow(self(), dim, start, length);
}
std::vector<Tensor> ComposedMethods::hsplit(int64_t sections) const {
  return fg::hsplit(self(), sections);
}
std::vector<Tensor> ComposedMethods::hsplit(IntArrayRef indices) const {
  return fg::hsplit(self(), indices);
}
std::vector<Tensor> ComposedMethods::vsplit(int64_t sections) const {
  return fg::vsplit(self(), sections);
}
std::vector<Tensor> ComposedMethods::vsplit(IntArrayRef indices) const {
  return fg::vsplit(self(), indices);
}
std::vector<Tensor> ComposedMethods::dsplit(int64_t sections) const {
  return fg::dsplit(self(), sections);
}
std::vector<Tensor> ComposedMethods::dsplit(IntArrayRef indices) const {
  return fg::dsplit(self(), indices);
}
Tensor ComposedMethods::repeat_interleave(const Tensor& repeats, optional<int64_t> dim,
                                          optional<int64_t> output_size) const {
  return fg::repeat_interleave(self(), repeats, dim, output_size);
}
Tensor ComposedMethods::repeat_interleave(int64_t repeats, optional<int64_t> dim,
                                          optional<int64_t> output_size) const {
  return fg::repeat_interleave(self(), repeats, dim, output_size);
}
Tensor ComposedMethods::select_scatter(const Tensor& source, int64_t dim, int64_t index) const {
  return fg::select_scatter(self(), source, dim, index);
}
Tensor ComposedMethods::slice_scatter(const Tensor& source, int64_t dim, optional<int64_t> start,
                                      optional<int64_t> end, int64_t step) const {
  return fg::slice_scatter(self(), source, dim, start, end, step);
}
Tensor ComposedMethods::diagonal_scatter(const Tensor& source, int64_t offset, int64_t dim1,
                                         int64_t dim2) const {
  return fg::diagonal_scatter(self(), source, offset, dim1, dim2);
}
Tensor ComposedMethods::as_strided_scatter(const Tensor& source, IntArrayRef size,
                                           IntArrayRef stride,
                                           optional<int64_t> storage_offset) const {
  return fg::as_strided_scatter(self(), source, size, stride, storage_offset);
}

// Indexing.
Tensor ComposedMethods::put(const Tensor& index, const Tensor& source, bool accumulate) const {
  return fg::put(self(), index, source, accumulate);
}
Tensor ComposedMethods::index_fill(int64_t dim, const Tensor& index, const Tensor& value) const {
  return fg::index_fill(self(), dim, index, value);
}
Tensor ComposedMethods::index_reduce(int64_t dim, const Tensor& index, const Tensor& source,
                                     std::string_view reduce, bool include_self) const {
  return fg::index_reduce(self(), dim, index, source, reduce, include_self);
}
Tensor& ComposedMethods::index_reduce_(int64_t dim, const Tensor& index, const Tensor& source,
                                       std::string_view reduce, bool include_self) const {
  return overwrite(self(), "index_reduce_", [&](const Tensor& x) {
    return fg::index_reduce(x, dim, index, source, reduce, include_self);
  });
}
Tensor ComposedMethods::scatter(int64_t dim, const Tensor& index, const Tensor& source,
                                std::string_view reduce) const {
  return fg::scatter(self(), dim, index, source, reduce);
}
Tensor ComposedMethods::scatter(int64_t dim, const Tensor& index, const Scalar& value,
                                std::string_view reduce) const {
  return fg::scatter(self(), dim, index, value, reduce);
}
Tensor& ComposedMethods::scatter_(int64_t dim, const Tensor& index, const Tensor& source,
                                  std::string_view reduce) const {
  return overwrite(self(), "scatter_",
                   [&](const Tensor& x) { return fg::scatter(x, dim, index, source, reduce); });
}
Tensor& ComposedMethods::scatter_(int64_t dim, const Tensor& index, const Scalar& value,
                                  std::string_view reduce) const {
  return overwrite(self(), "scatter_",
                   [&](const Tensor& x) { return fg::scatter(x, dim, index, value, reduce); });
}
Tensor& ComposedMethods::scatter_reduce_(int64_t dim, const Tensor& index, const Tensor& source,
                                         std::string_view reduce, bool include_self) const {
  return overwrite(self(), "scatter_reduce_", [&](const Tensor& x) {
    return fg::scatter_reduce(x, dim, index, source, reduce, include_self);
  });
}
std::vector<Tensor> ComposedMethods::nonzero_numpy() const { return fg::nonzero_numpy(self()); }
Tensor ComposedMethods::argwhere() const { return fg::argwhere(self()); }

// Linear algebra.
Tensor ComposedMethods::addr(const Tensor& a, const Tensor& b, const Scalar& beta,
                             const Scalar& alpha) const {
  return fg::addr(self(), a, b, beta, alpha);
}
Tensor& ComposedMethods::addr_(const Tensor& a, const Tensor& b, const Scalar& beta,
                               const Scalar& alpha) const {
  return overwrite(self(), "addr_",
                   [&](const Tensor& x) { return fg::addr(x, a, b, beta, alpha); });
}
Tensor ComposedMethods::addbmm(const Tensor& a, const Tensor& b, const Scalar& beta,
                               const Scalar& alpha) const {
  return fg::addbmm(self(), a, b, beta, alpha);
}
Tensor& ComposedMethods::addbmm_(const Tensor& a, const Tensor& b, const Scalar& beta,
                                 const Scalar& alpha) const {
  return overwrite(self(), "addbmm_",
                   [&](const Tensor& x) { return fg::addbmm(x, a, b, beta, alpha); });
}

}  // namespace fg
