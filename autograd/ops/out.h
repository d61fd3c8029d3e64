// `_out` forms: `add_out(out, a, b)` computes add(a, b) into `out`, which takes the result's shape. They
// are not differentiable. Those written out here are the ones that are called with braced lists; the
// others pass their arguments on.
#pragma once

#include "autograd/ops/aliases.h"
#include "autograd/ops/assemble.h"
#include "autograd/ops/distance.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/join.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/products.h"
#include "autograd/ops/quantile.h"
#include "autograd/ops/rearrange.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/scan.h"
#include "autograd/ops/scatter_reduce.h"
#include "autograd/ops/search.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/sort.h"
#include "autograd/ops/special.h"
#include "autograd/ops/statistics.h"
#include "tensor/factories.h"

namespace fg {

namespace detail {
/// Resizes `out` to the result and copies. Throws where a gradient would be lost or the result's dtype
/// does not fit.
Tensor& write_out(Tensor& out, const Tensor& result, const char* op);
}  // namespace detail

// clang-format off
#define FOR_EACH_OUT_FORM(X)                                                                       \
  X(add) X(sub) X(addcmul) X(addcdiv) X(lerp) X(clamp) X(clamp_min) X(clamp_max) X(bitwise_not)    \
  X(all) X(any) X(argmax) X(argmin) X(max) X(min) X(norm) X(logsumexp) X(softmax) X(log_softmax)   \
  X(cumsum) X(cumprod) X(logcumsumexp) X(mm) X(bmm) X(mv) X(dot) X(outer) X(ger) X(matmul)         \
  X(addmm) X(addmv) X(baddbmm) X(linear) X(cross) X(inner) X(subtract) X(gelu) X(leaky_relu)       \
  X(elu) X(softplus) X(hardtanh) X(randperm) X(arange) X(range) X(linspace) X(logspace) X(eye)     \
  X(multinomial) X(msort) X(deg2rad) X(rad2deg) X(float_power) X(nan_to_num) X(addbmm) X(addr)     \
  X(argsort) X(bernoulli) X(bincount) X(bucketize) X(clone) X(diag) X(diag_embed)                  \
  X(diagonal_scatter) X(diff) X(dist) X(gcd) X(glu) X(heaviside) X(histc) X(index_add)             \
  X(index_copy) X(index_fill) X(index_reduce) X(index_select) X(isin) X(isneginf) X(isposinf)      \
  X(kron) X(lcm) X(ldexp) X(logaddexp2) X(logit) X(masked_fill) X(masked_scatter) X(masked_select) \
  X(matrix_power) X(mvlgamma) X(nanmean) X(nanmedian) X(nanquantile) X(nansum) X(narrow_copy)      \
  X(nonzero) X(normal) X(polygamma) X(prelu) X(prod) X(put) X(quantile) X(renorm) X(rsub)          \
  X(scatter) X(scatter_add) X(scatter_reduce) X(searchsorted) X(select_scatter) X(sinc)            \
  X(slice_scatter) X(take) X(take_along_dim) X(threshold) X(trace) X(tril) X(triu) X(vdot)         \
  X(where) X(mse_loss) X(smooth_l1_loss) X(huber_loss) X(hardshrink) X(softshrink) X(celu)         \
  X(nll_loss) X(count_nonzero) X(median)
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
FOR_EACH_ACTIVATION(X)
FOR_EACH_UNARY_SECOND_NAME(X)
FOR_EACH_BINARY_SECOND_NAME(X)
#undef X

Tensor& sum_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim = nullopt,
                bool keepdim = false, optional<ScalarType> dtype = nullopt);
Tensor& mean_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim, bool keepdim = false,
                 optional<ScalarType> dtype = nullopt);
Tensor& var_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim, bool unbiased = true,
                bool keepdim = false);
Tensor& std_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim, bool unbiased = true,
                bool keepdim = false);
Tensor& amax_out(Tensor& out, const Tensor& x, IntArrayRef dim = {}, bool keepdim = false);
Tensor& amin_out(Tensor& out, const Tensor& x, IntArrayRef dim = {}, bool keepdim = false);
Tensor& cat_out(Tensor& out, TensorList tensors, int64_t dim = 0);
Tensor& hstack_out(Tensor& out, TensorList tensors);
Tensor& vstack_out(Tensor& out, TensorList tensors);
Tensor& dstack_out(Tensor& out, TensorList tensors);
Tensor& column_stack_out(Tensor& out, TensorList tensors);
Tensor& stack_out(Tensor& out, TensorList tensors, int64_t dim = 0);
Tensor& zeros_out(Tensor& out, IntArrayRef size);
Tensor& ones_out(Tensor& out, IntArrayRef size);
Tensor& full_out(Tensor& out, IntArrayRef size, const Scalar& value);
Tensor& rand_out(Tensor& out, IntArrayRef size);
Tensor& randn_out(Tensor& out, IntArrayRef size);
Tensor& randint_out(Tensor& out, int64_t high, IntArrayRef size);
Tensor& randint_out(Tensor& out, int64_t low, int64_t high, IntArrayRef size);

// Values and positions.
#define FOR_EACH_OUT_PAIR(X) \
  X(max)                     \
  X(min)                     \
  X(sort)                    \
  X(topk) X(kthvalue) X(median) X(cummax) X(cummin) X(mode) X(nanmedian) X(aminmax) X(histogram)
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
