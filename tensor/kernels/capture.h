// What an op that waits for the GPU asks first: whether a CUDA graph is being captured (cuda/graph.h), which the
// wait would end with an error of the driver's that names no op. cuda/capture.cpp defines it.
#pragma once

#include "tensor/device.h"

namespace fg::cuda {

/// Whether the calling thread captures a Graph, or its current stream on `device` (-1: the current device) is being
/// captured by other means.
bool is_in_capture(DeviceIndex device = -1);
/// Throws fg::Error "op: cannot run while a CUDA graph is being captured, because reason" if so.
void refuse_in_capture(const char* op, const char* reason, DeviceIndex device = -1);

}  // namespace fg::cuda
