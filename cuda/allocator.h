// The caching allocator of GPU memory, in PyTorch's terms. Tensors get their memory from it by themselves;
// programs call it to look at, or to trim, what it holds.
//
// A freed block is at once reusable by the stream that it was allocated for, since that stream's order keeps
// earlier users ahead; no call here waits for the GPU, except where memory goes back to the driver. With
// FUSEGRAD_CUDA_NO_CACHE=1 in the environment every block is a cudaMalloc of its own, for memory checkers.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cuda/memory_stats.h"
#include "cuda/stream.h"
#include "fusegrad/version.h"
#include "tensor/kernels/memory.h"

namespace fg::cuda {

class DeviceAllocator;
struct PrivatePool;

/// Work queued on `stream` uses memory that was allocated for another stream: once freed, it is not reused
/// before what is queued on `stream` at that time is done. Memory that is not from here is let pass.
void record_stream(void* data, DeviceIndex device, const Stream& stream);
/// The same for a CUDA tensor's storage. Throws fg::Error for a CPU tensor.
void record_stream(const Tensor& tensor, const Stream& stream);

// Statistics, in bytes; -1 is the current device.

/// Bytes in use by tensors, now and at most so far.
int64_t memory_allocated(DeviceIndex device = -1);
int64_t max_memory_allocated(DeviceIndex device = -1);
/// Bytes held from the driver, in use or not, now and at most so far.
int64_t memory_reserved(DeviceIndex device = -1);
int64_t max_memory_reserved(DeviceIndex device = -1);
/// Everything that is counted.
MemoryStats memory_stats(DeviceIndex device = -1);
/// Peaks start anew from the present values; sums of what was allocated and freed start from zero.
void reset_peak_memory_stats(DeviceIndex device = -1);
void reset_accumulated_memory_stats(DeviceIndex device = -1);
/// A table of the statistics for people.
std::string memory_summary(DeviceIndex device = -1);
/// All segments and their blocks, ordered by address.
std::vector<SegmentInfo> memory_snapshot(DeviceIndex device = -1);
/// The driver's answer: bytes free and in total on the device, whoever uses them.
std::pair<int64_t, int64_t> mem_get_info(DeviceIndex device = -1);

/// Waits for the devices and gives unused segments of all of them back to the driver. Does nothing while a
/// graph is being captured with a MemoryPool.
void empty_cache();
/// Allocations fail as if out of memory beyond this part, in [0, 1], of the device's memory.
void set_per_process_memory_fraction(double fraction, DeviceIndex device = -1);

/// Memory of its own for what a captured graph uses, which must stay untouched between replays. Copies of
/// the handle share the pool, so that graphs that never run at once can share memory. When the last
/// handle is gone, empty_cache() and allocations in need give the memory back, less what tensors still use.
class MemoryPool {
 public:
  explicit MemoryPool(DeviceIndex device = -1);

  /// From now on allocations for `stream`, and for streams that are captured into the same graph, come
  /// from this pool, in all threads; neither cudaFree nor an event query happens until end(stream).
  /// Throws fg::Error when `stream` is of another device or has a pool already.
  void begin(const Stream& stream);
  /// Throws fg::Error when begin(stream) was not called.
  void end(const Stream& stream);
  DeviceIndex device_index() const { return device_; }

 private:
  DeviceIndex device_;
  std::shared_ptr<PrivatePool> pool_;
};

}  // namespace fg::cuda
