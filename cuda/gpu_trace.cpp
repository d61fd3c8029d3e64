// The profiler's view of the GPUs, through the activity records of CUPTI, which comes with the CUDA toolkit:
// https://docs.nvidia.com/cupti/api/group__CUPTI__ACTIVITY__API.html. Kernels of libraries and of replayed graphs
// are among them. Nothing here throws into a launch.
#include "tensor/profiler_recording.h"

#if FUSEGRAD_CUPTI

#include <cstdlib>
#include <memory>
#include <mutex>
#include <unordered_map>

#include <cupti.h>
#include <cxxabi.h>

#include "cuda/allocator.h"
#include "cuda/capture.h"
#include "cuda/device.h"

namespace fg::cuda {
namespace {

using profiler::GpuEvent;

// A range reaches a kernel by two records: of the API call that queued it, which is why those are enabled.
constexpr CUpti_ActivityKind kKinds[] = {CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION,
                                         CUPTI_ACTIVITY_KIND_RUNTIME,
                                         CUPTI_ACTIVITY_KIND_DRIVER,
                                         CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
                                         CUPTI_ACTIVITY_KIND_MEMCPY,
                                         CUPTI_ACTIVITY_KIND_MEMSET};
constexpr CUpti_ExternalCorrelationKind kOurIds = CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0;
constexpr size_t kBufferBytes = 1 << 20, kBufferAlignment = 64;

struct Trace {
  std::mutex mutex;
  bool is_on = false;
  // GpuEvent::event is the number of the API call, until the trace ends.
  std::vector<GpuEvent> events;
  std::unordered_map<uint32_t, uint64_t> ranges;  // by API call
};

// Never destroyed: CUPTI may deliver a buffer while the program ends.
Trace& trace() {
  static Trace* const instance = new Trace;
  return *instance;
}

std::string demangled(const char* name) {
  if (!name) return "kernel";
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return status == 0 ? plain.get() : name;
}

template <class Record>
void add(GpuEvent::Kind kind, std::string name, const Record& record) {
  trace().events.push_back({std::move(name), kind, int64_t(record.start), int64_t(record.end),
                            int(record.deviceId), int64_t(record.streamId),
                            int64_t(record.correlationId)});
}

const char* copy_name(uint8_t kind) {
  switch (kind) {
    case CUPTI_ACTIVITY_MEMCPY_KIND_HTOD:
      return "Memcpy HtoD";
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOH:
      return "Memcpy DtoH";
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOD:
      return "Memcpy DtoD";
    default:
      return "Memcpy";
  }
}

void read(const CUpti_Activity* record) {
  switch (record->kind) {
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL: {
      const auto& kernel = *reinterpret_cast<const CUpti_ActivityKernel10*>(record);
      return add(GpuEvent::Kind::kernel, demangled(kernel.name), kernel);
    }
    case CUPTI_ACTIVITY_KIND_MEMCPY: {
      const auto& copy = *reinterpret_cast<const CUpti_ActivityMemcpy6*>(record);
      return add(GpuEvent::Kind::copy, copy_name(copy.copyKind), copy);
    }
    case CUPTI_ACTIVITY_KIND_MEMSET:
      return add(GpuEvent::Kind::set, "Memset",
                 *reinterpret_cast<const CUpti_ActivityMemset4*>(record));
    case CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION: {
      const auto& link = *reinterpret_cast<const CUpti_ActivityExternalCorrelation*>(record);
      if (link.externalKind == kOurIds) trace().ranges[link.correlationId] = link.externalId;
      return;
    }
    default:
      return;
  }
}

void CUPTIAPI give_buffer(uint8_t** buffer, size_t* size, size_t* max_records) {
  *buffer = static_cast<uint8_t*>(std::aligned_alloc(kBufferAlignment, kBufferBytes));
  *size = *buffer ? kBufferBytes : 0;
  *max_records = 0;  // as many as fit
}

void CUPTIAPI take_buffer(CUcontext, uint32_t, uint8_t* buffer, size_t, size_t valid_bytes) {
  const std::unique_ptr<uint8_t, decltype(&std::free)> owner(buffer, &std::free);
  try {
    const std::lock_guard lock(trace().mutex);
    if (!trace().is_on) return;
    CUpti_Activity* record = nullptr;
    while (cuptiActivityGetNextRecord(buffer, valid_bytes, &record) == CUPTI_SUCCESS) read(record);
  } catch (...) {
    // Out of memory: what is left of the buffer is not in the profile.
  }
}

uint64_t CUPTIAPI time_now() { return uint64_t(profiler::detail::clock.load()()); }

void disable_all() {
  for (const CUpti_ActivityKind kind : kKinds) cuptiActivityDisable(kind);
}

// The first call that fails ends it.
CUptiResult enable_all() {
  CUptiResult result = cuptiActivityRegisterTimestampCallback(time_now);
  if (result == CUPTI_SUCCESS) result = cuptiActivityRegisterCallbacks(give_buffer, take_buffer);
  for (const CUpti_ActivityKind kind : kKinds)
    if (result == CUPTI_SUCCESS) result = cuptiActivityEnable(kind);
  return result;
}

// Waits for the GPUs that this program has used. During a capture, which that would break, what has not run yet is
// left out.
void wait_for_gpus() {
  if (current_capture()) return;
  for (DeviceIndex i = 0; i < device_count(); ++i)
    if (memory_reserved(i) > 0) synchronize(i);
}

}  // namespace

std::string start_gpu_trace() {
  if (device_count() == 0) return "";
  if (const CUptiResult result = enable_all(); result != CUPTI_SUCCESS) {
    disable_all();
    const char* text = nullptr;
    cuptiGetResultString(result, &text);
    return str("CUPTI: ", text ? text : "unknown error");
  }
  const std::lock_guard lock(trace().mutex);
  trace().is_on = true;
  return "";
}

void push_gpu_range(uint64_t id) noexcept { cuptiActivityPushExternalCorrelationId(kOurIds, id); }
void pop_gpu_range() noexcept {
  uint64_t id = 0;
  cuptiActivityPopExternalCorrelationId(kOurIds, &id);
}

std::vector<GpuEvent> stop_gpu_trace() {
  if (device_count() == 0) return {};
  try {
    wait_for_gpus();
  } catch (const Error&) {
    // The error of an earlier kernel: its own launch or the next one reports it.
  }
  cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
  disable_all();
  const std::lock_guard lock(trace().mutex);
  trace().is_on = false;
  std::vector<GpuEvent> events = std::exchange(trace().events, {});
  const auto ranges = std::exchange(trace().ranges, {});
  for (GpuEvent& event : events) {
    const auto found = ranges.find(uint32_t(event.event));
    event.event = found == ranges.end() ? -1 : int64_t(found->second);
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.start_ns < b.start_ns; });
  return events;
}

}  // namespace fg::cuda

#else

namespace fg::cuda {

std::string start_gpu_trace() { return "built without CUPTI"; }
void push_gpu_range(uint64_t) noexcept {}
void pop_gpu_range() noexcept {}
std::vector<profiler::GpuEvent> stop_gpu_trace() { return {}; }

}  // namespace fg::cuda

#endif
