// The ops that are methods of Tensor. Each is the free function of the same name (autograd/ops/*.h
// holds the documentation); a trailing underscore means in place.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "fusegrad/version.h"
#include "tensor/generator.h"
#include "tensor/indexing.h"
#include "tensor/kernels/op_lists.h"
#include "tensor/options.h"
#include "tensor/scalar.h"
#include "tensor/second_names.h"

namespace fg {

using TensorList = ArrayRef<Tensor>;

class TensorMethods : public SecondNames {
 public:
  // Elementwise, from the lists.
#define X(op, Functor) \
  Tensor op() const;   \
  Tensor& op##_() const;
  FOR_EACH_UNARY(X)
#undef X
#define X(op, Functor) Tensor op() const;
  FOR_EACH_PREDICATE(X)
#undef X
#define X(op, Functor)                      \
  Tensor op(const Tensor& other) const;     \
  Tensor op(const Scalar& other) const;     \
  Tensor& op##_(const Tensor& other) const; \
  Tensor& op##_(const Scalar& other) const;
  FOR_EACH_BINARY(X)
  FOR_EACH_COMPARISON(X)
  FOR_EACH_BITWISE(X)
#undef X
  Tensor add(const Tensor& other, const Scalar& alpha = 1) const;
  Tensor add(const Scalar& other, const Scalar& alpha = 1) const;
  Tensor& add_(const Tensor& other, const Scalar& alpha = 1) const;
  Tensor& add_(const Scalar& other, const Scalar& alpha = 1) const;
  Tensor sub(const Tensor& other, const Scalar& alpha = 1) const;
  Tensor sub(const Scalar& other, const Scalar& alpha = 1) const;
  Tensor& sub_(const Tensor& other, const Scalar& alpha = 1) const;
  Tensor& sub_(const Scalar& other, const Scalar& alpha = 1) const;
  using SecondNames::argsort, SecondNames::bernoulli, SecondNames::clamp, SecondNames::clamp_,
      SecondNames::clamp_max, SecondNames::clamp_max_, SecondNames::clamp_min,
      SecondNames::clamp_min_, SecondNames::div, SecondNames::div_, SecondNames::index_fill_,
      SecondNames::lerp_, SecondNames::median, SecondNames::narrow, SecondNames::norm,
      SecondNames::repeat_interleave, SecondNames::round, SecondNames::round_, SecondNames::scatter,
      SecondNames::scatter_, SecondNames::sort, SecondNames::squeeze_, SecondNames::std,
      SecondNames::var, SecondNames::view;
  Tensor addcmul(const Tensor& a, const Tensor& b, const Scalar& value = 1) const;
  Tensor& addcmul_(const Tensor& a, const Tensor& b, const Scalar& value = 1) const;
  Tensor addcdiv(const Tensor& a, const Tensor& b, const Scalar& value = 1) const;
  Tensor& addcdiv_(const Tensor& a, const Tensor& b, const Scalar& value = 1) const;
  Tensor lerp(const Tensor& end, const Scalar& weight) const;
  Tensor lerp(const Tensor& end, const Tensor& weight) const;
  Tensor& lerp_(const Tensor& end, const Scalar& weight) const;
  Tensor bitwise_not() const;
  Tensor clamp(const optional<Scalar>& min, const optional<Scalar>& max = nullopt) const;
  Tensor& clamp_(const optional<Scalar>& min, const optional<Scalar>& max = nullopt) const;
  Tensor clamp_min(const Scalar& min) const;
  Tensor clamp_max(const Scalar& max) const;
  Tensor& clamp_min_(const Scalar& min) const;
  Tensor& clamp_max_(const Scalar& max) const;
  Tensor where(const Tensor& condition, const Tensor& other) const;
  Tensor masked_fill(const Tensor& mask, const Scalar& value) const;
  Tensor masked_fill(const Tensor& mask, const Tensor& value) const;
  Tensor& masked_fill_(const Tensor& mask, const Scalar& value) const;
  Tensor& masked_fill_(const Tensor& mask, const Tensor& value) const;

