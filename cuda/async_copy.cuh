// Copies from global to shared memory that a thread starts and later waits for, without registers in between.
#pragma once

#include <cstdint>
#include <cstring>

#include <cuda_runtime.h>

namespace fg::cuda {

/// What L2 is to do with what is copied: as usual, or forget it first.
struct CopyPolicy {
  uint64_t bits = 0;
  __device__ explicit CopyPolicy([[maybe_unused]] bool streaming) {
#ifdef __CUDA_ARCH__
    if (streaming)
      asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(bits));
    else
      asm("createpolicy.fractional.L2::evict_normal.b64 %0, 1.0;" : "=l"(bits));
#endif
  }
};

/// Starts copying kBytes (4, 8 or 16, to which both places are aligned).
template <int kBytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global,
                                           [[maybe_unused]] const CopyPolicy& policy) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
#ifdef __CUDA_ARCH__
  const auto to = unsigned(__cvta_generic_to_shared(shared));
  if constexpr (kBytes == 16)  // past the L1 cache
    asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2;" ::"r"(to),
                 "l"(global), "l"(policy.bits)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global.L2::cache_hint [%0], [%1], %2, %3;" ::"r"(to),
                 "l"(global), "n"(kBytes), "l"(policy.bits)
                 : "memory");
#else
  std::memcpy(shared, global, kBytes);
#endif
}

/// Makes one group of the copies that this thread has started since the last.
__device__ __forceinline__ void close_copies() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits for this thread's groups but the last kPending. What other threads have copied needs a barrier after that.
template <int kPending>
__device__ __forceinline__ void wait_for_copies() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

}  // namespace fg::cuda
