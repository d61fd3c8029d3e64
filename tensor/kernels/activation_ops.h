// The functors of activations; the conventions are those of unary_ops.h. Branches that overflow are
// fed a harmless argument instead of being selected away, so that second order sees no 0 * inf.
#pragma once

#include "tensor/kernels/normal.h"
#include "tensor/kernels/piecewise_ops.h"
#include "tensor/kernels/special_ops.h"

namespace fg::functors {

/// exp(-|x|), the one exponential from which the sigmoid family is built without overflow. Not by way of
/// abs, whose gradient at 0 is 0: second order needs the branch that sigmoid_from takes there.
template <class T>
constexpr T exp_minus_abs(const T& x) {
  return exp(choose(x >= lit<T>(0), -x, x));
}
/// 1 / (1 + exp(-x)) given e = exp(-|x|).
template <class T>
constexpr T sigmoid_from(const T& x, const T& e) {
  return choose(x >= lit<T>(0), lit<T>(1) / (e + lit<T>(1)), e / (e + lit<T>(1)));
}
/// min(x, 0), keeping NaN.
template <class T>
constexpr T negative_part(const T& x) {
  return choose(x > lit<T>(0), lit<T>(0), x);
}

struct Sigmoid : Unary<Saves::output> {
  static constexpr bool short_form = true;
  template <class T>
  constexpr T forward(const T& x) const {
    return lit<T>(1) / (exp(-x) + lit<T>(1));
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& y) const {
    return g * ((lit<T>(1) - y) * y);
  }
};
struct Silu : Unary<Saves::input> {
  static constexpr bool short_form = true;
  template <class T>
  constexpr T forward(const T& x) const {
    return x / (exp(-x) + lit<T>(1));
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    const T s = sigmoid_from(x, exp_minus_abs(x));
    return g * (s * (x * (lit<T>(1) - s) + lit<T>(1)));
  }
};
/// x * tanh(softplus(x)). With e = exp(-|x|), tanh(softplus(x)) is (1 + 2e) / (1 + 2e + 2e^2) for
/// x >= 0 and (e^2 + 2e) / (e^2 + 2e + 2) otherwise: nothing overflows, one exponential.
struct Mish : Unary<Saves::input> {
  static constexpr bool short_form = true;
  template <class T>
  constexpr T forward(const T& x) const {
    const T e = exp_minus_abs(x);
    const T numerator = choose(x >= lit<T>(0), e * lit<T>(2) + lit<T>(1), e * (e + lit<T>(2)));
    return x * (numerator / (numerator + gap(x, e)));
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    const T e = exp_minus_abs(x);
    const T numerator = choose(x >= lit<T>(0), e * lit<T>(2) + lit<T>(1), e * (e + lit<T>(2)));
    const T rest = gap(x, e);
    const T denominator = numerator + rest;
    const T t = numerator / denominator;
    // 1 - t^2 without cancellation.
    const T one_minus_t2 = rest / denominator * (t + lit<T>(1));
    return g * (t + x * (one_minus_t2 * sigmoid_from(x, e)));
  }

 private:
  template <class T>
  static constexpr T gap(const T& x, const T& e) {
    return choose(x >= lit<T>(0), e * e * lit<T>(2), e * lit<T>(0) + lit<T>(2));
  }
};
struct Softplus : Unary<Saves::input> {
  double beta = 1, threshold = 20;
  template <class T>
  constexpr T forward(const T& x) const {
    const T z = x * lit<T>(beta);
    const T soft = choose(z > lit<T>(0), z, lit<T>(0)) + log1p(exp_minus_abs(z));
    return choose(z > lit<T>(threshold), x, soft / lit<T>(beta));
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    const T z = x * lit<T>(beta);
    return choose(z > lit<T>(threshold), g, g * sigmoid_from(z, exp_minus_abs(z)));
  }
};
struct LogSigmoid : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return negative_part(x) - log1p(exp_minus_abs(x));
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * sigmoid_from(-x, exp_minus_abs(-x));
  }
};
/// x * Phi(x), the exact (erf) form.
struct Gelu : Unary<Saves::input> {
  static constexpr bool short_form = true;
  template <class T>
  constexpr T forward(const T& x) const {
    return x * normal_cdf(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    return g * (normal_cdf(x) + x * normal_pdf(x));
  }
};
/// The tanh approximation of GELU (Hendrycks and Gimpel, 2016).
struct GeluTanh : Unary<Saves::input> {
  static constexpr double kScale = 0.79788456080286535588;  // sqrt(2 / pi)
  static constexpr double kCubic = 0.044715;
  template <class T>
  constexpr T forward(const T& x) const {
    const T inner = x * (x * x * lit<T>(kCubic) + lit<T>(1)) * lit<T>(kScale);
    return x * lit<T>(0.5) * (tanh(inner) + lit<T>(1));
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    const T x2 = x * x;
    const T t = tanh(x * (x2 * lit<T>(kCubic) + lit<T>(1)) * lit<T>(kScale));
    const T inner_slope = (x2 * lit<T>(3 * kCubic) + lit<T>(1)) * lit<T>(kScale);
    return g *
           ((t + lit<T>(1)) * lit<T>(0.5) + x * lit<T>(0.5) * ((lit<T>(1) - t * t) * inner_slope));
  }
};
/// scale * x above 0, scale * alpha * (exp(input_scale * x) - 1) below: ELU, CELU and SELU.
struct Elu : Unary<Saves::input> {
  double alpha = 1, scale = 1, input_scale = 1;
  template <class T>
  constexpr T forward(const T& x) const {
    const T bent = expm1(negative_part(x) * lit<T>(input_scale)) * lit<T>(alpha * scale);
    return choose(x > lit<T>(0), x * lit<T>(scale), bent);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    const T slope =
        exp(negative_part(x) * lit<T>(input_scale)) * lit<T>(alpha * scale * input_scale);
    return choose(x > lit<T>(0), g * lit<T>(scale), g * slope);
  }
};
/// Klambauer et al. (2017).
struct Selu : Elu {
  constexpr Selu() : Elu{{}, 1.6732632423543772848, 1.0507009873554804934, 1} {}
};
struct Softsign : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return x / (abs(x) + lit<T>(1));
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    const T d = abs(x) + lit<T>(1);
    return g / (d * d);
  }
};
struct Tanhshrink : Unary<Saves::input> {
  template <class T>
  constexpr T forward(const T& x) const {
    return x - tanh(x);
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    const T t = tanh(x);
    return g * (t * t);
  }
};
/// log(x / (1 - x)), x clamped to [eps, 1 - eps] when eps >= 0.
struct Logit : Unary<Saves::input> {
  double eps = -1;
  template <class T>
  constexpr T forward(const T& x) const {
    const T z = eps < 0 ? x : Hardtanh{{}, eps, 1 - eps}.forward(x);
    return log(z / (lit<T>(1) - z));
  }
  template <class T>
  constexpr T backward(const T& g, const T& x, const T&) const {
    const T slope = g / (x * (lit<T>(1) - x));
    const double low = eps < 0 ? 0 : eps;
    return choose((x < lit<T>(low)) | (x > lit<T>(1 - low)), eps < 0 ? nan_value<T>() : lit<T>(0),
                  slope);
  }
};

}  // namespace fg::functors
