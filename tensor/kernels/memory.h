// Memory of CUDA tensors: what storage asks of the CUDA backend, which defines it (cuda/allocator.cpp,
// cuda/device.cpp). A CPU-only build discards the calls.
#pragma once

#include "tensor/device.h"

namespace fg::cuda {

/// The calling thread's current device. Throws fg::Error when no GPU can be used.
DeviceIndex current_device();
/// Throws fg::Error unless `device` is the index of a GPU that can be used.
void check_index(DeviceIndex device);

/// Makes a device current for its lifetime and the previous one afterwards. -1 changes nothing.
class DeviceGuard {
 public:
  explicit DeviceGuard(DeviceIndex device);
  explicit DeviceGuard(Device device) : DeviceGuard(device.is_cuda() ? device.index() : -1) {}
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  DeviceIndex previous_ = -1;
};

/// `num_bytes` of uninitialised memory, 512-byte aligned, for use on the device's current stream; null for
/// 0. Throws fg::OutOfMemoryError, after which the program can go on.
void* allocate(int64_t num_bytes, DeviceIndex device);
/// Gives back what allocate returned: work queued on the stream that it was allocated for may still use
/// it, other streams' only after record_stream (cuda/allocator.h).
void free(void* data, DeviceIndex device) noexcept;
/// Copies within one device, in the order of its current stream; `source` may be freed at once.
void copy_bytes(void* target, const void* source, int64_t num_bytes, DeviceIndex device);

/// `num_bytes` of uninitialised pinned memory, usable from every device; null for 0. Rounded up to a power
/// of two. Throws fg::Error when no GPU can be used, fg::OutOfMemoryError when there is no memory.
void* allocate_pinned(int64_t num_bytes);
/// Gives back what allocate_pinned returned. It is not reused before the work recorded by
/// record_pinned_stream is done. Never throws, never waits.
void free_pinned(void* data) noexcept;
/// Whether `data` points into pinned memory, from here or from elsewhere. False where no GPU can be used.
bool is_pinned(const void* data);

}  // namespace fg::cuda
