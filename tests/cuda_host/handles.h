// Host emulation of CUDA: what streams, events and graphs are. All of it is guarded by global_mutex.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <thread>
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

struct Handles {
  std::set<const void*> live;
  std::vector<std::shared_ptr<Capture>> captures;  // those going on
  unsigned long long last_id = 2;
  std::map<cudaStream_t, unsigned long long> holds;  // by the stream that hold_stream names
  CUstream_st default_stream;
};
Handles& handles();

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
inline bool is_live(const void* handle) { return handles().live.contains(handle); }

inline bool is_default(cudaStream_t stream) {
  return stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
}
inline CUstream_st& get(cudaStream_t stream) {
  return is_default(stream) ? handles().default_stream : *stream;
}

inline cudaError_t invalidate(Capture& capture, cudaError_t error) {
  capture.valid = false;
  return report(error);
}

/// Work on the legacy stream waits for blocking streams, which it cannot do while one of them is captured.
cudaError_t refuse_legacy(cudaStream_t stream);

}  // namespace cuda_host
