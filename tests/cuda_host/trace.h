// Between the emulation and its stand-in of CUPTI, whose header brings CUDA's own types: none of them here.
#pragma once

#include <atomic>

namespace cuda_host {

enum class GpuWork { kernel, copy, set };
/// Called as a piece of work begins and as it is over; null while nobody asks.
using TraceHook = void (*)(GpuWork kind, const void* stream, bool is_over);
extern std::atomic<TraceHook> trace_hook;

class TracedWork {
 public:
  TracedWork(GpuWork kind, const void* stream) : hook_(trace_hook), kind_(kind), stream_(stream) {
    if (hook_) hook_(kind_, stream_, false);
  }
  ~TracedWork() {
    if (hook_) hook_(kind_, stream_, true);
  }
  TracedWork(const TracedWork&) = delete;
  TracedWork& operator=(const TracedWork&) = delete;

 private:
  const TraceHook hook_;
  const GpuWork kind_;
  const void* const stream_;
};

/// The calling thread's device.
int current_device();

}  // namespace cuda_host
