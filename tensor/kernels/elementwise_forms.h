// What the elementwise launchers do besides running: choosing the compute type. Written once over a
// device's driver, whose run<R, A...>(f, out, in...) computes out = f(in...) with values of types A...
#pragma once

#include "tensor/kernels/comparison_ops.h"
#include "tensor/kernels/short_float.h"
#include "tensor/kernels/ternary_ops.h"
#include "tensor/kernels/unary_ops.h"
#include "tensor/tensor.h"

namespace fg::forms {

template <class F>
struct Call {
  static constexpr bool short_form = functors::has_short_form<F>;
  F f;
  template <class... T>
  constexpr auto operator()(T... x) const {
    return f.forward(x...);
  }
};

template <class F>
struct CallBackward {
  static constexpr bool short_form = functors::has_short_form<F>;
  F f;
  template <class T>
  constexpr T operator()(T g, T saved) const {
    return f.backward(g, saved, saved);
  }
};

struct Select {
  template <class T>
  constexpr T operator()(bool condition, T a, T b) const {
    return condition ? a : b;
  }
};

struct Identity {
  template <class T>
  constexpr T operator()(T x) const {
    return x;
  }
};

template <class T>
struct Constant {
  T value;
  constexpr T operator()() const { return value; }
};

template <class Driver, class F>
void unary_forward(const Tensor& out, const Tensor& x, const F& f) {
  const ScalarType type = compute_type(out.dtype());
  if constexpr (F::integral) {
    if (type == kLong) return Driver::template run<int64_t, int64_t>(Call<F>{f}, out, x);
  }
  dispatch_float_double(type, "unary",
                        [&]<class T>() { Driver::template run<T, T>(Call<F>{f}, out, x); });
}

template <class Driver, class F>
void unary_backward(const Tensor& out, const Tensor& g, const Tensor& saved, const F& f) {
  dispatch_float_double(compute_type(out.dtype()), "unary backward", [&]<class T>() {
    Driver::template run<T, T, T>(CallBackward<F>{f}, out, g, saved);
  });
}

template <class Driver, class F>
void binary_forward(const Tensor& out, const Tensor& a, const Tensor& b, const F& f) {
  const ScalarType type = compute_type(out.dtype());
  if constexpr (requires { F::integral; }) {
    if constexpr (F::integral)
      if (type == kLong)
        return Driver::template run<int64_t, int64_t, int64_t>(Call<F>{f}, out, a, b);
    dispatch_float_double(type, "binary",
                          [&]<class T>() { Driver::template run<T, T, T>(Call<F>{f}, out, a, b); });
  } else {
    Driver::template run<int64_t, int64_t, int64_t>(Call<F>{f}, out, a, b);
  }
}

template <class Driver, class F>
void compare(const Tensor& out, const Tensor& a, const Tensor& b, ScalarType common) {
  if constexpr (std::is_base_of_v<functors::OfTruth, F>)
    return Driver::template run<bool, bool, bool>(Call<F>{}, out, a, b);
  else
    dispatch_compute(compute_type(common), "comparison",
                     [&]<class T>() { Driver::template run<bool, T, T>(Call<F>{}, out, a, b); });
}

template <class Driver, class F>
void predicate(const Tensor& out, const Tensor& x) {
  // As bytes, because the compiler does not vectorise a negation of bools.
  if constexpr (std::is_same_v<F, functors::LogicalNot>)
    if (x.dtype() == kBool) return Driver::template run<bool, uint8_t>(Call<F>{}, out, x);
  dispatch_compute(compute_type(x.dtype()), "predicate",
                   [&]<class T>() { Driver::template run<bool, T>(Call<F>{}, out, x); });
}

template <class Driver>
void where(const Tensor& out, const Tensor& condition, const Tensor& a, const Tensor& b) {
  dispatch_compute(compute_type(out.dtype()), "where", [&]<class T>() {
    Driver::template run<T, bool, T, T>(Select{}, out, condition, a, b);
  });
}

template <class Driver>
void addcmul(const Tensor& out, const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  dispatch_compute(compute_type(out.dtype()), "addcmul", [&]<class T>() {
    Driver::template run<T, T, T, T>(Call<functors::Addcmul>{{value}}, out, x, a, b);
  });
}

template <class Driver>
void addcdiv(const Tensor& out, const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  dispatch_float_double(compute_type(out.dtype()), "addcdiv", [&]<class T>() {
    Driver::template run<T, T, T, T>(Call<functors::Addcdiv>{{value}}, out, x, a, b);
  });
}

template <class Driver>
void lerp(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& weight) {
  dispatch_float_double(compute_type(out.dtype()), "lerp", [&]<class T>() {
    Driver::template run<T, T, T, T>(Call<functors::Lerp>{}, out, a, b, weight);
  });
}

/// The driver converts as it reads the source.
template <class Driver>
void copy(const Tensor& out, const Tensor& source) {
  dispatch_all(out.dtype(), "copy",
               [&]<class T>() { Driver::template run<T, T>(Identity{}, out, source); });
}

template <class Driver>
void fill(const Tensor& out, const Scalar& value) {
  dispatch_compute(compute_type(out.dtype()), "fill",
                   [&]<class T>() { Driver::template run<T>(Constant<T>{value.to<T>()}, out); });
}

}  // namespace fg::forms
