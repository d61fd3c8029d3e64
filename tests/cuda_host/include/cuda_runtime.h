// Host emulation of CUDA: what nvcc includes before every source. See cuda_host/emulation.h.
#pragma once
#define __CUDA_RUNTIME_H__

#ifndef FUSEGRAD_CUDA_HOST
#error "This is the host emulation of CUDA, a test aid; configure with FUSEGRAD_CUDA=HOST to use it"
#endif

#include <memory>
#include <tuple>
#include <utility>

#include "cuda_host/atomics.h"
#include "cuda_host/intrinsics.h"
#include "cuda_host/warp.h"
#include "cuda_runtime_api.h"

/// Runs `kernel` to its end; throws cuda_host::Error where a GPU would hang.
template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments));
  using Kernel = void (*)(Parameters...);
  using Tuple = std::tuple<std::remove_cvref_t<Parameters>...>;
  static_assert((std::is_trivially_copyable_v<std::remove_cvref_t<Parameters>> && ...),
                "the parameters of a kernel are copied byte by byte");
  // Shared, because a captured launch outlives this call.
  const auto values =
      std::make_shared<const Tuple>(static_cast<Parameters>(std::forward<Arguments>(arguments))...);
  const auto invoke = [](const void* function, const void* tuple) {
    std::apply(reinterpret_cast<Kernel>(const_cast<void*>(function)),
               *static_cast<const Tuple*>(tuple));
  };
  return cuda_host::run_kernel(*config, reinterpret_cast<const void*>(kernel), invoke, values);
}

template <class T>
requires(!std::is_void_v<T>) cudaError_t cudaMalloc(T** pointer, size_t bytes) {
  return cudaMalloc(reinterpret_cast<void**>(pointer), bytes);
}
template <class T>
requires(!std::is_void_v<T>) cudaError_t cudaMallocHost(T** pointer, size_t bytes) {
  return cudaMallocHost(reinterpret_cast<void**>(pointer), bytes);
}
template <class T>
requires(!std::is_void_v<T>) cudaError_t cudaHostAlloc(T** pointer, size_t bytes, unsigned flags) {
  return cudaHostAlloc(reinterpret_cast<void**>(pointer), bytes, flags);
}
template <class T>
requires(!std::is_void_v<T>) cudaError_t
    cudaMallocAsync(T** pointer, size_t bytes, cudaStream_t stream) {
  return cudaMallocAsync(reinterpret_cast<void**>(pointer), bytes, stream);
}

template <class T>
cudaError_t cudaMemcpyToSymbol(T& symbol, const void* from, size_t bytes, size_t offset = 0,
                               cudaMemcpyKind = cudaMemcpyHostToDevice) {
  if (offset + bytes > sizeof(T)) return cudaErrorInvalidValue;
  std::memcpy(reinterpret_cast<char*>(&symbol) + offset, from, bytes);
  return cudaSuccess;
}

template <class R, class... P>
cudaError_t cudaFuncSetAttribute(R (*kernel)(P...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
template <class R, class... P>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, R (*kernel)(P...)) {
  return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(kernel));
}
template <class R, class... P>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, R (*kernel)(P...),
                                                          int block_threads, size_t shared_bytes) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(
      blocks, reinterpret_cast<const void*>(kernel), block_threads, shared_bytes);
}
