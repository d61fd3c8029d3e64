// launch: the one way a kernel is started. Counts launches, checks them, and runs on the current stream.
#pragma once

#include <cstdint>
#include <utility>

#include "cuda/check.h"
#include "cuda/report.h"
#include "cuda/stream.h"

namespace fg::cuda {

/// Blocks, threads per block, and bytes of dynamic shared memory of one launch.
struct LaunchShape {
  dim3 grid;
  dim3 block;
  size_t shared_bytes = 0;
};

/// Largest extent of a grid along x.
inline constexpr int64_t kMaxGrid = 0x7fffffff;

/// Enough blocks of `threads` for one thread per element, at most kMaxGrid: kernels stride over the rest.
inline LaunchShape one_thread_each(int64_t elements, unsigned threads = 256) {
  const int64_t blocks = (elements + threads - 1) / threads;
  return {dim3(unsigned(blocks < kMaxGrid ? blocks : kMaxGrid)), dim3(threads)};
}
/// One block per row, at most kMaxGrid: kernels stride over the rest.
inline LaunchShape one_block_each(int64_t rows, unsigned threads, size_t shared_bytes = 0) {
  return {dim3(unsigned(rows < kMaxGrid ? rows : kMaxGrid)), dim3(threads), shared_bytes};
}

/// Kernels started by this thread since the program began; tests and benchmarks take differences.
int64_t launch_count();

namespace detail {
void count_launch();
/// Raises a kernel's limit of dynamic shared memory when a launch needs more than the default 48 KiB.
void allow_shared_bytes(const void* kernel, size_t bytes);
}  // namespace detail

/// Starts `kernel` on the current stream; throws fg::Error when the launch is refused, or when an earlier kernel
/// has reported bad input (report.h). Arguments convert to the kernel's parameter types. An empty grid starts
/// nothing.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), const LaunchShape& shape, Arguments&&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments));
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
  check_reports();
  if (shape.shared_bytes > 48 * 1024)
    detail::allow_shared_bytes(reinterpret_cast<const void*>(kernel), shape.shared_bytes);
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = current_stream().native();
  CUDA_CHECK(
      cudaLaunchKernelEx(&config, kernel, Parameters(std::forward<Arguments>(arguments))...));
  detail::count_launch();
}

}  // namespace fg::cuda
