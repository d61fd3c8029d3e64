// Comparisons of whole tensors. None is differentiable.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// Whether both tensors have the same shape and the same elements; NaN differs from NaN. The dtypes
/// must agree.
bool equal(const Tensor& x, const Tensor& other);
/// |x - other| <= atol + rtol * |other|, element by element (Bool). Infinities are close to
/// themselves only; NaN to NaN if `equal_nan`.
Tensor isclose(const Tensor& x, const Tensor& other, double rtol = 1e-05, double atol = 1e-08,
               bool equal_nan = false);
/// Whether isclose holds for every element.
bool allclose(const Tensor& x, const Tensor& other, double rtol = 1e-05, double atol = 1e-08,
              bool equal_nan = false);

}  // namespace fg
