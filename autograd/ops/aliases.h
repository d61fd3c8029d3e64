// NumPy's and older names of ops that exist under another one, as PyTorch offers them. In-place forms
// are in place here, too.
#pragma once

#include "autograd/ops/elementwise.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/join.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"

namespace fg {

// The lists are in tensor/second_names.h, since these are methods, too.
#define X(alias, op)                                     \
  inline Tensor alias(const Tensor& x) { return op(x); } \
  inline Tensor& alias##_(const Tensor& x) { return op##_(x); }
FOR_EACH_UNARY_SECOND_NAME(X)
#undef X
#define X(alias, op)                                                         \
  inline Tensor alias(const Tensor& a, const Tensor& b) { return op(a, b); } \
  inline Tensor alias(const Tensor& a, const Scalar& b) { return op(a, b); }
FOR_EACH_BINARY_SECOND_NAME(X)
#undef X
inline Tensor subtract(const Tensor& a, const Tensor& b, const Scalar& alpha = 1) {
  return sub(a, b, alpha);
}
inline Tensor subtract(const Tensor& a, const Scalar& b, const Scalar& alpha = 1) {
  return sub(a, b, alpha);
}
inline Tensor divide(const Tensor& a, const Tensor& b, const RoundingMode& rounding_mode) {
  return div(a, b, rounding_mode);
}
inline Tensor divide(const Tensor& a, const Scalar& b, const RoundingMode& rounding_mode) {
  return div(a, b, rounding_mode);
}
/// The larger (smaller) of two elements.
inline Tensor max(const Tensor& a, const Tensor& b) { return maximum(a, b); }
inline Tensor min(const Tensor& a, const Tensor& b) { return minimum(a, b); }
inline Tensor clip(const Tensor& x, const optional<Scalar>& min,
                   const optional<Scalar>& max = nullopt) {
  return clamp(x, min, max);
}
inline Tensor clip(const Tensor& x, const Tensor& min, const Tensor& max = {}) {
  return clamp(x, min, max);
}
inline Tensor& clamp_(const Tensor& x, const Tensor& min, const Tensor& max = {}) {
  return x.clamp_(min, max);
}
inline Tensor frobenius_norm(const Tensor& x, IntArrayRef dim = {}, bool keepdim = false) {
  return norm(x, 2, dim, keepdim);
}
inline Tensor rsub(const Tensor& a, const Scalar& b, const Scalar& alpha) {
  return sub(wrapped_scalar(b), a, alpha);
}
inline Tensor float_power(const Scalar& x, const Tensor& exponent) {
  return pow(wrapped_scalar(x).to(kDouble), exponent.to(kDouble));
}
inline Tensor swapaxes(const Tensor& x, int64_t axis0, int64_t axis1) {
  return transpose(x, axis0, axis1);
}
inline Tensor swapdims(const Tensor& x, int64_t dim0, int64_t dim1) {
  return transpose(x, dim0, dim1);
}
inline Tensor moveaxis(const Tensor& x, int64_t source, int64_t destination) {
  return movedim(x, source, destination);
}
inline Tensor moveaxis(const Tensor& x, IntArrayRef source, IntArrayRef destination) {
  return movedim(x, source, destination);
}
inline Tensor adjoint(const Tensor& x) { return transpose(x, -2, -1); }
inline Tensor broadcast_to(const Tensor& x, IntArrayRef size) { return expand(x, size); }
inline Tensor row_stack(TensorList tensors) { return vstack(tensors); }
inline std::vector<Tensor> split_with_sizes(const Tensor& x, IntArrayRef split_sizes,
                                            int64_t dim = 0) {
  return split(x, split_sizes, dim);
}
/// nonzero, one tensor per dim.
inline std::vector<Tensor> where(const Tensor& condition) { return nonzero_numpy(condition); }
inline Tensor cross_entropy_loss(const Tensor& input, const Tensor& target,
                                 const Tensor& weight = {}, Reduction reduction = Reduction::Mean,
                                 int64_t ignore_index = -100, double label_smoothing = 0) {
  return cross_entropy(input, target, weight, reduction, ignore_index, label_smoothing);
}
inline Tensor multinomial(const Tensor& weights, int64_t num_samples, bool replacement = false,
                          optional<Generator> generator = nullopt) {
  return weights.multinomial(num_samples, replacement, generator);
}

// Methods as functions.
// clang-format off
#define FOR_EACH_INPLACE_FUNCTION(X)                                                                \
  X(addmv_) X(clamp_max_) X(clamp_min_) X(clip_) X(deg2rad_) X(detach_) X(fill_) X(gcd_) X(lcm_)    \
  X(ldexp_) X(logit_) X(nan_to_num_) X(rad2deg_) X(resize_as_) X(sinc_) X(zero_)
// clang-format on
#define X(name)                                   \
  template <class... Args>                        \
  Tensor& name(const Tensor& x, Args&&... args) { \
    return x.name(std::forward<Args>(args)...);   \
  }
FOR_EACH_INPLACE_FUNCTION(X)
#undef X
inline Tensor& round_(const Tensor& x, int64_t decimals) { return x.round_(decimals); }
inline Tensor& as_strided_(const Tensor& x, IntArrayRef size, IntArrayRef stride,
                           optional<int64_t> storage_offset = nullopt) {
  return x.as_strided_(size, stride, storage_offset);
}
inline Tensor detach(const Tensor& x) { return x.detach(); }
inline int64_t size(const Tensor& x, int64_t dim) { return x.size(dim); }
inline bool is_floating_point(const Tensor& x) { return x.is_floating_point(); }
inline bool is_complex(const Tensor& x) { return x.is_complex(); }
inline bool is_signed(const Tensor& x) { return x.is_signed(); }
inline bool is_nonzero(const Tensor& x) { return x.is_nonzero(); }
inline bool is_same_size(const Tensor& x, const Tensor& other) { return x.is_same_size(other); }
inline Tensor isreal(const Tensor& x) { return x.isreal(); }
inline Tensor float_power(const Tensor& x, const Tensor& exponent) {
  return x.float_power(exponent);
}
inline Tensor float_power(const Tensor& x, const Scalar& exponent) {
  return x.float_power(exponent);
}
inline Tensor narrow_copy(const Tensor& x, int64_t dim, int64_t start, int64_t length) {
  return x.narrow_copy(dim, start, length);
}

}  // namespace fg
