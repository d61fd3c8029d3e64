// What the emulation's own sources share.
#pragma once

#include <mutex>

#include "cuda_host/emulation.h"
#include "cuda_runtime_api.h"
#include "trace.h"

namespace cuda_host {

/// One kernel or handle operation at a time.
std::recursive_mutex& global_mutex();

/// Records an error for cudaGetLastError, and returns it.
cudaError_t report(cudaError_t error);

/// FUSEGRAD_CUDA_HOST_<name> as a number.
size_t environment_number(const char* name, size_t otherwise);

/// The calling thread's device; `none` when the emulation is told to have no device.
int current_device();
int device_count();

constexpr int kMaxThreads = 1024;
constexpr size_t kDefaultSharedBytes = 48 * 1024;
constexpr size_t kMaxSharedBytes = 227 * 1024;
/// What cudaFuncSetAttribute allowed the kernel.
size_t shared_bytes_limit(const void* kernel);

/// submit without access to device memory.
cudaError_t submit_host_work(cudaStream_t stream, std::function<void()> work);
/// Runs all blocks of a launch whose limits have been checked.
void run_blocks(const cudaLaunchConfig_t& config, const void* kernel, Invoke invoke,
                const void* arguments);
/// Whether `stream` is a live handle.
bool is_stream(cudaStream_t stream);
bool is_capturing(cudaStream_t stream);
/// Refuses, while this thread captures, a call that CUDA forbids then; see cudaStreamCaptureMode.
cudaError_t refuse_in_capture(bool only_strict_modes);

}  // namespace cuda_host