  // Reductions.
  Tensor sum(optional<ScalarType> dtype = nullopt) const;
  Tensor sum(OptionalIntArrayRef dim, bool keepdim = false,
             optional<ScalarType> dtype = nullopt) const;
  Tensor mean(optional<ScalarType> dtype = nullopt) const;
  Tensor mean(OptionalIntArrayRef dim, bool keepdim = false,
              optional<ScalarType> dtype = nullopt) const;
  Tensor prod(optional<ScalarType> dtype = nullopt) const;
  Tensor prod(int64_t dim, bool keepdim = false, optional<ScalarType> dtype = nullopt) const;
  Tensor var(bool unbiased = true) const;
  Tensor var(int dim) const;
  Tensor var(int64_t dim) const;
  Tensor var(OptionalIntArrayRef dim, bool unbiased = true, bool keepdim = false) const;
  Tensor std(bool unbiased = true) const;
  Tensor std(int dim) const;
  Tensor std(int64_t dim) const;
  Tensor std(OptionalIntArrayRef dim, bool unbiased = true, bool keepdim = false) const;
  Tensor max() const;
  Tensor min() const;
  std::tuple<Tensor, Tensor> max(int64_t dim, bool keepdim = false) const;
  std::tuple<Tensor, Tensor> min(int64_t dim, bool keepdim = false) const;
  Tensor max(const Tensor& other) const;
  Tensor min(const Tensor& other) const;
  Tensor amax(IntArrayRef dim = {}, bool keepdim = false) const;
  Tensor amin(IntArrayRef dim = {}, bool keepdim = false) const;
  Tensor argmax(optional<int64_t> dim = nullopt, bool keepdim = false) const;
  Tensor argmin(optional<int64_t> dim = nullopt, bool keepdim = false) const;
  Tensor any() const;
  Tensor any(int64_t dim, bool keepdim = false) const;
  Tensor all() const;
  Tensor all(int64_t dim, bool keepdim = false) const;
  Tensor count_nonzero(OptionalIntArrayRef dim = nullopt) const;
  Tensor norm(const Scalar& p = 2) const;
  Tensor norm(const optional<Scalar>& p, IntArrayRef dim, bool keepdim = false) const;
  Tensor logsumexp(IntArrayRef dim, bool keepdim = false) const;
  Tensor softmax(int64_t dim, optional<ScalarType> dtype = nullopt) const;
  Tensor log_softmax(int64_t dim, optional<ScalarType> dtype = nullopt) const;
  Tensor median() const;
  Tensor cumsum(int64_t dim, optional<ScalarType> dtype = nullopt) const;
  Tensor cumprod(int64_t dim, optional<ScalarType> dtype = nullopt) const;
  Tensor logcumsumexp(int64_t dim) const;

  // Views and shape.
  Tensor view(IntArrayRef size) const;
  Tensor view_as(const Tensor& other) const;
  Tensor reshape(IntArrayRef shape) const;
  Tensor reshape_as(const Tensor& other) const;
  Tensor flatten(int64_t start_dim = 0, int64_t end_dim = -1) const;
  Tensor unflatten(int64_t dim, IntArrayRef sizes) const;
  Tensor ravel() const;
  Tensor transpose(int64_t dim0, int64_t dim1) const;
  Tensor& transpose_(int64_t dim0, int64_t dim1) const;
  Tensor swapaxes(int64_t dim0, int64_t dim1) const;
  Tensor t() const;
  Tensor mT() const;
  Tensor permute(IntArrayRef dims) const;
  Tensor movedim(int64_t source, int64_t destination) const;
  Tensor movedim(IntArrayRef source, IntArrayRef destination) const;
  Tensor expand(IntArrayRef size) const;
  Tensor expand_as(const Tensor& other) const;
  Tensor select(int64_t dim, int64_t index) const;
  Tensor slice(int64_t dim = 0, optional<int64_t> start = nullopt, optional<int64_t> end = nullopt,
               int64_t step = 1) const;
  Tensor narrow(int64_t dim, int64_t start, int64_t length) const;
  Tensor squeeze() const;
  Tensor squeeze(int64_t dim) const;
  Tensor unsqueeze(int64_t dim) const;
  Tensor& squeeze_(int64_t dim) const;
  Tensor& unsqueeze_(int64_t dim) const;
  Tensor diagonal(int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) const;
  Tensor unfold(int64_t dim, int64_t size, int64_t step) const;
  Tensor as_strided(IntArrayRef size, IntArrayRef stride,
                    optional<int64_t> storage_offset = nullopt) const;
  Tensor alias() const;
  std::vector<Tensor> unbind(int64_t dim = 0) const;
  std::vector<Tensor> split(int64_t split_size, int64_t dim = 0) const;
  std::vector<Tensor> split(IntArrayRef split_sizes, int64_t dim = 0) const;
  std::vector<Tensor> chunk(int64_t chunks, int64_t dim = 0) const;
  Tensor repeat(IntArrayRef repeats) const;
  Tensor tile(IntArrayRef repeats) const;
  Tensor repeat_interleave(int64_t repeats, optional<int64_t> dim = nullopt) const;
  Tensor flip(IntArrayRef dims) const;
  Tensor roll(IntArrayRef shifts, IntArrayRef dims = {}) const;
  Tensor tril(int64_t diagonal = 0) const;
  Tensor triu(int64_t diagonal = 0) const;
  Tensor diag(int64_t diagonal = 0) const;

