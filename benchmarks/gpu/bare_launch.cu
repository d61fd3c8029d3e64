#include "benchmarks/gpu/bare_launch.h"
#include "cuda/check.h"
#include "cuda/stream.h"

namespace fg::bench::gpu {
namespace {

__global__ void empty_kernel(float*, float) {}

}  // namespace

void bare_launch() {
  cudaLaunchConfig_t config{};
  config.gridDim = config.blockDim = dim3(1);
  config.stream = cuda::current_stream().native();
  CUDA_CHECK(cudaLaunchKernelEx(&config, empty_kernel, static_cast<float*>(nullptr), 1.0f));
}

}  // namespace fg::bench::gpu
