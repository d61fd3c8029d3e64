// The op table: one row per elementwise op. Name, the op, the interval its inputs are drawn from.
// Intervals keep away from kinks (where the numerical derivative means nothing) and poles.
#pragma once

#include <vector>

#include "autograd/ops/elementwise.h"

namespace fg::test {

struct UnaryCase {
  const char* name;
  Tensor (*op)(const Tensor&);
  Tensor& (*inplace)(const Tensor&);  // null when there is none
  double low, high;
};

inline std::vector<UnaryCase> unary_cases() {
  return {
      {"abs", abs, abs_, 0.1, 2},
      {"abs (negative)", abs, abs_, -2, -0.1},
      {"neg", neg, neg_, -2, 2},
      {"sign", sign, sign_, 0.1, 2},
      {"square", square, square_, -2, 2},
      {"reciprocal", reciprocal, reciprocal_, 0.5, 2},
      {"sqrt", sqrt, sqrt_, 0.3, 3},
      {"rsqrt", rsqrt, rsqrt_, 0.3, 3},
      {"exp", exp, exp_, -2, 2},
      {"exp2", exp2, exp2_, -2, 2},
      {"expm1", expm1, expm1_, -2, 2},
      {"log", log, log_, 0.3, 3},
      {"log2", log2, log2_, 0.3, 3},
      {"log10", log10, log10_, 0.3, 3},
      {"log1p", log1p, log1p_, -0.5, 2},
      {"sin", sin, sin_, -3, 3},
      {"cos", cos, cos_, -3, 3},
      {"tan", tan, tan_, -1, 1},
      {"asin", asin, asin_, -0.8, 0.8},
      {"acos", acos, acos_, -0.8, 0.8},
      {"atan", atan, atan_, -2, 2},
      {"sinh", sinh, sinh_, -2, 2},
      {"cosh", cosh, cosh_, -2, 2},
      {"tanh", tanh, tanh_, -2, 2},
      {"asinh", asinh, asinh_, -2, 2},
      {"acosh", acosh, acosh_, 1.3, 3},
      {"atanh", atanh, atanh_, -0.8, 0.8},
      {"erf", erf, erf_, -2, 2},
      {"erfc", erfc, erfc_, -2, 2},
      {"erfinv", erfinv, erfinv_, -0.9, 0.9},
      {"lgamma", lgamma, lgamma_, 0.3, 4},
      {"digamma", digamma, digamma_, 0.6, 4},
      {"sigmoid", sigmoid, sigmoid_, -3, 3},
      {"relu", relu, relu_, 0.1, 2},
      {"relu (negative)", relu, relu_, -2, -0.1},
      {"floor", floor, floor_, 0.1, 0.9},
      {"ceil", ceil, ceil_, 0.1, 0.9},
      {"round", round, round_, 0.6, 0.9},
      {"trunc", trunc, trunc_, 0.1, 0.9},
      {"frac", frac, frac_, 0.1, 0.9},
      {"silu", silu, silu_, -3, 3},
      {"mish", mish, mish_, -3, 3},
      {"selu", selu, selu_, 0.1, 2},
      {"selu (negative)", selu, selu_, -3, -0.1},
      {"relu6", relu6, relu6_, 0.5, 5.5},
      {"softsign", softsign, softsign_, 0.1, 2},
      {"log_sigmoid", log_sigmoid, log_sigmoid_, -3, 3},
      {"hardswish", hardswish, hardswish_, -2.5, 2.5},
      {"hardsigmoid", hardsigmoid, hardsigmoid_, -2.5, 2.5},
      {"tanhshrink", tanhshrink, tanhshrink_, -2, 2},
  };
}

/// Unary ops with parameters, at values that differ from the defaults.
struct ParametricCase {
  const char* name;
  Tensor (*op)(const Tensor&);
  double low, high;
};

inline std::vector<ParametricCase> parametric_cases() {
  using T = const Tensor&;
  return {
      {"gelu", [](T x) { return gelu(x); }, -3, 3},
      {"gelu tanh", [](T x) { return gelu(x, "tanh"); }, -3, 3},
      {"leaky_relu", [](T x) { return leaky_relu(x, 0.2); }, 0.1, 2},
      {"leaky_relu (negative)", [](T x) { return leaky_relu(x, 0.2); }, -2, -0.1},
      {"elu", [](T x) { return elu(x, 1.3, 0.7, 0.9); }, -2, -0.1},
      {"celu", [](T x) { return celu(x, 1.7); }, -2, -0.1},
      {"hardtanh", [](T x) { return hardtanh(x, -0.5, 0.7); }, -0.4, 0.6},
      {"hardtanh (outside)", [](T x) { return hardtanh(x, -0.5, 0.7); }, 0.8, 2},
      {"softplus", [](T x) { return softplus(x, 2, 3); }, -1, 1},
      {"softplus (linear)", [](T x) { return softplus(x, 2, 3); }, 1.6, 3},
      {"hardshrink", [](T x) { return hardshrink(x, 0.3); }, 0.4, 2},
      {"softshrink", [](T x) { return softshrink(x, 0.3); }, 0.4, 2},
      {"softshrink (negative)", [](T x) { return softshrink(x, 0.3); }, -2, -0.4},
      {"threshold", [](T x) { return threshold(x, 0.5, 9); }, 0.6, 2},
      {"clamp", [](T x) { return clamp(x, -0.5, 0.5); }, -0.4, 0.4},
      {"clamp (outside)", [](T x) { return clamp(x, -0.5, 0.5); }, 0.6, 2},
      {"pow 3", [](T x) { return pow(x, 3); }, -2, 2},
      {"pow 1.7", [](T x) { return pow(x, 1.7); }, 0.3, 2},
      {"pow -2", [](T x) { return pow(x, -2); }, 0.5, 2},
      {"pow 0", [](T x) { return pow(x, 0); }, -2, 2},
      {"scalar ^ x", [](T x) { return pow(Scalar(1.7), x); }, -2, 2},
      {"polygamma 2", [](T x) { return polygamma(2, x); }, 1.5, 4},
      {"logit", [](T x) { return logit(x); }, 0.2, 0.8},
      {"logit eps", [](T x) { return logit(x, 0.1); }, 0.2, 0.8},
      {"nan_to_num", [](T x) { return nan_to_num(x); }, -2, 2},
  };
}

struct BinaryCase {
  const char* name;
  Tensor (*op)(const Tensor&, const Tensor&);
  double low, high;  // of the first operand; the second is drawn from [other_low, other_high)
  double other_low, other_high;
};

inline std::vector<BinaryCase> binary_cases() {
  using T = const Tensor&;
  return {
      {"add", [](T a, T b) { return add(a, b); }, -2, 2, -2, 2},
      {"add alpha", [](T a, T b) { return add(a, b, 0.7); }, -2, 2, -2, 2},
      {"sub", [](T a, T b) { return sub(a, b); }, -2, 2, -2, 2},
      {"sub alpha", [](T a, T b) { return sub(a, b, 3); }, -2, 2, -2, 2},
      {"mul", mul, -2, 2, -2, 2},
      {"div", div, -2, 2, 0.5, 2},
      {"pow", pow, 0.5, 2, -2, 2},
      {"atan2", atan2, 0.3, 2, 0.3, 2},
      {"maximum", maximum, 0, 1, 1.1, 2},
      {"minimum", minimum, 0, 1, 1.1, 2},
      {"fmax", fmax, 0, 1, 1.1, 2},
      {"fmin", fmin, 0, 1, 1.1, 2},
      {"hypot", hypot, 0.5, 2, 0.5, 2},
      {"fmod", fmod, 1.1, 1.4, 0.8, 1},
      {"remainder", remainder, 1.1, 1.4, 0.8, 1},
      {"floor_divide", floor_divide, 1.1, 1.4, 0.8, 1},
      {"copysign", copysign, 0.2, 2, -2, -0.1},
      {"logaddexp", logaddexp, -2, 2, -2, 2},
      {"xlogy", xlogy, 0.2, 2, 0.5, 2},
  };
}

}  // namespace fg::test
