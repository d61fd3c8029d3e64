// Streams and the calling thread's current stream on each device, as PyTorch has them.
#pragma once

#include <array>

#include "cuda/device.h"

struct CUstream_st;

namespace fg::cuda {

class Event;

/// The type that the CUDA runtime calls cudaStream_t; named here so that this header does not need CUDA's.
using NativeStream = CUstream_st*;

/// A queue of work of one device. A handle: copies name the same queue, and none owns it.
class Stream {
 public:
  /// The default stream of `device` (-1: the current device). It waits for no pooled stream, nor they for it.
  static Stream default_stream(DeviceIndex device = -1);
  /// One of 32 streams per device and priority, which are handed out in turn and never destroyed.
  static Stream from_pool(bool high_priority = false, DeviceIndex device = -1);
  /// A stream made by other code, which must outlive its use here.
  static Stream from_native(NativeStream stream, DeviceIndex device) { return {stream, device}; }

  DeviceIndex device_index() const { return device_; }
  Device device() const { return Device(kCUDA, device_); }
  NativeStream native() const { return native_; }

  /// Whether all work queued so far is done.
  bool query() const;
  /// Waits on the host until all work queued so far is done.
  void synchronize() const;
  /// Work queued from now on starts after `event`, as last recorded; the host does not wait.
  void wait_event(const Event& event) const;
  /// Work queued from now on starts after what is queued on `other` by now; the host does not wait.
  void wait_stream(const Stream& other) const;
  /// Records a new event (without timing) after the work queued so far.
  Event record_event() const;
  /// Whether work queued here is captured into a graph instead of run.
  bool is_capturing() const;

  bool operator==(const Stream&) const = default;

 private:
  Stream(NativeStream native, DeviceIndex device) : native_(native), device_(device) {}
  friend Stream current_stream(DeviceIndex device);

  NativeStream native_;
  DeviceIndex device_;
};

namespace detail {
// Null is the default stream, so zero-initialisation is right and a read needs no initialisation check.
inline constinit thread_local std::array<NativeStream, kMaxDevices> current_streams{};
}  // namespace detail

/// The stream that the calling thread's work on `device` (-1: the current device) goes to: the default
/// stream until it is set.
inline Stream current_stream(DeviceIndex device = -1) {
  const DeviceIndex index = device < 0 ? current_device() : device;
  return {detail::current_streams[size_t(index)], index};
}

/// Makes `stream` current on its device for the calling thread; the current device stays.
void set_current_stream(const Stream& stream);

/// Makes a stream current on its device, and its device current, for its lifetime; restores both.
class StreamGuard {
 public:
  explicit StreamGuard(const Stream& stream);
  ~StreamGuard();
  StreamGuard(const StreamGuard&) = delete;
  StreamGuard& operator=(const StreamGuard&) = delete;

 private:
  DeviceGuard device_;
  Stream previous_;
};

}  // namespace fg::cuda
