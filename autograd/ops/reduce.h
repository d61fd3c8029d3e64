// Reductions. `dim` absent or empty means all dims; negative dims count from the end; `keepdim`
// leaves extents of 1. Floating results keep the dtype (16-bit types accumulate in float); sums and
// products of integers and bools are Long.
#pragma once

#include "autograd/node.h"

namespace fg {

Tensor sum(const Tensor& self, optional<ScalarType> dtype = nullopt);
Tensor sum(const Tensor& self, OptionalIntArrayRef dim, bool keepdim = false,
           optional<ScalarType> dtype = nullopt);
/// Floating dtypes only.
Tensor mean(const Tensor& self, optional<ScalarType> dtype = nullopt);
Tensor mean(const Tensor& self, OptionalIntArrayRef dim, bool keepdim = false,
            optional<ScalarType> dtype = nullopt);
/// The gradient is right with zeros in the input.
Tensor prod(const Tensor& self, optional<ScalarType> dtype = nullopt);
Tensor prod(const Tensor& self, int64_t dim, bool keepdim = false,
            optional<ScalarType> dtype = nullopt);
/// Two-pass variance, divided by n - 1 when unbiased.
Tensor var(const Tensor& self, bool unbiased = true);
// An integer is a dim, not a truth value.
inline Tensor var(const Tensor& self, int dim);
inline Tensor var(const Tensor& self, int64_t dim);
Tensor var(const Tensor& self, OptionalIntArrayRef dim, bool unbiased = true, bool keepdim = false);
Tensor std(const Tensor& self, bool unbiased = true);
inline Tensor std(const Tensor& self, int dim);
inline Tensor std(const Tensor& self, int64_t dim);
Tensor std(const Tensor& self, OptionalIntArrayRef dim, bool unbiased = true, bool keepdim = false);
std::tuple<Tensor, Tensor> var_mean(const Tensor& self, OptionalIntArrayRef dim = nullopt,
                                    bool unbiased = true, bool keepdim = false);
std::tuple<Tensor, Tensor> std_mean(const Tensor& self, OptionalIntArrayRef dim = nullopt,
                                    bool unbiased = true, bool keepdim = false);
/// The same divided by n - correction (1 if absent).
Tensor var(const Tensor& self, OptionalIntArrayRef dim, optional<int64_t> correction,
           bool keepdim = false);
Tensor std(const Tensor& self, OptionalIntArrayRef dim, optional<int64_t> correction,
           bool keepdim = false);
std::tuple<Tensor, Tensor> var_mean(const Tensor& self, OptionalIntArrayRef dim,
                                    optional<int64_t> correction, bool keepdim = false);
std::tuple<Tensor, Tensor> std_mean(const Tensor& self, OptionalIntArrayRef dim,
                                    optional<int64_t> correction, bool keepdim = false);

/// Over all elements; ties share the gradient. NaN propagates. Throws on an empty tensor.
Tensor max(const Tensor& self);
Tensor min(const Tensor& self);
/// Along one dim: (values, indices); the first of equal values wins and gets the gradient.
std::tuple<Tensor, Tensor> max(const Tensor& self, int64_t dim, bool keepdim = false);
std::tuple<Tensor, Tensor> min(const Tensor& self, int64_t dim, bool keepdim = false);
/// Over several dims; ties share the gradient.
Tensor amax(const Tensor& self, IntArrayRef dim = {}, bool keepdim = false);
Tensor amin(const Tensor& self, IntArrayRef dim = {}, bool keepdim = false);
/// Long indices, into the flattened tensor without `dim`; the first of equal values.
Tensor argmax(const Tensor& self, optional<int64_t> dim = nullopt, bool keepdim = false);
Tensor argmin(const Tensor& self, optional<int64_t> dim = nullopt, bool keepdim = false);
/// Bool.
Tensor any(const Tensor& self);
Tensor any(const Tensor& self, int64_t dim, bool keepdim = false);
Tensor all(const Tensor& self);
Tensor all(const Tensor& self, int64_t dim, bool keepdim = false);
Tensor count_nonzero(const Tensor& self, OptionalIntArrayRef dim = nullopt);
/// (sum |x|^p)^(1/p); p (2 if absent) may be 0 (count of non-zeros) and +-infinity.
Tensor norm(const Tensor& self, const Scalar& p = 2);
Tensor norm(const Tensor& self, const optional<Scalar>& p, IntArrayRef dim, bool keepdim = false);
/// The same of self converted to `dtype`.
Tensor norm(const Tensor& self, const optional<Scalar>& p, ScalarType dtype);
Tensor norm(const Tensor& self, const optional<Scalar>& p, IntArrayRef dim, bool keepdim,
            ScalarType dtype);

inline Tensor var(const Tensor& self, int dim) {
  return var(self, OptionalIntArrayRef(int64_t(dim)));
}
inline Tensor var(const Tensor& self, int64_t dim) { return var(self, OptionalIntArrayRef(dim)); }

inline Tensor std(const Tensor& self, int dim) {
  return std(self, OptionalIntArrayRef(int64_t(dim)));
}
inline Tensor std(const Tensor& self, int64_t dim) { return std(self, OptionalIntArrayRef(dim)); }

/// Sums `self` down to `size`, to which it must be the broadcast: the adjoint of expand.
Tensor sum_to(const Tensor& self, IntArrayRef size);

}  // namespace fg