  // Copies and conversions.
  Tensor clone(optional<MemoryFormat> format = nullopt) const;
  Tensor contiguous(MemoryFormat format = MemoryFormat::Contiguous) const;
  Tensor to(const TensorOptions& options, bool non_blocking = false, bool copy = false,
            optional<MemoryFormat> format = nullopt) const;
  Tensor to(ScalarType dtype, bool non_blocking = false, bool copy = false,
            optional<MemoryFormat> format = nullopt) const;
  Tensor to(Device device, ScalarType dtype, bool non_blocking = false, bool copy = false,
            optional<MemoryFormat> format = nullopt) const;
  Tensor to(const Tensor& other, bool non_blocking = false, bool copy = false,
            optional<MemoryFormat> format = nullopt) const;
  Tensor type_as(const Tensor& other) const;
  Tensor toType(ScalarType dtype) const;
  Tensor cpu() const;
  Tensor cuda() const;
  /// A copy in page-locked CPU memory, which the GPU copies to and from by itself; this tensor if it is there
  /// already. Throws when no GPU can be used.
  Tensor pin_memory() const;
  bool is_pinned() const;
  Tensor& copy_(const Tensor& source, bool non_blocking = false) const;
  Tensor& fill_(const Scalar& value) const;
  Tensor& fill_(const Tensor& value) const;
  Tensor& zero_() const;

  // Indexing.
  Tensor index(ArrayRef<indexing::TensorIndex> indices) const;
  Tensor& index_put_(ArrayRef<indexing::TensorIndex> indices, const Tensor& values,
                     bool accumulate = false) const;
  Tensor& index_put_(ArrayRef<indexing::TensorIndex> indices, const Scalar& value) const;
  Tensor gather(int64_t dim, const Tensor& index) const;
  Tensor scatter(int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor scatter(int64_t dim, const Tensor& index, const Scalar& value) const;
  Tensor& scatter_(int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor& scatter_(int64_t dim, const Tensor& index, const Scalar& value) const;
  Tensor scatter_add(int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor& scatter_add_(int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor index_select(int64_t dim, const Tensor& index) const;
  Tensor index_add(int64_t dim, const Tensor& index, const Tensor& source,
                   const Scalar& alpha = 1) const;
  Tensor& index_add_(int64_t dim, const Tensor& index, const Tensor& source,
                     const Scalar& alpha = 1) const;
  Tensor& index_fill_(int64_t dim, const Tensor& index, const Scalar& value) const;
  Tensor& index_copy_(int64_t dim, const Tensor& index, const Tensor& source) const;
  Tensor masked_select(const Tensor& mask) const;
  Tensor take(const Tensor& index) const;
  Tensor nonzero() const;
  std::tuple<Tensor, Tensor> sort(int64_t dim = -1, bool descending = false) const;
  Tensor argsort(int64_t dim = -1, bool descending = false) const;
  std::tuple<Tensor, Tensor> topk(int64_t k, int64_t dim = -1, bool largest = true,
                                  bool sorted = true) const;

  // Linear algebra.
  Tensor matmul(const Tensor& other) const;
  Tensor mm(const Tensor& other) const;
  Tensor bmm(const Tensor& other) const;
  Tensor mv(const Tensor& vector) const;
  Tensor dot(const Tensor& other) const;
  Tensor outer(const Tensor& other) const;
  Tensor addmm(const Tensor& a, const Tensor& b, const Scalar& beta = 1,
               const Scalar& alpha = 1) const;
  Tensor& addmm_(const Tensor& a, const Tensor& b, const Scalar& beta = 1,
                 const Scalar& alpha = 1) const;
  Tensor baddbmm(const Tensor& a, const Tensor& b, const Scalar& beta = 1,
                 const Scalar& alpha = 1) const;

  // Random fills, from the device's default generator unless one is given.
  Tensor& uniform_(double from = 0, double to = 1, optional<Generator> generator = nullopt) const;
  Tensor& normal_(double mean = 0, double std = 1, optional<Generator> generator = nullopt) const;
  Tensor& random_(optional<Generator> generator = nullopt) const;
  Tensor& random_(int64_t to, optional<Generator> generator = nullopt) const;
  Tensor& random_(int64_t from, optional<int64_t> to,
                  optional<Generator> generator = nullopt) const;
  Tensor& bernoulli_(double p = 0.5, optional<Generator> generator = nullopt) const;
  Tensor& bernoulli_(const Tensor& p, optional<Generator> generator = nullopt) const;
  Tensor bernoulli(optional<Generator> generator = nullopt) const;
  Tensor& exponential_(double lambda = 1, optional<Generator> generator = nullopt) const;
  Tensor multinomial(int64_t num_samples, bool replacement = false,
                     optional<Generator> generator = nullopt) const;

  // Whether shapes and elements are the same.
  bool equal(const Tensor& other) const;

 private:
  const Tensor& self() const;
};

}  // namespace fg
