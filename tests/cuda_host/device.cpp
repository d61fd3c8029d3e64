// Host emulation of CUDA: errors, devices, kernels' attributes and limits.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "internal.h"

namespace cuda_host {
namespace {

thread_local cudaError_t last_error = cudaSuccess;
thread_local int device = 0;

constexpr int kThreadsPerProcessor = 2048;
constexpr int kBlocksPerProcessor = 32;
constexpr size_t kSharedBytesPerProcessor = 228 * 1024;
constexpr size_t kReservedSharedBytes = 1024;  // of every block

std::map<const void*, int>& shared_bytes_limits() {
  static auto* const limits = new std::map<const void*, int>;
  return *limits;
}

struct ErrorText {
  cudaError_t error;
  const char* name;
  const char* text;
};
constexpr ErrorText kErrorTexts[] = {
#define X(error, text) {error, #error, text},
    X(cudaSuccess, "no error") X(cudaErrorInvalidValue, "invalid argument") X(
        cudaErrorMemoryAllocation, "out of memory") X(cudaErrorInitializationError,
                                                      "initialization error")
        X(cudaErrorInvalidConfiguration, "invalid configuration argument") X(
            cudaErrorInvalidPitchValue, "invalid pitch argument")
            X(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy") X(
                cudaErrorInsufficientDriver,
                "CUDA driver version is insufficient for CUDA runtime version")
                X(cudaErrorInvalidDeviceFunction, "invalid device function") X(
                    cudaErrorNoDevice, "no CUDA-capable device is detected")
                    X(cudaErrorInvalidDevice, "invalid device ordinal") X(
                        cudaErrorInvalidResourceHandle,
                        "invalid resource handle") X(cudaErrorNotReady, "device not ready")
                        X(cudaErrorIllegalAddress, "an illegal memory access was encountered") X(
                            cudaErrorHostMemoryAlreadyRegistered,
                            "part or all of the requested memory range is already mapped")
                            X(cudaErrorHostMemoryNotRegistered,
                              "pointer does not correspond to a registered memory region")
                                X(cudaErrorLaunchFailure, "unspecified launch failure")
                                    X(cudaErrorNotSupported, "operation not supported") X(
                                        cudaErrorStreamCaptureUnsupported,
                                        "operation not permitted when stream is capturing")
                                        X(cudaErrorStreamCaptureInvalidated,
                                          "operation failed due to a previous error during capture")
                                            X(cudaErrorStreamCaptureUnmatched,
                                              "capture was not initiated in this stream")
                                                X(cudaErrorStreamCaptureUnjoined,
                                                  "capturing stream has unjoined work")
                                                    X(cudaErrorStreamCaptureIsolation,
                                                      "dependency created on uncaptured work in "
                                                      "another stream")
                                                        X(cudaErrorStreamCaptureImplicit,
                                                          "operation would make the legacy stream "
                                                          "depend on a capturing blocking stream")
                                                            X(cudaErrorCapturedEvent,
                                                              "operation not permitted on an event "
                                                              "last recorded in a capturing stream")
                                                                X(cudaErrorStreamCaptureWrongThread,
                                                                  "attempt to terminate a "
                                                                  "thread-local capture sequence "
                                                                  "from another thread")
#undef X
};

const ErrorText* text_of(cudaError_t error) {
  const auto* const found =
      std::find_if(std::begin(kErrorTexts), std::end(kErrorTexts),
                   [error](const ErrorText& row) { return row.error == error; });
  return found == std::end(kErrorTexts) ? nullptr : found;
}

int processors() { return int(std::max<size_t>(1, environment_number("PROCESSORS", 4))); }

cudaError_t check_device(int index) {
  if (device_count() == 0) return report(cudaErrorNoDevice);
  return index >= 0 && index < device_count() ? cudaSuccess : report(cudaErrorInvalidDevice);
}

bool within(const dim3& extent, unsigned x, unsigned y, unsigned z) {
  return extent.x >= 1 && extent.y >= 1 && extent.z >= 1 && extent.x <= x && extent.y <= y &&
         extent.z <= z;
}

cudaError_t check_limits(const cudaLaunchConfig_t& config, const void* kernel) {
  const dim3 block = config.blockDim;
  if (!within(config.gridDim, 0x7fffffff, 65535, 65535) || !within(block, 1024, 1024, 64) ||
      uint64_t(block.x) * block.y * block.z > kMaxThreads)
    return cudaErrorInvalidConfiguration;
  if (config.dynamicSmemBytes > shared_bytes_limit(kernel)) return cudaErrorInvalidValue;
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config.attrs[i];
    const auto& cluster = attribute.val.clusterDim;
    if (attribute.id == cudaLaunchAttributeClusterDimension &&
        cluster.x * cluster.y * cluster.z != 1)
      return cudaErrorNotSupported;
  }
  return cudaSuccess;
}

}  // namespace

