#include "cuda/device.h"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>

#include "cuda/check.h"
#include "cuda/report.h"
#include "tensor/kernels/capture.h"

namespace fg::cuda {
namespace {

// "13.0" for the runtime's 13000; the driver says 0 when there is none.
std::string version_text(int version) {
  return version == 0 ? "0" : str(version / 1000, '.', version % 1000 / 10);
}

struct DriverAnswer {
  int devices = 0;
  cudaError_t status = cudaGetDeviceCount(&devices);
};

const DriverAnswer& ask_driver() noexcept {
  static const DriverAnswer answer = [] {
    DriverAnswer asked;
    // A driver that is too old and the like; later calls must not find this error.
    cudaGetLastError();
    asked.devices = asked.status == cudaSuccess ? std::min(asked.devices, kMaxDevices) : 0;
    return asked;
  }();
  return answer;
}

DeviceProperties ask_properties(DeviceIndex device) {
  cudaDeviceProp found;
  CUDA_CHECK(cudaGetDeviceProperties(&found, device));
  DeviceProperties result;
  result.name = found.name;
  result.major = found.major;
  result.minor = found.minor;
  result.multiprocessors = found.multiProcessorCount;
  result.max_threads_per_multiprocessor = found.maxThreadsPerMultiProcessor;
  result.total_bytes = int64_t(found.totalGlobalMem);
  result.l2_bytes = found.l2CacheSize;
  result.max_shared_bytes_per_block = int64_t(found.sharedMemPerBlockOptin);
  return result;
}

void require_device() {
  ENSURE(is_available(), "cuda: a GPU must be usable, got the answer: ", driver_answer());
}

}  // namespace

namespace detail {

int count_devices() noexcept { return ask_driver().devices; }

std::string why_no_device() {
  if (is_available()) return "";
  const cudaError_t status = ask_driver().status;
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  // A driver may also answer "success" and count none.
  const cudaError_t reason = status == cudaSuccess ? cudaErrorNoDevice : status;
  return str(cudaGetErrorString(reason), " (", cudaGetErrorName(reason), "), driver ",
             version_text(driver), ", runtime ", version_text(runtime));
}

}  // namespace detail

DeviceIndex current_device() {
  const int devices = device_count();
  if (devices == 1) return 0;
  require_device();
  int current = 0;
  CUDA_CHECK(cudaGetDevice(&current));
  return DeviceIndex(current);
}

void check_index(DeviceIndex device) {
  if (device >= 0 && device < device_count()) [[likely]]
    return;
  require_device();
  throw Error(str("cuda: device index must be in [0, ", device_count(), "), got ", int(device)));
}

DeviceIndex resolve_index(DeviceIndex device) {
  if (device == -1) return current_device();
  check_index(device);
  return device;
}

void set_device(DeviceIndex device) {
  check_index(device);
  if (device != current_device()) CUDA_CHECK(cudaSetDevice(device));
}

void synchronize(DeviceIndex device) {
  const DeviceGuard guard(resolve_index(device));
  refuse_in_capture("synchronize", "the host would wait for the GPU");
  CUDA_CHECK(cudaDeviceSynchronize());
  check_reports();
}

const DeviceProperties& device_properties(DeviceIndex device) {
  static std::array<std::once_flag, kMaxDevices> asked;
  static std::array<DeviceProperties, kMaxDevices> properties;
  const size_t index = size_t(resolve_index(device));
  std::call_once(asked[index], [&] { properties[index] = ask_properties(DeviceIndex(index)); });
  return properties[index];
}

DeviceGuard::DeviceGuard(DeviceIndex device) {
  if (device == -1) return;
  const DeviceIndex current = current_device();
  if (device == current) {
    check_index(device);
    return;
  }
  set_device(device);
  previous_ = current;
}

DeviceGuard::~DeviceGuard() {
  if (previous_ >= 0) cudaSetDevice(previous_);
}

}  // namespace fg::cuda
