// HeldStream: work that a test keeps from being done.
#pragma once

#include <cuda_runtime.h>
#include <doctest/doctest.h>

#include "cuda/check.h"
#include "cuda/stream.h"

#ifdef FUSEGRAD_CUDA_HOST
#include "cuda_host/emulation.h"
#else
#include <cuda.h>
#endif

/// From its making to release() the stream is busy: what is recorded on it meanwhile is not done. Until then
/// nothing may wait for the device, as cudaFree does.
class HeldStream {
 public:
  explicit HeldStream(const fg::cuda::Stream& stream) : stream_(stream) {
#ifdef FUSEGRAD_CUDA_HOST
    cuda_host::hold_stream(stream.native(), true);
#else
    // The stream itself waits for the word, neither a kernel nor a thread: several can be held at once.
    void* wait_value = nullptr;
    cudaDriverEntryPointQueryResult found;
    CUDA_CHECK(cudaGetDriverEntryPointByVersion("cuStreamWaitValue32", &wait_value, 12000,
                                                cudaEnableDefault, &found));
    REQUIRE(found == cudaDriverEntryPointSuccess);
    *is_released_ = 0;
    REQUIRE(reinterpret_cast<decltype(&cuStreamWaitValue32)>(wait_value)(
                stream.native(), reinterpret_cast<CUdeviceptr>(is_released_), 1,
                CU_STREAM_WAIT_VALUE_EQ) == CUDA_SUCCESS);
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
    *is_released_ = 1;
#endif
    stream_.synchronize();
  }

 private:
  fg::cuda::Stream stream_;
#ifndef FUSEGRAD_CUDA_HOST
  // Words of one block, never freed: to allocate or free one could wait for the device.
  static volatile uint32_t* next_word() {
    constexpr size_t kWords = 1024;
    static volatile uint32_t* const words = [] {
      void* block = nullptr;
      CUDA_CHECK(cudaHostAlloc(&block, kWords * sizeof(uint32_t),
                               cudaHostAllocPortable | cudaHostAllocMapped));
      return static_cast<uint32_t*>(block);
    }();
    static size_t used = 0;
    REQUIRE(used < kWords);
    return &words[used++];
  }
  volatile uint32_t* is_released_ = next_word();
#endif
};
