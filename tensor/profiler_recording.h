// What the profiler's record points have gathered. Programs get it from serialize/profiler.h.
#pragma once

#include <string>
#include <vector>

#include "tensor/profiler.h"

namespace fg::profiler {

struct InputShape {
  bool defined = false;
  DimVector sizes;
  ScalarType dtype = kFloat;
  bool operator==(const InputShape&) const = default;
};

/// A range of one thread. Times are nanoseconds of a monotonic clock.
struct Event {
  std::string name;
  EventKind kind = EventKind::op;
  int thread = 0;       // from 0, which is the thread that started the recording
  int64_t parent = -1;  // index of the range around it, on the same thread
  int64_t start_ns = 0, end_ns = 0;
  std::vector<InputShape> inputs;  // with record_shapes
  int64_t sequence_nr = -1;        // of the node that an op made, or that ran; the last of several
  int64_t cpu_bytes = 0, gpu_bytes = 0;  // allocated less freed, outside of inner ranges
  int64_t duration_ns() const { return end_ns - start_ns; }
};

struct MemoryChange {
  int64_t time_ns;
  Device device;
  int64_t num_bytes;
  int64_t allocated;  // in total, after it
};

/// What a GPU did, as it reports it.
struct GpuEvent {
  enum class Kind : uint8_t { kernel, copy, set };
  std::string name;
  Kind kind = Kind::kernel;
  int64_t start_ns = 0, end_ns = 0;
  int device = 0;
  int64_t stream = 0;
  int64_t event = -1;  // index of the range that queued it; -1 when unknown
  int64_t duration_ns() const { return end_ns - start_ns; }
};

struct Recording {
  int64_t start_ns = 0, end_ns = 0;
  std::vector<Event> events;         // by thread, then by start: parents come before what they hold
  std::vector<MemoryChange> memory;  // by time
  std::vector<GpuEvent> gpu;         // by start
  /// Why the GPUs' work is missing; empty when it is not.
  std::string gpu_problem;
};

namespace detail {

/// Starts recording in all threads. Throws fg::Error when a recording runs already.
void start_recording(unsigned what);
/// Ends it. Ranges that are open end here.
Recording stop_recording();

/// What tells the time; tests put theirs here.
using Clock = int64_t (*)();
int64_t steady_nanoseconds();
extern std::atomic<Clock> clock;

}  // namespace detail
}  // namespace fg::profiler

namespace fg::cuda {

/// Starts to gather what all GPUs do, with the recording's clock. Returns why it cannot; empty when it can, and where
/// there is no GPU.
std::string start_gpu_trace();
/// What is queued from now on by this thread belongs to range `id`, until pop_gpu_range().
void push_gpu_range(uint64_t id) noexcept;
void pop_gpu_range() noexcept;
/// Waits for the GPUs and returns what they did, by start; `event` is the id of the range, or -1.
std::vector<profiler::GpuEvent> stop_gpu_trace();

}  // namespace fg::cuda
