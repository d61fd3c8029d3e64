#include "cuda/graph.h"

#include <array>
#include <mutex>
#include <utility>

#include "cuda/capture.h"
#include "cuda/check.h"
#include "cuda/launch.h"
#include "cuda/relaxed_capture.h"
#include "tensor/kernels/capture.h"

namespace fg::cuda {
namespace {

cudaStreamCaptureMode native_mode(CaptureErrorMode mode) {
  switch (mode) {
    case CaptureErrorMode::every_thread:
      return cudaStreamCaptureModeGlobal;
    case CaptureErrorMode::this_thread:
      return cudaStreamCaptureModeThreadLocal;
    case CaptureErrorMode::relaxed:
      return cudaStreamCaptureModeRelaxed;
  }
  return cudaStreamCaptureModeGlobal;
}

}  // namespace

/// What holds while a capture goes on.
struct Graph::Recording {
  Recording(Capture& own, const MemoryPool& from, DeviceIndex device, CaptureErrorMode mode)
      : capture(own), pool(from), stream(current_stream(device)) {
    pool.begin(stream);
    capture.begin();
    const cudaError_t status = cudaStreamBeginCapture(stream.native(), native_mode(mode));
    if (status != cudaSuccess) {
      undo();
      check(status, "cudaStreamBeginCapture");
    }
    detail::capture_of_thread = &capture;
  }
  /// Null, with the reason in `status`, when the capture was broken.
  cudaGraph_t end(cudaError_t& status) noexcept {
    cudaGraph_t graph = nullptr;
    status = cudaStreamEndCapture(stream.native(), &graph);
    if (status != cudaSuccess) cudaGetLastError();
    detail::capture_of_thread = nullptr;
    undo();
    return graph;
  }

  Capture& capture;
  MemoryPool pool;
  const Stream stream;

 private:
  void undo() noexcept {
    capture.end();
    pool.end(stream);
  }
};

Stream Graph::capture_stream(DeviceIndex device) {
  static std::array<std::once_flag, kMaxDevices> made;
  static std::array<NativeStream, kMaxDevices> streams;
  const DeviceIndex index = resolve_index(device);
  NativeStream& native = streams[size_t(index)];
  std::call_once(made[size_t(index)], [&] {
    const DeviceGuard guard(index);
    CUDA_CHECK(cudaStreamCreateWithFlags(&native, cudaStreamNonBlocking));
  });
  const Stream stream = Stream::from_native(native, index);
  return stream.is_capturing() ? Stream::from_pool(false, index) : stream;
}

Graph::Graph() = default;
Graph::~Graph() { reset(); }

Graph::Graph(Graph&& other) noexcept { *this = std::move(other); }
Graph& Graph::operator=(Graph&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pool_, other.pool_);
  std::swap(generators_, other.generators_);
  std::swap(capture_, other.capture_);
  std::swap(recording_, other.recording_);
  std::swap(executable_, other.executable_);
  std::swap(num_nodes_, other.num_nodes_);
  return *this;
}

void Graph::register_generator(const Generator& generator) {
  ENSURE(!capture_, "register_generator: must run before capture_begin");
  ENSURE(generator.device().is_cuda(),
         "register_generator: generator must be of a cuda device, got ", generator.device());
  generators_.push_back(generator);
}

MemoryPool Graph::pool() const {
  ENSURE(pool_, "Graph: pool() must follow capture_begin");
  return *pool_;
}

void Graph::capture_begin(const optional<MemoryPool>& pool, CaptureErrorMode mode) {
  ENSURE(!capture_, "capture_begin: graph must not be captured already; reset() it first");
  const Stream stream = current_stream();
  refuse_in_capture("capture_begin", "captures do not nest");
  ENSURE(stream.native(),
         "capture_begin: the current stream must not be the default stream, "
         "which cannot be captured");
  ENSURE(!pool || pool->device_index() == stream.device_index(),
         "capture_begin: pool must be of device ", stream.device());
  device_ = stream.device_index();
  pool_ = pool ? *pool : MemoryPool(device_);
  capture_ = std::make_unique<Capture>(device_);
  capture_->add_generator(default_generator(stream.device()));
  for (const Generator& generator : generators_) capture_->add_generator(generator);
  try {
    recording_ = std::make_unique<Recording>(*capture_, *pool_, device_, mode);
  } catch (...) {
    reset();
    throw;
  }
}

void Graph::capture_end() {
  ENSURE(recording_, "capture_end: must follow capture_begin");
  ENSURE(current_stream(device_) == recording_->stream,
         "capture_end: the current stream must be that of capture_begin");
  cudaError_t status = cudaSuccess;
  cudaGraph_t graph = recording_->end(status);
  recording_.reset();
  if (status == cudaSuccess) {
    const RelaxedCapture relaxed;  // other threads may be capturing
    size_t nodes = 0;
    cudaGraphGetNodes(graph, nullptr, &nodes);
    num_nodes_ = int64_t(nodes);
    status = cudaGraphInstantiate(&executable_, graph, 0);
    cudaGraphDestroy(graph);
  }
  if (status == cudaSuccess) return;
  executable_ = nullptr;
  reset();
  ENSURE(status != cudaErrorStreamCaptureUnjoined,
         "capture_end: the captured stream must wait for the other streams that the capture used");
  check(status, "capture_end");
}

void Graph::capture(const std::function<void()>& body, const optional<MemoryPool>& pool,
                    CaptureErrorMode mode) {
  const Stream current = current_stream(), side = capture_stream(current.device_index());
  side.wait_stream(current);
  const StreamGuard guard(side);
  capture_begin(pool, mode);
  try {
    body();
  } catch (...) {
    reset();
    throw;
  }
  capture_end();
}

void Graph::replay() {
  ENSURE(executable_, "replay: graph must have been captured");
  const DeviceGuard device(device_);
  refuse_in_capture("replay", "a graph cannot be part of another one");
  check_reports();
  capture_->values().refresh();
  CUDA_CHECK(cudaGraphLaunch(executable_, current_stream().native()));
}

void Graph::reset() {
  if (recording_) {
    cudaError_t status;
    if (cudaGraph_t graph = recording_->end(status)) cudaGraphDestroy(graph);
    recording_.reset();
  }
  if (executable_ && cudaGraphExecDestroy(executable_) != cudaSuccess) cudaGetLastError();
  executable_ = nullptr;
  num_nodes_ = 0;
  capture_.reset();
  pool_.reset();
}

}  // namespace fg::cuda
