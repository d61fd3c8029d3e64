// `_out` forms: `add_out(out, a, b)` computes add(a, b) into `out`, which takes the result's shape. They
// are not differentiable. Those written out here are the ones that are called with braced lists; the
// others pass their arguments on.
#pragma once

#include "autograd/ops/aliases.h"
#include "autograd/ops/join.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/products.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/scan.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/sort.h"
#include "autograd/ops/special.h"
#include "tensor/factories.h"

namespace fg {

namespace detail {
/// Resizes `out` to the result and copies. Throws where a gradient would be lost or the result's dtype
/// does not fit.
Tensor& write_out(Tensor& out, const Tensor& result, const char* op);
}  // namespace detail

// clang-format off
#define FOR_EACH_OUT_FORM(X)                                                                          \
  X(add) X(sub) X(addcmul) X(addcdiv) X(lerp) X(clamp) X(clamp_min) X(clamp_max) X(bitwise_not)       \
  X(all) X(any) X(argmax) X(argmin) X(max) X(min) X(norm) X(logsumexp) X(softmax) X(log_softmax)      \
  X(cumsum) X(cumprod) X(logcumsumexp) X(mm) X(bmm) X(mv) X(dot) X(outer) X(ger) X(matmul) X(addmm)   \
  X(addmv) X(baddbmm) X(linear) X(cross) X(inner) X(multiply) X(divide) X(subtract) X(gelu)           \
  X(leaky_relu) X(elu) X(softplus) X(hardtanh) X(randperm) X(arange) X(range) X(linspace) X(logspace) \
  X(eye) X(multinomial) X(msort) X(deg2rad) X(rad2deg) X(float_power) X(nan_to_num)
// clang-format on
#define X(name)                                                                     \
  template <class... Args>                                                          \
  Tensor& name##_out(Tensor& out, Args&&... args) {                                 \
    NoGradGuard no_grad;                                                            \
    return detail::write_out(out, name(std::forward<Args>(args)...), #name "_out"); \
  }
FOR_EACH_OUT_FORM(X)
#undef X
#define X(name, Functor)                                                            \
  template <class... Args>                                                          \
  Tensor& name##_out(Tensor& out, Args&&... args) {                                 \
    NoGradGuard no_grad;                                                            \
    return detail::write_out(out, name(std::forward<Args>(args)...), #name "_out"); \
  }
FOR_EACH_UNARY(X)
FOR_EACH_PREDICATE(X)
FOR_EACH_BINARY(X)
FOR_EACH_COMPARISON(X)
FOR_EACH_BITWISE(X)
#undef X

Tensor& sum_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim, bool keepdim = false,
                optional<ScalarType> dtype = nullopt);
Tensor& mean_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim, bool keepdim = false,
                 optional<ScalarType> dtype = nullopt);
Tensor& cat_out(Tensor& out, TensorList tensors, int64_t dim = 0);
Tensor& stack_out(Tensor& out, TensorList tensors, int64_t dim = 0);
Tensor& zeros_out(Tensor& out, IntArrayRef size);
Tensor& ones_out(Tensor& out, IntArrayRef size);
Tensor& full_out(Tensor& out, IntArrayRef size, const Scalar& value);
Tensor& rand_out(Tensor& out, IntArrayRef size);
Tensor& randn_out(Tensor& out, IntArrayRef size);

// Values and positions.
#define FOR_EACH_OUT_PAIR(X) X(max) X(min) X(sort) X(topk) X(kthvalue) X(median) X(cummax) X(cummin)
#define X(name)                                                               \
  template <class... Args>                                                    \
  requires(std::tuple_size_v<decltype(name(std::declval<Args>()...))> == 2)   \
      std::tuple<Tensor&, Tensor&>                                            \
          name##_out(Tensor& values, Tensor& indices, Args&&... args) {       \
    NoGradGuard no_grad;                                                      \
    const auto [new_values, new_indices] = name(std::forward<Args>(args)...); \
    return {detail::write_out(values, new_values, #name "_out"),              \
            detail::write_out(indices, new_indices, #name "_out")};           \
  }
FOR_EACH_OUT_PAIR(X)
#undef X

}  // namespace fg
