// RelaxedCapture: lets the calling thread allocate from the driver while a stream is being captured.
#pragma once

#include <cuda_runtime.h>

namespace fg::cuda {

/// For its lifetime this thread may call cudaMalloc, cudaFree and what calls them while some stream is
/// being captured, which would make that capture fail otherwise.
class RelaxedCapture {
 public:
  RelaxedCapture() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  ~RelaxedCapture() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  RelaxedCapture(const RelaxedCapture&) = delete;
  RelaxedCapture& operator=(const RelaxedCapture&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace fg::cuda
