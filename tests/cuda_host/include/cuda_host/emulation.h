// Host emulation of CUDA: a test aid that runs this project's CUDA kernels on the CPU, so that their
// indexing, their barriers and the host code around them are tested where there is no GPU, under the
// sanitizers too. It says nothing about speed, and results under it are no GPU results.
//
// How it runs: blocks one after another; the threads of a block as fibers, each until it waits at a barrier
// or for its warp. One launch at a time in the process. Memory of cudaMalloc and dynamic shared memory start
// as bytes 0xFF (NaN, -1). Static __shared__ arrays keep what the last block left.
//
// What throws cuda_host::Error, because on a GPU it would hang or be undefined: a __syncthreads that not all
// threads of the block reach, or that they reach at different lines; a warp operation whose mask leaves out
// the caller, names a lane that has returned or does not exist, or waits for a lane that waits elsewhere.
// What returns CUDA's own error: launches beyond the limits of an sm_90 device, memory running out, copies
// beyond an allocation or in a direction that the pointers contradict, dead handles.
//
// Environment:
//   FUSEGRAD_CUDA_HOST_ORDER=reverse  blocks, and the threads of each, in falling order: a missing barrier
//                                     shows as another result
//   FUSEGRAD_CUDA_HOST_PROTECT=1      device memory may only be touched by kernels and CUDA's own calls
//   FUSEGRAD_CUDA_HOST_MEMORY=BYTES   device memory, 2 GiB unless told
//   FUSEGRAD_CUDA_HOST_DEVICES=N      devices, 1 unless told; with 0, every call answers "no device"
//   FUSEGRAD_CUDA_HOST_PROCESSORS=N   multiprocessors that a device reports, 4 unless told
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>

#include "../driver_types.h"

namespace cuda_host {

/// A kernel did what would hang or be undefined on a GPU.
struct Error : std::logic_error {
  using std::logic_error::logic_error;
};

enum class Order { ascending, descending };
/// The order of blocks, and of the threads of a block, from now on; returns the former one.
Order set_order(Order order);

/// Sets the device memory, in bytes; returns the former value. What is allocated already stays.
size_t set_memory_limit(size_t bytes);
/// Bytes that cudaMalloc and its kin hold now.
size_t allocated_bytes();

/// As if work queued on `stream` were not done until told otherwise: the stream, events recorded on it from now
/// on, and streams that wait for these are not ready. What is queued behind runs at once all the same; to
/// wait on the host for what is held, where a GPU would hang, is cudaErrorNotPermitted.
void hold_stream(cudaStream_t stream, bool hold);

/// Lets the calling thread touch device memory in the mode that protects it: for stand-ins of libraries
/// which, on a GPU, would run kernels. Nests.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

/// Runs `work`, which may touch device memory, as work of `stream`: at once or, while the stream is
/// captured, whenever the graph is launched. For stand-ins of libraries.
cudaError_t submit(cudaStream_t stream, std::function<void()> work);

// --- for the headers of the emulation ---------------------------------------------------------------

/// Where in a kernel a barrier or warp operation stands.
struct Site {
  const char* file;
  int line;
  bool operator==(const Site&) const = default;
};

enum class Barrier { sync, any, all, count };
/// Waits for all threads of the block; returns the number of non-zero predicates among them.
int block_barrier(Barrier kind, int predicate, Site site);

/// What the lanes of one warp operation brought along.
struct WarpCall {
  unsigned mask;
  uint64_t values[32];
  int arguments[32];
};
/// What `lane` gets from the operation.
using WarpResult = uint64_t (*)(const WarpCall& call, int lane);
/// Waits for the lanes of `mask`, then returns result(all their values, this lane).
uint64_t warp_operation(const char* name, WarpResult result, unsigned mask, uint64_t value,
                        int argument, Site site);
/// Lanes of this warp that have not returned.
unsigned active_lanes();
/// Lets other threads of the block run.
void yield_thread();
[[noreturn]] void trap(Site site);

using Invoke = void (*)(const void* kernel, const void* arguments);
/// Runs every thread of a launch: invoke(kernel, arguments).
cudaError_t run_kernel(const cudaLaunchConfig_t& config, const void* kernel, Invoke invoke,
                       std::shared_ptr<const void> arguments);

}  // namespace cuda_host

/// The running block's dynamic shared memory, aligned to 128 bytes.
void* fusegrad_emulated_dynamic_shared();

extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
inline constexpr int warpSize = 32;
