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

namespace detail {

/// Throws unless a launcher's argument is on `device`: a pointer of another device would be fatal to a kernel.
/// CPU tensors without dims are let pass: they travel by value.
inline void check_device(const char* launcher, Device device, const Tensor& t) {
  if (!t.defined() || t.device() == device || (t.is_cpu() && t.dim() == 0)) return;
  fail(str(launcher, ": all tensors must be on one device, got ", device, " and ", t.device()));
}
inline void check_device(const char* launcher, Device device, TensorList tensors) {
  for (const Tensor& t : tensors) check_device(launcher, device, t);
}
inline void check_device(const char* launcher, Device device, const std::vector<Tensor>& tensors) {
  check_device(launcher, device, TensorList(tensors));
}
/// Numbers, geometries and the like; what holds tensors has an overload beside its definition.
template <class T>
void check_device(const char*, Device, const T&) {}

template <class Launcher, class... Arguments>
decltype(auto) run_on(const char* name, Device device, const Launcher& launcher,
                      Arguments&&... arguments) {
  (check_device(name, device, arguments), ...);
  return launcher(std::forward<Arguments>(arguments)...);
}

}  // namespace detail
}  // namespace fg

/// Calls fg::cpu::function or fg::cuda::function on the remaining arguments, after the device of
/// `tensor`, which is current meanwhile; throws when one of them is on another device. In a CPU-only build the
/// CUDA branch is discarded and needs no definition.
#define ON_DEVICE(tensor, function, ...)                                                         \
  [&]() -> decltype(auto) {                                                                      \
    if constexpr (::fg::kHasCuda) {                                                              \
      const ::fg::Device device = (tensor).device();                                             \
      const ::fg::cuda::DeviceGuard device_guard(device);                                        \
      const auto on_gpu = [](auto&&... arguments) -> decltype(auto) {                            \
        return ::fg::cuda::function(std::forward<decltype(arguments)>(arguments)...);            \
      };                                                                                         \
      const auto on_cpu = [](auto&&... arguments) -> decltype(auto) {                            \
        return ::fg::cpu::function(std::forward<decltype(arguments)>(arguments)...);             \
      };                                                                                         \
      if (device.is_cuda()) return ::fg::detail::run_on(#function, device, on_gpu, __VA_ARGS__); \
      return ::fg::detail::run_on(#function, device, on_cpu, __VA_ARGS__);                       \
    }                                                                                            \
    return ::fg::cpu::function(__VA_ARGS__);                                                     \
  }()
