// Elementwise math that is composed of other elementwise ops. All are differentiable but the tests.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// sin(pi x) / (pi x), and 1 at 0.
Tensor sinc(const Tensor& x);
Tensor deg2rad(const Tensor& degrees);
Tensor rad2deg(const Tensor& radians);
/// x itself; not defined for Bool.
Tensor positive(const Tensor& x);
/// b - alpha * a.
Tensor rsub(const Tensor& a, const Tensor& b, const Scalar& alpha = 1);
/// log2(2^a + 2^b), computed without overflow.
Tensor logaddexp2(const Tensor& a, const Tensor& b);
/// Whether each element is +infinity, or -infinity (Bool).
Tensor isposinf(const Tensor& x);
Tensor isneginf(const Tensor& x);

}  // namespace fg
