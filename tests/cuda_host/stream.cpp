// Host emulation of CUDA: streams, events, capture and graphs. Work runs when it is submitted, so that every
// stream is always idle; a capture keeps its work, in order of submission, for the graph to repeat.
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "internal.h"

using Work = std::vector<std::function<void()>>;
/// How much of each captured stream's work comes before a point: a vector clock.
using Clock = std::map<CUstream_st*, size_t>;

struct Capture {
  cudaStream_t origin;
  cudaStreamCaptureMode mode;
  unsigned long long id;
  std::thread::id thread = std::this_thread::get_id();
  bool valid = true;
  Work work;
  std::map<CUstream_st*, Clock> streams;
};

struct CUstream_st {
  unsigned flags = cudaStreamDefault;
  int priority = 0;
  int device = 0;
  unsigned long long id = 0;
  std::shared_ptr<Capture> capture;
  std::set<unsigned long long> holds;  // what keeps its work from counting as done
};

struct CUevent_st {
  unsigned flags;
  bool recorded = false;
  std::chrono::steady_clock::time_point time{};
  std::weak_ptr<Capture> capture;
  Clock clock;
  std::set<unsigned long long> holds;
};

struct CUgraph_st {
  Work work;
};
struct CUgraphExec_st {
  Work work;
};

namespace cuda_host {
namespace {

struct Handles {
  std::set<const void*> live;
  std::vector<std::shared_ptr<Capture>> captures;  // those going on
  unsigned long long last_id = 2;
  std::map<cudaStream_t, unsigned long long> holds;  // by the stream that hold_stream names
  CUstream_st default_stream;
};
Handles& handles() {
  static Handles* const instance = new Handles;
  return *instance;
}

thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

template <class T>
cudaError_t make_live(T** handle, T* object) {
  handles().live.insert(object);
  *handle = object;
  return cudaSuccess;
}
template <class T>
cudaError_t destroy(T* handle) {
  const std::lock_guard lock(global_mutex());
  if (handles().live.erase(handle) == 0) return report(cudaErrorInvalidResourceHandle);
  delete handle;
  return cudaSuccess;
}
bool is_live(const void* handle) { return handles().live.contains(handle); }

bool is_default(cudaStream_t stream) {
  return stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
}
CUstream_st& get(cudaStream_t stream) {
  return is_default(stream) ? handles().default_stream : *stream;
}

cudaError_t invalidate(Capture& capture, cudaError_t error) {
  capture.valid = false;
  return report(error);
}

/// Work on the legacy stream waits for blocking streams, which it cannot do while one of them is captured.
cudaError_t refuse_legacy(cudaStream_t stream) {
  if (!is_default(stream) || stream == cudaStreamPerThread) return cudaSuccess;
  for (const auto& capture : handles().captures) {
    const bool blocks = !(capture->origin->flags & cudaStreamNonBlocking);
    if (blocks && capture->mode != cudaStreamCaptureModeRelaxed)
      return invalidate(*capture, cudaErrorStreamCaptureImplicit);
  }
  return cudaSuccess;
}

bool is_held(const std::set<unsigned long long>& holds) {
  return std::any_of(handles().holds.begin(), handles().holds.end(),
                     [&](const auto& hold) { return holds.contains(hold.second); });
}

/// Waiting for a stream that is being captured is an error, and ends the capture.
cudaError_t check_idle(cudaStream_t stream) {
  if (device_count() == 0) return report(cudaErrorNoDevice);
  const std::lock_guard lock(global_mutex());
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (const auto& capture = get(stream).capture)
    return invalidate(*capture, cudaErrorStreamCaptureUnsupported);
  return refuse_legacy(stream);
}

cudaError_t check_event(cudaEvent_t event) {
  const std::lock_guard lock(global_mutex());
  if (!is_live(event)) return report(cudaErrorInvalidResourceHandle);
  if (const auto capture = event->capture.lock())
    return invalidate(*capture, cudaErrorCapturedEvent);
  return cudaSuccess;
}

cudaError_t create_stream(cudaStream_t* stream, unsigned flags, int priority) {
  if (device_count() == 0) return report(cudaErrorNoDevice);
  if (!stream || flags > cudaStreamNonBlocking) return report(cudaErrorInvalidValue);
  const std::lock_guard lock(global_mutex());
  // As CUDA does: priorities beyond the range are clamped.
  return make_live(
      stream,
      new CUstream_st{
          flags, std::clamp(priority, -5, 0), current_device(), ++handles().last_id, nullptr, {}});
}

/// Whether all work of the captured streams comes before the end of the first one.
bool joined(const Capture& capture) {
  const Clock& last = capture.streams.at(capture.origin);
  return std::all_of(capture.streams.begin(), capture.streams.end(), [&](const auto& stream) {
    const auto own = stream.second.find(stream.first);
    const auto seen = last.find(stream.first);
    return own == stream.second.end() || (seen != last.end() && seen->second >= own->second);
  });
}

}  // namespace

bool is_stream(cudaStream_t stream) {
  const std::lock_guard lock(global_mutex());
  return is_default(stream) || is_live(stream);
}
bool is_capturing(cudaStream_t stream) {
  const std::lock_guard lock(global_mutex());
  return get(stream).capture != nullptr;
}

cudaError_t submit(cudaStream_t stream, std::function<void()> work) {
  return submit_host_work(stream, [work = std::move(work)] {
    const DeviceAccess access;
    work();
  });
}
cudaError_t submit_host_work(cudaStream_t stream, std::function<void()> work) {
  if (device_count() == 0) return report(cudaErrorNoDevice);
  {
    const std::lock_guard lock(global_mutex());
    if (const cudaError_t error = refuse_legacy(stream)) return error;
    if (const auto& capture = get(stream).capture) {
      if (!capture->valid) return report(cudaErrorStreamCaptureInvalidated);
      capture->work.push_back(std::move(work));
      ++capture->streams[stream][stream];
      return cudaSuccess;
    }
  }
  work();
  return cudaSuccess;
}

cudaError_t refuse_in_capture(bool only_strict_modes) {
  const std::lock_guard lock(global_mutex());
  for (const auto& capture : handles().captures) {
    const bool ours = capture->thread == std::this_thread::get_id();
    const bool global =
        capture->mode == cudaStreamCaptureModeGlobal && thread_mode == cudaStreamCaptureModeGlobal;
    const bool strict = capture->mode != cudaStreamCaptureModeRelaxed &&
                        thread_mode != cudaStreamCaptureModeRelaxed;
    if (only_strict_modes ? global || (ours && strict) : global || ours) {
      capture->valid = false;
      return cudaErrorStreamCaptureUnsupported;
    }
  }
  return cudaSuccess;
}

void hold_stream(cudaStream_t stream, bool hold) {
  const std::lock_guard lock(global_mutex());
  if (!hold) {
    handles().holds.erase(stream);
    return;
  }
  handles().holds[stream] = ++handles().last_id;
  get(stream).holds.insert(handles().last_id);
}

}  // namespace cuda_host