std::recursive_mutex& global_mutex() {
  static auto* const mutex = new std::recursive_mutex;
  return *mutex;
}

cudaError_t report(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

size_t environment_number(const char* name, size_t otherwise) {
  const char* const text = std::getenv((std::string("FUSEGRAD_CUDA_HOST_") + name).c_str());
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

int current_device() { return device; }
int device_count() {
  static const int count = int(environment_number("DEVICES", 1));
  return count;
}

size_t shared_bytes_limit(const void* kernel) {
  const std::lock_guard lock(global_mutex());
  const auto found = shared_bytes_limits().find(kernel);
  return found == shared_bytes_limits().end() ? kDefaultSharedBytes : size_t(found->second);
}

cudaError_t run_kernel(const cudaLaunchConfig_t& config, const void* kernel, Invoke invoke,
                       std::shared_ptr<const void> arguments) {
  if (device_count() == 0) return report(cudaErrorNoDevice);
  if (!kernel) return report(cudaErrorInvalidDeviceFunction);
  if (!is_stream(config.stream)) return report(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = check_limits(config, kernel)) return report(error);
  return submit(config.stream, [=] {
    const TracedWork traced(GpuWork::kernel, config.stream);
    run_blocks(config, kernel, invoke, arguments.get());
  });
}

std::atomic<TraceHook> trace_hook{nullptr};

}  // namespace cuda_host

using namespace cuda_host;

const char* cudaGetErrorName(cudaError_t error) {
  const ErrorText* const row = text_of(error);
  return row ? row->name : "unrecognized error code";
}
const char* cudaGetErrorString(cudaError_t error) {
  const ErrorText* const row = text_of(error);
  return row ? row->text : "unrecognized error code";
}
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = device_count();
  return *count > 0 ? cudaSuccess : report(cudaErrorNoDevice);
}
cudaError_t cudaGetDevice(int* index) {
  if (const cudaError_t error = check_device(device)) return error;
  *index = device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int index) {
  if (const cudaError_t error = check_device(index)) return error;
  device = index;
  return cudaSuccess;
}
cudaError_t cudaInitDevice(int index, unsigned, unsigned) { return check_device(index); }
cudaError_t cudaSetDeviceFlags(unsigned) { return check_device(device); }
cudaError_t cudaDeviceReset() { return check_device(device); }
cudaError_t cudaDeviceSynchronize() {
  if (const cudaError_t error = check_device(device)) return error;
  return report(refuse_in_capture(false));
}
cudaError_t cudaDeviceCanAccessPeer(int* possible, int index, int peer) {
  if (const cudaError_t error = check_device(index)) return error;
  if (const cudaError_t error = check_device(peer)) return error;
  *possible = index != peer;
  return cudaSuccess;
}
cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned) { return check_device(peer); }
cudaError_t cudaDeviceGetPCIBusId(char* text, int bytes, int index) {
  if (const cudaError_t error = check_device(index)) return error;
  std::snprintf(text, size_t(bytes), "0000:00:%02x.0", index);
  return cudaSuccess;
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  if (least) *least = 0;
  if (greatest) *greatest = -5;
  return check_device(device);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
  if (const cudaError_t error = check_device(index)) return error;
  cudaDeviceProp p{};
  std::strcpy(p.name, "host emulation of CUDA (no GPU)");
  size_t free_bytes = 0;
  cudaMemGetInfo(&free_bytes, &p.totalGlobalMem);
  p.sharedMemPerBlock = kDefaultSharedBytes;
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = warpSize;
  p.memPitch = 0x7fffffff;
  p.maxThreadsPerBlock = kMaxThreads;
  p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 0x7fffffff;
  p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.totalConstMem = 65536;
  p.major = 9;
  p.minor = 0;
  p.multiProcessorCount = processors();
  p.unifiedAddressing = p.managedMemory = p.concurrentManagedAccess = 1;
  p.memoryBusWidth = 64;
  p.l2CacheSize = 1 << 20;
  p.maxThreadsPerMultiProcessor = kThreadsPerProcessor;
  p.sharedMemPerMultiprocessor = kSharedBytesPerProcessor;
  p.pciDeviceID = index;
  p.sharedMemPerBlockOptin = kMaxSharedBytes;
  p.maxBlocksPerMultiProcessor = kBlocksPerProcessor;
  p.reservedSharedMemPerBlock = kReservedSharedBytes;
  *properties = p;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int index) {
  cudaDeviceProp p{};
  if (const cudaError_t error = cudaGetDeviceProperties(&p, index)) return error;
  const std::map<cudaDeviceAttr, int> values{
      {cudaDevAttrMaxThreadsPerBlock, p.maxThreadsPerBlock},
      {cudaDevAttrMaxBlockDimX, p.maxThreadsDim[0]},
      {cudaDevAttrMaxBlockDimY, p.maxThreadsDim[1]},
      {cudaDevAttrMaxBlockDimZ, p.maxThreadsDim[2]},
      {cudaDevAttrMaxGridDimX, p.maxGridSize[0]},
      {cudaDevAttrMaxGridDimY, p.maxGridSize[1]},
      {cudaDevAttrMaxGridDimZ, p.maxGridSize[2]},
      {cudaDevAttrMaxSharedMemoryPerBlock, int(p.sharedMemPerBlock)},
      {cudaDevAttrWarpSize, p.warpSize},
      {cudaDevAttrMaxRegistersPerBlock, p.regsPerBlock},
      {cudaDevAttrClockRate, 1'000'000},
      {cudaDevAttrMultiProcessorCount, p.multiProcessorCount},
      {cudaDevAttrMemoryClockRate, 1'000'000},
      {cudaDevAttrGlobalMemoryBusWidth, p.memoryBusWidth},
      {cudaDevAttrL2CacheSize, p.l2CacheSize},
      {cudaDevAttrMaxThreadsPerMultiProcessor, p.maxThreadsPerMultiProcessor},
      {cudaDevAttrUnifiedAddressing, 1},
      {cudaDevAttrComputeCapabilityMajor, p.major},
      {cudaDevAttrComputeCapabilityMinor, p.minor},
      {cudaDevAttrMaxSharedMemoryPerMultiprocessor, int(p.sharedMemPerMultiprocessor)},
      {cudaDevAttrManagedMemory, 1},
      {cudaDevAttrConcurrentManagedAccess, 1},
      {cudaDevAttrCooperativeLaunch, 0},
      {cudaDevAttrMaxSharedMemoryPerBlockOptin, int(p.sharedMemPerBlockOptin)},
      {cudaDevAttrMaxBlocksPerMultiprocessor, p.maxBlocksPerMultiProcessor},
      {cudaDevAttrReservedSharedMemoryPerBlock, int(p.reservedSharedMemPerBlock)},
      {cudaDevAttrMemoryPoolsSupported, 0},
  };
  const auto found = values.find(attribute);
  if (found == values.end()) return report(cudaErrorInvalidValue);
  *value = found->second;
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (!kernel) return report(cudaErrorInvalidDeviceFunction);
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || size_t(value) > kMaxSharedBytes) return report(cudaErrorInvalidValue);
  const std::lock_guard lock(global_mutex());
  shared_bytes_limits()[kernel] = value;
  return cudaSuccess;
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  if (!kernel) return report(cudaErrorInvalidDeviceFunction);
  *attributes = {};
  attributes->maxThreadsPerBlock = kMaxThreads;
  attributes->numRegs = 32;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  attributes->maxDynamicSharedSizeBytes = int(shared_bytes_limit(kernel));
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* kernel,
                                                          int block_threads, size_t shared_bytes) {
  if (!kernel) return report(cudaErrorInvalidDeviceFunction);
  if (block_threads <= 0) return report(cudaErrorInvalidValue);
  *blocks = 0;
  if (block_threads > kMaxThreads || shared_bytes > shared_bytes_limit(kernel)) return cudaSuccess;
  const int by_threads = kThreadsPerProcessor / ((block_threads + 31) / 32 * 32);
  const int by_shared = int(kSharedBytesPerProcessor / (shared_bytes + kReservedSharedBytes));
  *blocks = std::min({by_threads, by_shared, kBlocksPerProcessor});
  return cudaSuccess;
}

cudaError_t cudaProfilerStart() { return cudaSuccess; }
cudaError_t cudaProfilerStop() { return cudaSuccess; }
