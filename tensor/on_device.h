// ON_DEVICE: calls the launcher of the tensor's device.
#pragma once

#include "tensor/kernels/memory.h"
#include "tensor/tensor.h"

namespace fg {

inline constexpr bool kHasCuda = FUSEGRAD_CUDA_ENABLED;

/// The dtype in which the kernels of x's device take a floating x: the CPU's know Float and Double, the
/// GPU's also the 16-bit types (they compute in float).
inline ScalarType kernel_type(const Tensor& x) {
  return x.is_cuda() ? x.dtype() : compute_type(x.dtype());
}

}  // namespace fg

/// Calls fg::cpu::function or fg::cuda::function on the remaining arguments, after the device of
/// `tensor`, which is current meanwhile. In a CPU-only build the CUDA branch is discarded and needs no
/// definition.
#define ON_DEVICE(tensor, function, ...)                               \
  [&]() -> decltype(auto) {                                            \
    if constexpr (::fg::kHasCuda) {                                    \
      if ((tensor).is_cuda()) {                                        \
        const ::fg::cuda::DeviceGuard device_guard((tensor).device()); \
        return ::fg::cuda::function(__VA_ARGS__);                      \
      }                                                                \
    }                                                                  \
    return ::fg::cpu::function(__VA_ARGS__);                           \
  }()
