// Events: marks in a stream that others wait for, and that time what lies between two of them.
#pragma once

#include "cuda/stream.h"

struct CUevent_st;

namespace fg::cuda {

/// The type that the CUDA runtime calls cudaEvent_t.
using NativeEvent = CUevent_st*;

/// A mark in a stream. Made on the device of the stream that it is first recorded on; before that it counts
/// as done and nobody waits for it.
class Event {
 public:
  /// `enable_timing`: for elapsed_time, at some cost to record.
  explicit Event(bool enable_timing = false) : enable_timing_(enable_timing) {}
  ~Event();
  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;

  /// Marks the work queued on `stream` so far, in place of an earlier mark. The stream must be of the
  /// device where this event was first recorded.
  void record(const Stream& stream);
  void record() { record(current_stream()); }
  /// Work queued on `stream` from now on, of any device, starts after the mark.
  void wait(const Stream& stream) const;
  /// Whether the marked work is done.
  bool query() const;
  /// Waits on the host until the marked work is done.
  void synchronize() const;
  /// Milliseconds between this mark and `end`. Both need timing, must be recorded and done.
  float elapsed_time(const Event& end) const;

  bool is_created() const { return native_ != nullptr; }
  NativeEvent native() const { return native_; }
  DeviceIndex device_index() const { return device_; }

 private:
  NativeEvent native_ = nullptr;
  DeviceIndex device_ = -1;
  bool enable_timing_;
};

}  // namespace fg::cuda
