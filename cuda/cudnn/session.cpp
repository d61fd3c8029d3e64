#include "cuda/cudnn/session.h"

#include "cuda/relaxed_capture.h"

namespace fg::cuda::cudnn {
namespace {

DeviceState& state_of(DeviceIndex device) {
  static std::mutex mutex;
  static auto* const states = new std::unordered_map<DeviceIndex, std::unique_ptr<DeviceState>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<DeviceState>& state = (*states)[device];
  if (!state) state = std::make_unique<DeviceState>();
  return *state;
}

cudnnHandle_t handle_of(DeviceState& state, const Stream& stream) {
  const auto found = state.handles.find(stream.native());
  if (found != state.handles.end()) return found->second;
  const RelaxedCapture relaxed;
  cudnnHandle_t handle = nullptr;
  check(cudnnCreate(&handle), "cudnnCreate");
  state.handles.emplace(stream.native(), handle);
  check(cudnnSetStream(handle, stream.native()), "cudnnSetStream");
  return handle;
}

}  // namespace

Session::Session()
    : stream_(current_stream()),
      state_(state_of(stream_.device_index())),
      lock_(state_.mutex),
      handle_(handle_of(state_, stream_)) {}

}  // namespace fg::cuda::cudnn
