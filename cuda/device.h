// GPUs: how many there are, which one is current, what they can do, and why there is none.
//
// cuda/ holds the CUDA backend: devices, streams, events, the caching allocator and pinned memory, and in
// cuda/kernels/ the kernels, one file per family of ops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tensor/kernels/memory.h"
#include "tensor/on_device.h"

namespace fg::cuda {

/// Devices beyond these are not used.
inline constexpr int kMaxDevices = 32;

namespace detail {
int count_devices() noexcept;
std::string why_no_device();
}  // namespace detail

/// Number of GPUs that can be used; 0 in a CPU-only build. Never throws. Asks the driver once.
inline int device_count() noexcept {
  if constexpr (kHasCuda)
    return detail::count_devices();
  else
    return 0;
}

/// Whether there is a GPU to use; false in a CPU-only build.
inline bool is_available() noexcept { return device_count() > 0; }

/// Why no GPU can be used: the driver's answer with the versions, as in "no CUDA-capable device is detected
/// (cudaErrorNoDevice), driver 0, runtime 13.0". Empty when one can be.
inline std::string driver_answer() {
  if constexpr (kHasCuda)
    return detail::why_no_device();
  else
    return "this build has no CUDA backend";
}

// The functions below throw fg::Error with driver_answer() when no GPU can be used, and for an index that
// is not below device_count(). Where an index may be left out, -1 means the current device.

/// Makes `device` current for the calling thread.
void set_device(DeviceIndex device);
/// Waits until all work queued on the device, on any stream, is done.
void synchronize(DeviceIndex device = -1);
/// The index that -1 stands for, checked.
DeviceIndex resolve_index(DeviceIndex device);

/// What one device is. The answers come from the driver once per device.
struct DeviceProperties {
  std::string name;
  /// Compute capability, such as 9.0.
  int major = 0;
  int minor = 0;
  int multiprocessors = 0;
  int max_threads_per_multiprocessor = 0;
  int64_t total_bytes = 0;
  int64_t l2_bytes = 0;
  /// Dynamic shared memory that one block can have when it asks for more than the default 48 KiB.
  int64_t max_shared_bytes_per_block = 0;
};

const DeviceProperties& device_properties(DeviceIndex device = -1);

}  // namespace fg::cuda
