// Methods that are other names or short compositions of the ones in tensor_methods.h: PyTorch has them,
// so programs use them. autograd/ops/aliases.h holds the free functions.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "fusegrad/version.h"
#include "tensor/composed_methods.h"
#include "tensor/generator.h"
#include "tensor/indexing.h"
#include "tensor/options.h"
#include "tensor/scalar.h"

/// Second names of unary ops: X(name, op). Methods, in-place forms and free functions.
#define FOR_EACH_UNARY_SECOND_NAME(X) \
  X(absolute, abs)                    \
  X(negative, neg)                    \
  X(arccos, acos)                     \
  X(arccosh, acosh)                   \
  X(arcsin, asin)                     \
  X(arcsinh, asinh)                   \
  X(arctan, atan)                     \
  X(arctanh, atanh)                   \
  X(fix, trunc)                       \
  X(sgn, sign)

/// Second names of binary ops, with a tensor or a number on the right: X(name, op).
#define FOR_EACH_BINARY_SECOND_NAME(X) \
  X(multiply, mul)                     \
  X(divide, div)                       \
  X(true_divide, div)                  \
  X(arctan2, atan2)                    \
  X(greater, gt)                       \
  X(greater_equal, ge)                 \
  X(less, lt)                          \
  X(less_equal, le)                    \
  X(not_equal, ne)                     \
  X(__and__, bitwise_and)              \
  X(__or__, bitwise_or)                \
  X(__xor__, bitwise_xor)              \
  X(__lshift__, bitwise_left_shift)    \
  X(__rshift__, bitwise_right_shift)

namespace fg {

/// How floating results of an integer division are rounded; absent means true division.
using RoundingMode = optional<std::string_view>;

class SecondNames : public ComposedMethods {
 public:
  using ComposedMethods::clip, ComposedMethods::clip_, ComposedMethods::diff,
      ComposedMethods::index_fill;
#define X(name, op)    \
  Tensor name() const; \
  Tensor& name##_() const;
  FOR_EACH_UNARY_SECOND_NAME(X)
#undef X
#define X(name, op)                           \
  Tensor name(const Tensor& other) const;     \
  Tensor name(const Scalar& other) const;     \
  Tensor& name##_(const Tensor& other) const; \
  Tensor& name##_(const Scalar& other) const;
  FOR_EACH_BINARY_SECOND_NAME(X)
#undef X
  Tensor subtract(const Tensor& other, const Scalar& alpha = 1) const;
  Tensor subtract(const Scalar& other, const Scalar& alpha = 1) const;
  Tensor& subtract_(const Tensor& other, const Scalar& alpha = 1) const;
  Tensor& subtract_(const Scalar& other, const Scalar& alpha = 1) const;
  Tensor divide(const Tensor& other, const RoundingMode& rounding_mode) const;
  Tensor divide(const Scalar& other, const RoundingMode& rounding_mode) const;
  Tensor& divide_(const Tensor& other, const RoundingMode& rounding_mode) const;
  Tensor& divide_(const Scalar& other, const RoundingMode& rounding_mode) const;
  Tensor div(const Tensor& other, const RoundingMode& rounding_mode) const;
  Tensor div(const Scalar& other, const RoundingMode& rounding_mode) const;
  Tensor& div_(const Tensor& other, const RoundingMode& rounding_mode) const;
  Tensor& div_(const Scalar& other, const RoundingMode& rounding_mode) const;
  Tensor clip(const optional<Scalar>& min, const optional<Scalar>& max = nullopt) const;
  Tensor& clip_(const optional<Scalar>& min, const optional<Scalar>& max = nullopt) const;
  Tensor deg2rad() const;
  Tensor rad2deg() const;
  Tensor sinc() const;
  Tensor positive() const;
  Tensor isposinf() const;
  Tensor isneginf() const;
  Tensor isreal() const;
  Tensor float_power(const Tensor& exponent) const;
  Tensor float_power(const Scalar& exponent) const;
  Tensor polygamma(int64_t order) const;
  Tensor prelu(const Tensor& weight) const;
  Tensor hardshrink(const Scalar& lambda = 0.5) const;
  Tensor& bitwise_not_() const;
  Tensor& logical_not_() const;
  Tensor logit(optional<double> eps = nullopt) const;
  Tensor& logit_(optional<double> eps = nullopt) const;
  Tensor nan_to_num(optional<double> nan = nullopt, optional<double> posinf = nullopt,
                    optional<double> neginf = nullopt) const;
  Tensor& nan_to_num_(optional<double> nan = nullopt, optional<double> posinf = nullopt,
                      optional<double> neginf = nullopt) const;

