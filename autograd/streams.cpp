#include "autograd/streams.h"

#include "cuda/allocator.h"
#include "cuda/stream.h"

namespace fg {
namespace {

[[maybe_unused]] cuda::Stream native_stream(const NodeStream& stream, DeviceIndex device) {
  if (stream.device < 0) return cuda::current_stream(device);
  return cuda::Stream::from_native(static_cast<cuda::NativeStream>(stream.native), stream.device);
}

}  // namespace

NodeStream current_node_stream(Device device) {
  if constexpr (kHasCuda) {
    if (device.is_cuda()) return {cuda::current_stream(device.index()).native(), device.index()};
  }
  return {};
}

NodeStreamGuard::NodeStreamGuard(const NodeStream& stream) {
  if constexpr (kHasCuda) {
    if (stream.device < 0) return;
    previous_device_ = cuda::current_device();
    previous_ = current_node_stream(Device(kCUDA, stream.device));
    if (previous_device_ != stream.device) cuda::set_device(stream.device);
    if (!(previous_ == stream)) cuda::set_current_stream(native_stream(stream, stream.device));
  }
}

NodeStreamGuard::~NodeStreamGuard() {
  if constexpr (kHasCuda) {
    if (previous_device_ < 0) return;
    cuda::set_current_stream(native_stream(previous_, previous_.device));
    if (previous_device_ != previous_.device) cuda::set_device(previous_device_);
  }
}

void hand_over(const Tensor& tensor, const NodeStream& from, const NodeStream& to) {
  if constexpr (kHasCuda) {
    if (from == to || !tensor.defined() || !tensor.is_cuda()) return;
    const DeviceIndex device = tensor.device().index();
    const cuda::Stream writer = native_stream(from, device), reader = native_stream(to, device);
    if (writer == reader) return;
    reader.wait_stream(writer);
    if (reader.device_index() == device) cuda::record_stream(tensor, reader);
  }
}

}  // namespace fg
