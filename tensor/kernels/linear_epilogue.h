// What linear_forward and linear_input_grad do to a product's elements where the product does not do it
// itself; host-device, in groups of 8 neighbouring columns, because 8 share a byte of Relu's mask.
#pragma once

#include "tensor/kernels/activation_ops.h"
#include "tensor/kernels/linear.h"

namespace fg {

inline constexpr int kLinearGroup = 8;

/// y = activation(y + bias) on `width` columns, computed in A; `bias` and `aux` (the group's part of
/// linear_aux) may be null.
template <class A, class T>
constexpr void linear_epilogue(T* y, const T* bias, LinearActivation activation, void* aux,
                               int width) {
  unsigned mask = 0;
  for (int i = 0; i < width; ++i) {
    const A x = A(y[i]) + (bias ? A(bias[i]) : A(0));
    switch (activation) {
      case LinearActivation::None:
        y[i] = T(x);
        break;
      case LinearActivation::Relu:
        mask |= unsigned(x > A(0)) << i;
        y[i] = T(functors::Relu{}.forward(x));
        break;
      case LinearActivation::GeluTanh:
        if (aux) static_cast<T*>(aux)[i] = T(x);
        y[i] = T(functors::GeluTanh{}.forward(x));
        break;
    }
  }
  if (activation == LinearActivation::Relu && aux) *static_cast<uint8_t*>(aux) = uint8_t(mask);
}

/// grad *= activation'(pre-activation) on `width` columns, computed in A.
template <class A, class T>
constexpr void linear_epilogue_backward(T* grad, LinearActivation activation, const void* aux,
                                        int width) {
  for (int i = 0; i < width; ++i) {
    if (activation == LinearActivation::Relu) {
      if ((*static_cast<const uint8_t*>(aux) >> i & 1) == 0) grad[i] = T(0);
    } else if (activation == LinearActivation::GeluTanh) {
      const A x = A(static_cast<const T*>(aux)[i]);
      grad[i] = T(functors::GeluTanh{}.backward(A(grad[i]), x, x));
    }
  }
}

/// Where a group's part of linear_aux begins; `aux` may be null, `ld` is its stride(0).
template <class T>
constexpr void* linear_aux_group(void* aux, LinearActivation activation, int64_t ld, int64_t row,
                                 int64_t group) {
  if (!aux) return nullptr;
  if (activation == LinearActivation::Relu) return static_cast<uint8_t*>(aux) + row * ld + group;
  return static_cast<T*>(aux) + row * ld + group * kLinearGroup;
}

}  // namespace fg
