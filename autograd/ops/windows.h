// Window functions of signal processing: [window_length] values, in the default dtype unless options
// say otherwise. `periodic` (the default) gives the first window_length of window_length + 1 symmetric
// values, for use with Fourier transforms.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// 1 - |2 i / (length - 1) - 1|
Tensor bartlett_window(int64_t window_length, bool periodic = true,
                       const TensorOptions& options = {});
/// alpha - beta cos(2 pi i / (length - 1))
Tensor hamming_window(int64_t window_length, bool periodic = true, double alpha = 0.54,
                      double beta = 0.46, const TensorOptions& options = {});
/// 0.5 - 0.5 cos(2 pi i / (length - 1))
Tensor hann_window(int64_t window_length, bool periodic = true, const TensorOptions& options = {});
/// 0.42 - 0.5 cos(2 pi i / (length - 1)) + 0.08 cos(4 pi i / (length - 1))
Tensor blackman_window(int64_t window_length, bool periodic = true,
                       const TensorOptions& options = {});

// libtorch's overloads without `periodic`.
#define X(window)                                                             \
  inline Tensor window(int64_t window_length, const TensorOptions& options) { \
    return window(window_length, true, options);                              \
  }
X(bartlett_window)
X(hann_window)
X(blackman_window)
#undef X
inline Tensor hamming_window(int64_t window_length, const TensorOptions& options) {
  return hamming_window(window_length, true, 0.54, 0.46, options);
}
inline Tensor hamming_window(int64_t window_length, bool periodic, const TensorOptions& options) {
  return hamming_window(window_length, periodic, 0.54, 0.46, options);
}

}  // namespace fg
