// Copies from global to shared memory that a thread starts and later waits for, without registers in between.
#pragma once

#include <cstring>

#include <cuda_runtime.h>

namespace fg::cuda {

/// Starts copying kBytes (4, 8 or 16, to which both places are aligned).
template <int kBytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
#ifdef __CUDA_ARCH__
  const auto to = unsigned(__cvta_generic_to_shared(shared));
  if constexpr (kBytes == 16)  // past the L1 cache
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(to), "l"(global), "n"(kBytes)
                 : "memory");
#else
  std::memcpy(shared, global, kBytes);
#endif
}

/// Waits for the copies that this thread has started. What other threads have copied needs a barrier after that.
__device__ __forceinline__ void wait_for_copies() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

}  // namespace fg::cuda
