// CUDA streams in a backward pass: a node's backward runs on the stream that its forward ran on, as in PyTorch,
// so what it saved is neither read before it is written nor reused too early; gradients are handed over between
// streams by events. A pass ends on the caller's streams. Nothing of this costs anything on the CPU.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// A stream of one GPU; device -1: none, which stands for the caller's current one.
struct NodeStream {
  void* native = nullptr;
  DeviceIndex device = -1;
  bool operator==(const NodeStream&) const = default;
};

/// The calling thread's current stream on `device`; none for the CPU.
NodeStream current_node_stream(Device device);

/// Makes a stream (if any) current, with its device, for its lifetime.
class NodeStreamGuard {
 public:
  explicit NodeStreamGuard(const NodeStream& stream);
  ~NodeStreamGuard();
  NodeStreamGuard(const NodeStreamGuard&) = delete;
  NodeStreamGuard& operator=(const NodeStreamGuard&) = delete;

 private:
  NodeStream previous_;
  DeviceIndex previous_device_ = -1;
};

/// Lets work queued on `to` from now on read `tensor`, which work queued on `from` writes.
void hand_over(const Tensor& tensor, const NodeStream& from, const NodeStream& to);

}  // namespace fg
