// HeldStream: work that a test keeps from being done.
#pragma once

#include <cuda_runtime.h>

#include "cuda/check.h"
#include "cuda/stream.h"

#ifdef FUSEGRAD_CUDA_HOST
#include "cuda_host/emulation.h"
#else
#include <atomic>
#include <thread>
#endif

/// From its making to release() the stream is busy: what is recorded on it meanwhile is not done. Until then
/// nothing may wait for the device, as cudaFree does.
class HeldStream {
 public:
  explicit HeldStream(const fg::cuda::Stream& stream) : stream_(stream) {
#ifdef FUSEGRAD_CUDA_HOST
    cuda_host::hold_stream(stream.native(), true);
#else
    const fg::cuda::DeviceGuard guard(stream.device_index());
    CUDA_CHECK(cudaLaunchHostFunc(
        stream.native(),
        [](void* is_released) {
          while (!*static_cast<std::atomic<bool>*>(is_released)) std::this_thread::yield();
        },
        &is_released_));
#endif
  }
  ~HeldStream() { release(); }
  HeldStream(const HeldStream&) = delete;
  HeldStream& operator=(const HeldStream&) = delete;

  /// Lets the stream go on and waits until its work is done.
  void release() {
#ifdef FUSEGRAD_CUDA_HOST
    cuda_host::hold_stream(stream_.native(), false);
#else
    is_released_ = true;
#endif
    stream_.synchronize();
  }

 private:
  fg::cuda::Stream stream_;
#ifndef FUSEGRAD_CUDA_HOST
  std::atomic<bool> is_released_{false};
#endif
};
