// Host emulation of CUDA: capture and graphs. A capture keeps the work of its streams, in order of
// submission, for the graph to repeat.
#include <algorithm>
#include <utility>

#include "handles.h"

namespace cuda_host {
namespace {

thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

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

cudaError_t refuse_legacy(cudaStream_t stream) {
  if (!is_default(stream) || stream == cudaStreamPerThread) return cudaSuccess;
  for (const auto& capture : handles().captures) {
    const bool blocks = !(capture->origin->flags & cudaStreamNonBlocking);
    if (blocks && capture->mode != cudaStreamCaptureModeRelaxed)
      return invalidate(*capture, cudaErrorStreamCaptureImplicit);
  }
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

}  // namespace cuda_host

using namespace cuda_host;

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
