// The host emulation of CUDA (tests/cuda_host): launch limits, memory, streams, graphs.
#include <chrono>
#include <thread>

#include "cuda_host/test_util.h"

namespace {

__global__ void nothing_kernel() {}

TEST_CASE("cuda_host: launches beyond the limits are refused") {
  const auto kernel = nothing_kernel;
  CHECK(launch(kernel, 1, 1024, 0) == cudaSuccess);
  CHECK(launch(kernel, 1, 1025, 0) == cudaErrorInvalidConfiguration);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(launch(kernel, 0, 32, 0) == cudaErrorInvalidConfiguration);
  CHECK(launch(kernel, 1, 0, 0) == cudaErrorInvalidConfiguration);
  CHECK(launch(kernel, 1, dim3(1, 1, 65), 0) == cudaErrorInvalidConfiguration);
  CHECK(launch(kernel, dim3(1, 65536), 1, 0) == cudaErrorInvalidConfiguration);
  CHECK(launch(kernel, dim3(1, 1, 65536), 1, 0) == cudaErrorInvalidConfiguration);
  CHECK(launch(kernel, 0x80000000u, 1, 0) == cudaErrorInvalidConfiguration);
  CHECK(launch(kernel, 1, 32, 48 * 1024) == cudaSuccess);
  CHECK(launch(kernel, 1, 32, 48 * 1024 + 1) == cudaErrorInvalidValue);
  const auto attribute = cudaFuncAttributeMaxDynamicSharedMemorySize;
  CHECK(cudaFuncSetAttribute(kernel, attribute, 227 * 1024 + 1) == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(kernel, attribute, 227 * 1024) == cudaSuccess);
  CHECK(launch(kernel, 1, 32, 227 * 1024) == cudaSuccess);
  CHECK(launch(kernel, 1, 32, 227 * 1024 + 1) == cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST_CASE("cuda_host: memory starts poisoned, and runs out where it is told to") {
  const DeviceArray<float> fresh(3);
  for (const float value : fresh.values()) CHECK(value != value);

  const size_t before = cuda_host::allocated_bytes();
  const size_t limit = cuda_host::set_memory_limit(before + 1000);
  void* block = nullptr;
  CHECK(cudaMalloc(&block, 1001) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaMalloc(&block, 1000) == cudaSuccess);
  size_t free_bytes = 1, total_bytes = 0;
  CHECK(cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess);
  CHECK(free_bytes == 0);
  CHECK(total_bytes == before + 1000);
  CHECK(cudaFree(block) == cudaSuccess);
  CHECK(cudaFree(block) == cudaErrorInvalidValue);
  CHECK(cuda_host::allocated_bytes() == before);
  cuda_host::set_memory_limit(limit);
  cudaGetLastError();
}

TEST_CASE("cuda_host: copies check their direction and their extent") {
  const DeviceArray<int> device(std::vector<int>{1, 2, 3, 4, 5, 6});
  int host[6] = {};
  CHECK(cudaMemcpy(host, device.data() + 3, 12, cudaMemcpyDefault) == cudaSuccess);
  CHECK(host[2] == 6);
  CHECK(cudaMemcpy(host, device.data() + 3, 16, cudaMemcpyDefault) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(host, device.data(), 4, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(device.data(), host, 4, cudaMemcpyDeviceToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemset(host, 0, 4) == cudaErrorInvalidValue);
  CHECK(cudaMemset(device.data() + 1, 0, 8) == cudaSuccess);
  CHECK(device.values() == std::vector<int>{1, 0, 0, 4, 5, 6});
  // The second column of a 3 x 2 matrix.
  CHECK(cudaMemcpy2DAsync(host, 4, device.data() + 1, 8, 4, 3, cudaMemcpyDeviceToHost) ==
        cudaSuccess);
  CHECK(host[0] == 0);
  CHECK(host[1] == 4);
  CHECK(host[2] == 6);

  cudaPointerAttributes attributes{};
  CHECK(cudaPointerGetAttributes(&attributes, device.data() + 2) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeDevice);
  CHECK(cudaPointerGetAttributes(&attributes, host) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeUnregistered);
  int* pinned = nullptr;
  REQUIRE(cudaMallocHost(&pinned, 8) == cudaSuccess);
  CHECK(cudaPointerGetAttributes(&attributes, pinned) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeHost);
  CHECK(cudaFreeHost(pinned) == cudaSuccess);
  cudaGetLastError();
}

// --- streams and graphs -------------------------------------------------------------------------------

struct Stream {
  explicit Stream(unsigned flags = cudaStreamNonBlocking) {
    REQUIRE(cudaStreamCreateWithFlags(&native, flags) == cudaSuccess);
  }
  ~Stream() { cudaStreamDestroy(native); }
  cudaStream_t native = nullptr;
};
struct Event {
  Event() { REQUIRE(cudaEventCreate(&native) == cudaSuccess); }
  ~Event() { cudaEventDestroy(native); }
  cudaEvent_t native = nullptr;
};

TEST_CASE("cuda_host: events time what lies between them; dead handles are refused") {
  const Event start, end;
  float milliseconds = 0;
  CHECK(cudaEventElapsedTime(&milliseconds, start.native, end.native) ==
        cudaErrorInvalidResourceHandle);
  CHECK(cudaEventRecord(start.native) == cudaSuccess);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  CHECK(cudaEventRecord(end.native) == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, start.native, end.native) == cudaSuccess);
  CHECK(milliseconds >= 2);

  cudaStream_t stream = nullptr;
  CHECK(cudaStreamCreate(&stream) == cudaSuccess);
  CHECK(cudaStreamQuery(stream) == cudaSuccess);
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(stream) == cudaErrorInvalidResourceHandle);
  cudaGetLastError();
}

__global__ void increment_kernel(int* value, int by) { *value += by; }

cudaError_t increment(cudaStream_t stream, int* value, int by) {
  cudaLaunchConfig_t config{};
  config.gridDim = config.blockDim = dim3(1);
  config.stream = stream;
  return cudaLaunchKernelEx(&config, increment_kernel, value, by);
}

TEST_CASE("cuda_host: a graph repeats what was captured, on joined streams too") {
  const DeviceArray<int> value(std::vector<int>{0});
  const Stream stream, side;
  const Event fork, join;
  REQUIRE(cudaStreamBeginCapture(stream.native, cudaStreamCaptureModeGlobal) == cudaSuccess);
  CHECK(increment(stream.native, value.data(), 1) == cudaSuccess);
  CHECK(cudaEventRecord(fork.native, stream.native) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(side.native, fork.native) == cudaSuccess);
  CHECK(increment(side.native, value.data(), 10) == cudaSuccess);
  CHECK(cudaEventRecord(join.native, side.native) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(stream.native, join.native) == cudaSuccess);
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaStreamEndCapture(stream.native, &graph) == cudaSuccess);
  CHECK(value.values()[0] == 0);

  cudaGraphExec_t executable = nullptr;
  REQUIRE(cudaGraphInstantiate(&executable, graph) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  CHECK(cudaGraphLaunch(executable, stream.native) == cudaSuccess);
  CHECK(cudaGraphLaunch(executable, stream.native) == cudaSuccess);
  CHECK(value.values()[0] == 22);
  CHECK(cudaGraphExecDestroy(executable) == cudaSuccess);
}

TEST_CASE("cuda_host: what a capture forbids ends it") {
  const DeviceArray<int> value(std::vector<int>{0});
  const Stream stream, side;
  const Event event;
  cudaGraph_t graph = nullptr;
  const auto outcome = [&](auto misdeed) {
    REQUIRE(cudaStreamBeginCapture(stream.native, cudaStreamCaptureModeGlobal) == cudaSuccess);
    misdeed();
    const cudaError_t error = cudaStreamEndCapture(stream.native, &graph);
    cudaGetLastError();
    return error;
  };
  CHECK(outcome([&] {
          CHECK(cudaStreamSynchronize(stream.native) == cudaErrorStreamCaptureUnsupported);
        }) == cudaErrorStreamCaptureInvalidated);
  void* block = nullptr;
  CHECK(outcome([&] { CHECK(cudaMalloc(&block, 8) == cudaErrorStreamCaptureUnsupported); }) ==
        cudaErrorStreamCaptureInvalidated);
  CHECK(outcome([&] {
          CHECK(cudaEventRecord(event.native, stream.native) == cudaSuccess);
          CHECK(cudaStreamWaitEvent(side.native, event.native) == cudaSuccess);
          CHECK(increment(side.native, value.data(), 1) == cudaSuccess);
        }) == cudaErrorStreamCaptureUnjoined);

  // A thread that says that it knows what it does may allocate.
  auto mode = cudaStreamCaptureModeRelaxed;
  REQUIRE(cudaStreamBeginCapture(stream.native, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  cudaThreadExchangeStreamCaptureMode(&mode);
  CHECK(cudaMalloc(&block, 8) == cudaSuccess);
  CHECK(cudaFree(block) == cudaSuccess);
  cudaThreadExchangeStreamCaptureMode(&mode);
  REQUIRE(cudaStreamEndCapture(stream.native, &graph) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
}

}  // namespace
