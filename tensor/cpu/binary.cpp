#include "tensor/cpu/simd_math.h"
// simd_math.h must come before any loop that calls math.
#include "tensor/cpu/elementwise.h"
#include "tensor/kernels/comparison_ops.h"
#include "tensor/kernels/division_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/op_lists.h"
#include "tensor/kernels/ternary_ops.h"

namespace fg::cpu {
namespace {

template <class F>
struct Call {
  F f;
  template <class... T>
  auto operator()(T... x) const {
    return f.forward(x...);
  }
};

}  // namespace

template <class F>
void binary_forward(const Tensor& out, const Tensor& a, const Tensor& b, const F& f) {
  const ScalarType type = compute_type(out.dtype());
  if constexpr (requires { F::integral; }) {
    if constexpr (F::integral)
      if (type == kLong) return elementwise<int64_t, int64_t, int64_t>(Call<F>{f}, out, a, b);
    dispatch_float_double(type, "binary",
                          [&]<class T>() { elementwise<T, T, T>(Call<F>{f}, out, a, b); });
  } else {
    elementwise<int64_t, int64_t, int64_t>(Call<F>{f}, out, a, b);
  }
}

template <class F>
void compare(const Tensor& out, const Tensor& a, const Tensor& b, ScalarType common) {
  if constexpr (std::is_base_of_v<functors::OfTruth, F>)
    return elementwise<bool, bool, bool>(Call<F>{}, out, a, b);
  else
    dispatch_compute(compute_type(common), "comparison",
                     [&]<class T>() { elementwise<bool, T, T>(Call<F>{}, out, a, b); });
}

template <class F>
void predicate(const Tensor& out, const Tensor& x) {
  // As bytes, because the compiler does not vectorise a negation of bools.
  if constexpr (std::is_same_v<F, functors::LogicalNot>)
    if (x.dtype() == kBool) return elementwise<bool, uint8_t>(Call<F>{}, out, x);
  dispatch_compute(compute_type(x.dtype()), "predicate",
                   [&]<class T>() { elementwise<bool, T>(Call<F>{}, out, x); });
}

void where(const Tensor& out, const Tensor& condition, const Tensor& a, const Tensor& b) {
  dispatch_compute(compute_type(out.dtype()), "where", [&]<class T>() {
    elementwise<T, bool, T, T>([](bool c, T x, T y) { return c ? x : y; }, out, condition, a, b);
  });
}

void addcmul(const Tensor& out, const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  dispatch_compute(compute_type(out.dtype()), "addcmul", [&]<class T>() {
    elementwise<T, T, T, T>(Call<functors::Addcmul>{{value}}, out, x, a, b);
  });
}

void addcdiv(const Tensor& out, const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  dispatch_float_double(compute_type(out.dtype()), "addcdiv", [&]<class T>() {
    elementwise<T, T, T, T>(Call<functors::Addcdiv>{{value}}, out, x, a, b);
  });
}

void lerp(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& weight) {
  dispatch_float_double(compute_type(out.dtype()), "lerp", [&]<class T>() {
    elementwise<T, T, T, T>(Call<functors::Lerp>{}, out, a, b, weight);
  });
}

void fill(const Tensor& out, const Scalar& value) {
  dispatch_compute(compute_type(out.dtype()), "fill",
                   [&]<class T>() { elementwise<T>([v = value.to<T>()] { return v; }, out); });
}

template void binary_forward(const Tensor&, const Tensor&, const Tensor&, const functors::Add&);
#define X(op, Functor)                                                      \
  template void binary_forward(const Tensor&, const Tensor&, const Tensor&, \
                               const functors::Functor&);
FOR_EACH_BINARY(X)
FOR_EACH_BITWISE(X)
#undef X
#define X(op, Functor) \
  template void compare<functors::Functor>(const Tensor&, const Tensor&, const Tensor&, ScalarType);
FOR_EACH_COMPARISON(X)
#undef X
#define X(op, Functor) template void predicate<functors::Functor>(const Tensor&, const Tensor&);
FOR_EACH_PREDICATE(X)
#undef X

}  // namespace fg::cpu
