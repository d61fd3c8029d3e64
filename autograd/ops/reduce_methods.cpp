// Tensor's reductions: each is the free function of the same name.
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"

namespace fg {

Tensor TensorMethods::sum(optional<ScalarType> dtype) const { return fg::sum(self(), dtype); }
Tensor TensorMethods::sum(OptionalIntArrayRef dim, bool keepdim, optional<ScalarType> dtype) const {
  return fg::sum(self(), dim, keepdim, dtype);
}
Tensor TensorMethods::mean(optional<ScalarType> dtype) const { return fg::mean(self(), dtype); }
Tensor TensorMethods::mean(OptionalIntArrayRef dim, bool keepdim,
                           optional<ScalarType> dtype) const {
  return fg::mean(self(), dim, keepdim, dtype);
}
Tensor TensorMethods::prod(optional<ScalarType> dtype) const { return fg::prod(self(), dtype); }
Tensor TensorMethods::prod(int64_t dim, bool keepdim, optional<ScalarType> dtype) const {
  return fg::prod(self(), dim, keepdim, dtype);
}
Tensor TensorMethods::var(int dim) const { return fg::var(self(), int64_t(dim)); }
Tensor TensorMethods::var(int64_t dim) const { return fg::var(self(), dim); }
Tensor TensorMethods::var(bool unbiased) const { return fg::var(self(), unbiased); }
Tensor TensorMethods::var(OptionalIntArrayRef dim, bool unbiased, bool keepdim) const {
  return fg::var(self(), dim, unbiased, keepdim);
}
Tensor TensorMethods::std(int dim) const { return fg::std(self(), int64_t(dim)); }
Tensor TensorMethods::std(int64_t dim) const { return fg::std(self(), dim); }
Tensor TensorMethods::std(bool unbiased) const { return fg::std(self(), unbiased); }
Tensor TensorMethods::std(OptionalIntArrayRef dim, bool unbiased, bool keepdim) const {
  return fg::std(self(), dim, unbiased, keepdim);
}
Tensor TensorMethods::max() const { return fg::max(self()); }
Tensor TensorMethods::min() const { return fg::min(self()); }
std::tuple<Tensor, Tensor> TensorMethods::max(int64_t dim, bool keepdim) const {
  return fg::max(self(), dim, keepdim);
}
std::tuple<Tensor, Tensor> TensorMethods::min(int64_t dim, bool keepdim) const {
  return fg::min(self(), dim, keepdim);
}
Tensor TensorMethods::max(const Tensor& other) const { return maximum(other); }
Tensor TensorMethods::min(const Tensor& other) const { return minimum(other); }
Tensor TensorMethods::amax(IntArrayRef dim, bool keepdim) const {
  return fg::amax(self(), dim, keepdim);
}
Tensor TensorMethods::amin(IntArrayRef dim, bool keepdim) const {
  return fg::amin(self(), dim, keepdim);
}
Tensor TensorMethods::argmax(optional<int64_t> dim, bool keepdim) const {
  return fg::argmax(self(), dim, keepdim);
}
Tensor TensorMethods::argmin(optional<int64_t> dim, bool keepdim) const {
  return fg::argmin(self(), dim, keepdim);
}
Tensor TensorMethods::any() const { return fg::any(self()); }
Tensor TensorMethods::any(int64_t dim, bool keepdim) const { return fg::any(self(), dim, keepdim); }
Tensor TensorMethods::all() const { return fg::all(self()); }
Tensor TensorMethods::all(int64_t dim, bool keepdim) const { return fg::all(self(), dim, keepdim); }
Tensor TensorMethods::count_nonzero(OptionalIntArrayRef dim) const {
  return fg::count_nonzero(self(), dim);
}
Tensor TensorMethods::norm(const Scalar& p) const { return fg::norm(self(), p); }
Tensor TensorMethods::norm(const optional<Scalar>& p, IntArrayRef dim, bool keepdim) const {
  return fg::norm(self(), p, dim, keepdim);
}

}  // namespace fg
