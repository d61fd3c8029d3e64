// Host emulation of CUDA: streams and events. Work runs when it is submitted, so that every stream is always
// idle, unless hold_stream says otherwise.
#include <algorithm>
#include <chrono>
#include <utility>

#include "handles.h"

namespace cuda_host {
namespace {

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

}  // namespace

Handles& handles() {
  static Handles* const instance = new Handles;
  return *instance;
}

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
