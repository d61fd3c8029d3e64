#include "cuda/launch.h"

namespace fg::cuda {
namespace {

thread_local int64_t launches = 0;

}  // namespace

int64_t launch_count() { return launches; }

namespace detail {

void count_launch() { ++launches; }

void allow_shared_bytes(const void* kernel, size_t bytes) {
  CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(bytes)));
}

}  // namespace detail
}  // namespace fg::cuda