  // Reductions, order, scans.
  Tensor nansum(OptionalIntArrayRef dim = nullopt, bool keepdim = false,
                optional<ScalarType> dtype = nullopt) const;
  Tensor nanmean(OptionalIntArrayRef dim = nullopt, bool keepdim = false,
                 optional<ScalarType> dtype = nullopt) const;
  Tensor renorm(const Scalar& p, int64_t dim, const Scalar& maxnorm) const;
  Tensor histc(int64_t bins = 100, const Scalar& min = 0, const Scalar& max = 0) const;
  Tensor trace() const;
  Tensor dist(const Tensor& other, const Scalar& p = 2) const;
  Tensor sum_to_size(IntArrayRef size) const;
  std::tuple<Tensor, Tensor> median(int64_t dim, bool keepdim = false) const;
  std::tuple<Tensor, Tensor> kthvalue(int64_t k, int64_t dim = -1, bool keepdim = false) const;
  std::tuple<Tensor, Tensor> cummax(int64_t dim) const;
  std::tuple<Tensor, Tensor> cummin(int64_t dim) const;
  Tensor& cumsum_(int64_t dim, optional<ScalarType> dtype = nullopt) const;
  Tensor& cumprod_(int64_t dim, optional<ScalarType> dtype = nullopt) const;
  Tensor diff(int64_t n = 1, int64_t dim = -1) const;
  Tensor msort() const;
  Tensor bincount() const;
  Tensor bincount(const optional<Tensor>& weights, int64_t minlength = 0) const;
  bool is_nonzero() const;
  bool is_same_size(const Tensor& other) const;

  // Shape.
  Tensor swapdims(int64_t dim0, int64_t dim1) const;
  Tensor& swapaxes_(int64_t dim0, int64_t dim1) const;
  Tensor& swapdims_(int64_t dim0, int64_t dim1) const;
  Tensor& t_() const;
  Tensor& squeeze_() const;
  Tensor moveaxis(int64_t source, int64_t destination) const;
  Tensor moveaxis(IntArrayRef source, IntArrayRef destination) const;
  Tensor broadcast_to(IntArrayRef size) const;
  Tensor diag_embed(int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1) const;
  Tensor diagflat(int64_t offset = 0) const;
  Tensor fliplr() const;
  Tensor flipud() const;
  Tensor rot90(int64_t k = 1, IntArrayRef dims = {0, 1}) const;
  Tensor narrow_copy(int64_t dim, int64_t start, int64_t length) const;
  std::vector<Tensor> split_with_sizes(IntArrayRef split_sizes, int64_t dim = 0) const;
  std::vector<Tensor> tensor_split(int64_t sections, int64_t dim = 0) const;
  std::vector<Tensor> tensor_split(IntArrayRef indices, int64_t dim = 0) const;
  Tensor& tril_(int64_t diagonal = 0) const;
  Tensor& triu_(int64_t diagonal = 0) const;
  Tensor& resize_as_(const Tensor& other) const;

  // Indexing.
  Tensor index_put(ArrayRef<indexing::TensorIndex> indices, const Tensor& values,
                   bool accumulate = false) const;
  Tensor index_copy(int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor index_fill(int64_t dim, const Tensor& index, const Scalar& value) const;
  Tensor scatter_reduce(int64_t dim, const Tensor& index, const Tensor& source,
                        std::string_view reduce, bool include_self = true) const;
  Tensor masked_scatter(const Tensor& mask, const Tensor& source) const;
  Tensor& masked_scatter_(const Tensor& mask, const Tensor& source) const;
  Tensor take_along_dim(const Tensor& index, optional<int64_t> dim = nullopt) const;
  Tensor& fill_diagonal_(const Scalar& value, bool wrap = false) const;

  // Linear algebra.
  Tensor inner(const Tensor& other) const;
  Tensor vdot(const Tensor& other) const;
  Tensor ger(const Tensor& other) const;
  Tensor kron(const Tensor& other) const;
  Tensor matrix_power(int64_t n) const;
  Tensor cross(const Tensor& other, optional<int64_t> dim = nullopt) const;
  Tensor addmv(const Tensor& matrix, const Tensor& vector, const Scalar& beta = 1,
               const Scalar& alpha = 1) const;
  Tensor& addmv_(const Tensor& matrix, const Tensor& vector, const Scalar& beta = 1,
                 const Scalar& alpha = 1) const;
  Tensor& baddbmm_(const Tensor& a, const Tensor& b, const Scalar& beta = 1,
                   const Scalar& alpha = 1) const;

  // New tensors with this one's dtype and device unless the options say otherwise.
  Tensor new_empty(IntArrayRef size, const TensorOptions& options = {}) const;
  Tensor new_empty_strided(IntArrayRef size, IntArrayRef stride,
                           const TensorOptions& options = {}) const;
  Tensor new_zeros(IntArrayRef size, const TensorOptions& options = {}) const;
  Tensor new_ones(IntArrayRef size, const TensorOptions& options = {}) const;
  Tensor new_full(IntArrayRef size, const Scalar& value, const TensorOptions& options = {}) const;

 private:
  const Tensor& self() const;
};

}  // namespace fg
