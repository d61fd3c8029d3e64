#include "cuda/stream.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "cuda/check.h"
#include "cuda/event.h"
#include "cuda/report.h"
#include "tensor/kernels/capture.h"

namespace fg::cuda {
namespace {

constexpr size_t kStreamsPerPool = 32;
constexpr const char* kWaits = "the host would wait for the GPU";

// The pooled streams of one device and priority, made when first handed out.
class StreamPool {
 public:
  NativeStream next(DeviceIndex device, bool high_priority) {
    const size_t slot = next_.fetch_add(1, std::memory_order_relaxed) % kStreamsPerPool;
    const std::lock_guard lock(mutex_);
    if (!streams_[slot]) streams_[slot] = create(device, high_priority);
    return streams_[slot];
  }

 private:
  static NativeStream create(DeviceIndex device, bool high_priority) {
    const DeviceGuard guard(device);
    int lowest = 0, highest = 0;  // the highest priority is the smallest number
    CUDA_CHECK(cudaDeviceGetStreamPriorityRange(&lowest, &highest));
    cudaStream_t stream = nullptr;
    CUDA_CHECK(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking,
                                            high_priority ? highest : lowest));
    return stream;
  }

  std::atomic<size_t> next_{0};
  std::mutex mutex_;
  std::array<NativeStream, kStreamsPerPool> streams_{};
};

// Never destroyed, like the streams: tensors and threads may outlive static objects.
StreamPool& pool_of(DeviceIndex device, bool high_priority) {
  using Pools = std::array<std::array<StreamPool, 2>, size_t(kMaxDevices)>;
  static Pools* const pools = new Pools;
  return (*pools)[size_t(device)][high_priority];
}

bool is_done(cudaError_t status, const char* call) {
  if (status != cudaErrorNotReady) {
    check(status, call);
    return true;
  }
  cudaGetLastError();
  return false;
}

}  // namespace

Stream Stream::default_stream(DeviceIndex device) { return {nullptr, resolve_index(device)}; }

Stream Stream::from_pool(bool high_priority, DeviceIndex device) {
  const DeviceIndex index = resolve_index(device);
  return {pool_of(index, high_priority).next(index, high_priority), index};
}

bool Stream::query() const {
  const DeviceGuard guard(device_);
  return is_done(cudaStreamQuery(native_), "cudaStreamQuery");
}

void Stream::synchronize() const {
  const DeviceGuard guard(device_);
  refuse_in_capture("synchronize", kWaits);
  CUDA_CHECK(cudaStreamSynchronize(native_));
  check_reports();
}

void Stream::wait_event(const Event& event) const {
  if (!event.is_created()) return;
  const DeviceGuard guard(device_);
  CUDA_CHECK(cudaStreamWaitEvent(native_, event.native(), 0));
}

void Stream::wait_stream(const Stream& other) const { wait_event(other.record_event()); }

Event Stream::record_event() const {
  Event event;
  event.record(*this);
  return event;
}

bool Stream::is_capturing() const {
  // The default stream cannot be captured, and asking it while another one is being captured is an error.
  if (!native_) return false;
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  CUDA_CHECK(cudaStreamIsCapturing(native_, &status));
  return status != cudaStreamCaptureStatusNone;
}

void set_current_stream(const Stream& stream) {
  check_index(stream.device_index());
  detail::current_streams[size_t(stream.device_index())] = stream.native();
}

StreamGuard::StreamGuard(const Stream& stream)
    : device_(stream.device_index()), previous_(current_stream(stream.device_index())) {
  detail::current_streams[size_t(stream.device_index())] = stream.native();
}

StreamGuard::~StreamGuard() {
  detail::current_streams[size_t(previous_.device_index())] = previous_.native();
}

Event::~Event() {
  if (native_) cudaEventDestroy(native_);
}

Event::Event(Event&& other) noexcept
    : native_(std::exchange(other.native_, nullptr)),
      device_(other.device_),
      enable_timing_(other.enable_timing_) {}

Event& Event::operator=(Event&& other) noexcept {
  std::swap(native_, other.native_);
  std::swap(device_, other.device_);
  std::swap(enable_timing_, other.enable_timing_);
  return *this;
}

void Event::record(const Stream& stream) {
  const DeviceGuard guard(stream.device_index());
  if (!native_) {
    CUDA_CHECK(cudaEventCreateWithFlags(
        &native_, enable_timing_ ? cudaEventDefault : cudaEventDisableTiming));
    device_ = stream.device_index();
  }
  ENSURE(stream.device_index() == device_, "record: stream must be of device ",
         Device(kCUDA, device_), " where the event was first recorded, got one of ",
         stream.device());
  CUDA_CHECK(cudaEventRecord(native_, stream.native()));
}

void Event::wait(const Stream& stream) const { stream.wait_event(*this); }

bool Event::query() const { return !native_ || is_done(cudaEventQuery(native_), "cudaEventQuery"); }

void Event::synchronize() const {
  if (!native_) return;
  refuse_in_capture("synchronize", kWaits);
  CUDA_CHECK(cudaEventSynchronize(native_));
  check_reports();
}

float Event::elapsed_time(const Event& end) const {
  ENSURE(enable_timing_ && end.enable_timing_,
         "elapsed_time: both events must be made with timing");
  ENSURE(native_ && end.native_, "elapsed_time: both events must be recorded");
  ENSURE(query() && end.query(),
         "elapsed_time: both events must be done; synchronize the second one first");
  float milliseconds = 0;
  CUDA_CHECK(cudaEventElapsedTime(&milliseconds, native_, end.native_));
  return milliseconds;
}

}  // namespace fg::cuda