using namespace cuda_host;

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return create_stream(stream, 0, 0); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return create_stream(stream, flags, 0);
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  return create_stream(stream, flags, priority);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (is_default(stream)) return report(cudaErrorInvalidResourceHandle);
  return destroy(stream);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (const cudaError_t error = check_idle(stream)) return error;
  const std::lock_guard lock(global_mutex());
  return is_held(get(stream).holds) ? report(cudaErrorNotPermitted) : cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (const cudaError_t error = check_idle(stream)) return error;
  const std::lock_guard lock(global_mutex());
  return is_held(get(stream).holds) ? report(cudaErrorNotReady) : cudaSuccess;
}
cudaError_t cudaStreamGetFlags(cudaStream_t stream, unsigned* flags) {
  const std::lock_guard lock(global_mutex());
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  *flags = get(stream).flags;
  return cudaSuccess;
}
cudaError_t cudaStreamGetPriority(cudaStream_t stream, int* priority) {
  const std::lock_guard lock(global_mutex());
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  *priority = get(stream).priority;
  return cudaSuccess;
}
cudaError_t cudaStreamGetDevice(cudaStream_t stream, int* device) {
  const std::lock_guard lock(global_mutex());
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  *device = is_default(stream) ? current_device() : stream->device;
  return cudaSuccess;
}
cudaError_t cudaStreamGetId(cudaStream_t stream, unsigned long long* id) {
  const std::lock_guard lock(global_mutex());
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  *id = get(stream).id;
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (!function) return report(cudaErrorInvalidValue);
  return submit_host_work(stream, [=] { function(data); });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const std::lock_guard lock(global_mutex());
  if (!is_stream(stream) || !is_live(event)) return report(cudaErrorInvalidResourceHandle);
  const auto capture = event->capture.lock();
  CUstream_st& waiting = get(stream);
  if (!capture) {
    if (waiting.capture && event->recorded)
      return invalidate(*waiting.capture, cudaErrorStreamCaptureIsolation);
    waiting.holds.insert(event->holds.begin(), event->holds.end());
    return cudaSuccess;
  }
  if (is_default(stream)) return invalidate(*capture, cudaErrorStreamCaptureImplicit);
  if (waiting.capture && waiting.capture != capture)
    return invalidate(*capture, cudaErrorStreamCaptureMerge);
  waiting.capture = capture;
  Clock& clock = capture->streams[stream];
  for (const auto& [other, seen] : event->clock) clock[other] = std::max(clock[other], seen);
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  if (device_count() == 0) return report(cudaErrorNoDevice);
  if (!event) return report(cudaErrorInvalidValue);
  const std::lock_guard lock(global_mutex());
  return make_live(event, new CUevent_st{flags, false, {}, {}, {}, {}});
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t event) { return destroy(event); }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::lock_guard lock(global_mutex());
  if (!is_live(event) || !is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = refuse_legacy(stream)) return error;
  const auto& capture = get(stream).capture;
  event->capture = capture;
  if (capture) {
    event->clock = capture->streams[stream];
    return cudaSuccess;
  }
  event->recorded = true;
  event->holds = get(stream).holds;
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
  return cudaEventRecord(event, stream);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (const cudaError_t error = check_event(event)) return error;
  const std::lock_guard lock(global_mutex());
  return is_held(event->holds) ? report(cudaErrorNotPermitted) : cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (const cudaError_t error = check_event(event)) return error;
  const std::lock_guard lock(global_mutex());
  return is_held(event->holds) ? report(cudaErrorNotReady) : cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  for (const cudaEvent_t event : {start, end}) {
    if (const cudaError_t error = check_event(event)) return error;
    if (!event->recorded || (event->flags & cudaEventDisableTiming))
      return report(cudaErrorInvalidResourceHandle);
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  const std::lock_guard lock(global_mutex());
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (is_default(stream)) return report(cudaErrorStreamCaptureUnsupported);
  if (stream->capture) return report(cudaErrorIllegalState);
  auto capture = std::make_shared<Capture>();
  capture->origin = stream;
  capture->mode = mode;
  capture->id = ++handles().last_id;
  capture->streams[stream];
  stream->capture = capture;
  handles().captures.push_back(std::move(capture));
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::lock_guard lock(global_mutex());
  *graph = nullptr;
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  const std::shared_ptr<Capture> capture = get(stream).capture;
  if (!capture || capture->origin != stream) return report(cudaErrorStreamCaptureUnmatched);
  if (capture->mode != cudaStreamCaptureModeRelaxed &&
      capture->thread != std::this_thread::get_id())
    return report(cudaErrorStreamCaptureWrongThread);
  std::erase(handles().captures, capture);
  for (const auto& [captured, clock] : capture->streams)
    if (is_live(captured)) captured->capture = nullptr;
  if (!capture->valid) return report(cudaErrorStreamCaptureInvalidated);
  if (!joined(*capture)) return report(cudaErrorStreamCaptureUnjoined);
  return make_live(graph, new CUgraph_st{std::move(capture->work)});
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return cudaStreamGetCaptureInfo(stream, status, nullptr);
}
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status,
                                     unsigned long long* id) {
  const std::lock_guard lock(global_mutex());
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = refuse_legacy(stream)) return error;
  const auto& capture = get(stream).capture;
  *status = !capture         ? cudaStreamCaptureStatusNone
            : capture->valid ? cudaStreamCaptureStatusActive
                             : cudaStreamCaptureStatusInvalidated;
  if (id && capture) *id = capture->id;
  return cudaSuccess;
}
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  std::swap(*mode, thread_mode);
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  const std::lock_guard lock(global_mutex());
  if (!is_live(graph)) return report(cudaErrorInvalidValue);
  return make_live(executable, new CUgraphExec_st{graph->work});
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  Work work;
  {
    const std::lock_guard lock(global_mutex());
    if (!is_live(executable)) return report(cudaErrorInvalidValue);
    if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
    if (get(stream).capture) return report(cudaErrorNotSupported);
    if (const cudaError_t error = refuse_legacy(stream)) return error;
    work = executable->work;
  }
  for (const auto& step : work) step();
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream) {
  const std::lock_guard lock(global_mutex());
  if (!is_live(executable)) return report(cudaErrorInvalidValue);
  return is_stream(stream) ? cudaSuccess : report(cudaErrorInvalidResourceHandle);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return destroy(executable); }
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return destroy(graph); }
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, void* nodes, size_t* count) {
  const std::lock_guard lock(global_mutex());
  if (!is_live(graph) || nodes) return report(cudaErrorInvalidValue);
  *count = graph->work.size();
  return cudaSuccess;
}
