// Dynamic shared memory: one untyped array per kernel launch.
#pragma once

#include <cuda_runtime.h>

namespace fg::cuda {

/// The block's dynamic shared memory, 16-byte aligned, seen as elements of T.
template <class T>
__device__ __forceinline__ T* dynamic_shared() {
#ifdef FUSEGRAD_CUDA_HOST
  return reinterpret_cast<T*>(fusegrad_emulated_dynamic_shared());
#else
  extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[];
  return reinterpret_cast<T*>(dynamic_shared_bytes);
#endif
}

}  // namespace fg::cuda
