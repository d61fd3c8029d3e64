#include "tensor/cpu/simd_math.h"
// simd_math.h must come before any loop that calls math.
#include "tensor/cpu/elementwise.h"
#include "tensor/kernels/activation_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/op_lists.h"

namespace fg::cpu {
namespace {

template <class F>
struct Forward {
  F f;
  template <class T>
  T operator()(T x) const {
    return f.forward(x);
  }
};

template <class F>
struct Backward {
  F f;
  template <class T>
  T operator()(T g, T saved) const {
    return f.backward(g, saved, saved);
  }
};

}  // namespace

template <class F>
void unary_forward(const Tensor& out, const Tensor& x, const F& f) {
  const ScalarType type = compute_type(out.dtype());
  if constexpr (F::integral) {
    if (type == kLong) return elementwise<int64_t, int64_t>(Forward<F>{f}, out, x);
  }
  dispatch_float_double(type, "unary",
                        [&]<class T>() { elementwise<T, T>(Forward<F>{f}, out, x); });
}

template <class F>
void unary_backward(const Tensor& out, const Tensor& g, const Tensor& saved, const F& f) {
  dispatch_float_double(compute_type(out.dtype()), "unary backward",
                        [&]<class T>() { elementwise<T, T, T>(Backward<F>{f}, out, g, saved); });
}

#define INSTANTIATE(Functor)                                                           \
  template void unary_forward(const Tensor&, const Tensor&, const functors::Functor&); \
  template void unary_backward(const Tensor&, const Tensor&, const Tensor&,            \
                               const functors::Functor&);
#define X(op, Functor) INSTANTIATE(Functor)
FOR_EACH_UNARY(X)
FOR_EACH_ACTIVATION(X)
#undef X
FOR_EACH_PARAMETRIC_UNARY(INSTANTIATE)
#undef INSTANTIATE

}  // namespace fg::cpu
