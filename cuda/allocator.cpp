#include "cuda/allocator.h"

#include "cuda/check.h"
#include "cuda/device_allocator.h"
#include "tensor/tensor.h"

namespace fg::cuda {
namespace {

// Never destroyed: tensors with static storage duration are freed after it would be.
std::deque<DeviceAllocator>& allocators() {
  static std::deque<DeviceAllocator>* const all = [] {
    auto* list = new std::deque<DeviceAllocator>;
    for (int device = 0; device < device_count(); ++device) list->emplace_back(DeviceIndex(device));
    return list;
  }();
  return *all;
}

DeviceAllocator& allocator_of(DeviceIndex device) {
  return allocators()[size_t(resolve_index(device))];
}

}  // namespace

void* allocate(int64_t num_bytes, DeviceIndex device) {
  ENSURE(num_bytes >= 0, "allocate: num_bytes must not be negative, got ", num_bytes);
  const DeviceIndex index = resolve_index(device);
  if (num_bytes == 0) return nullptr;
  return allocators()[size_t(index)].allocate(num_bytes, current_stream(index).native());
}

void free(void* data, DeviceIndex device) noexcept {
  if (data && device >= 0 && device < device_count()) allocators()[size_t(device)].free(data);
}

void copy_bytes(void* target, const void* source, int64_t num_bytes, DeviceIndex device) {
  const Stream stream = current_stream(resolve_index(device));
  const DeviceGuard guard(stream.device_index());
  CUDA_CHECK(cudaMemcpyAsync(target, source, size_t(num_bytes), cudaMemcpyDeviceToDevice,
                             stream.native()));
  record_stream(const_cast<void*>(source), stream.device_index(), stream);
}

void record_stream(void* data, DeviceIndex device, const Stream& stream) {
  if (data) allocator_of(device).record_stream(data, stream);
}

void record_stream(const Tensor& tensor, const Stream& stream) {
  ENSURE(tensor.is_cuda(), "record_stream: tensor must be on a cuda device, got ", tensor.device());
  record_stream(tensor.storage()->data(), tensor.device().index(), stream);
}

int64_t memory_allocated(DeviceIndex device) {
  return memory_stats(device).allocated_bytes.all.current;
}
int64_t max_memory_allocated(DeviceIndex device) {
  return memory_stats(device).allocated_bytes.all.peak;
}
int64_t memory_reserved(DeviceIndex device) {
  return memory_stats(device).reserved_bytes.all.current;
}
int64_t max_memory_reserved(DeviceIndex device) {
  return memory_stats(device).reserved_bytes.all.peak;
}
MemoryStats memory_stats(DeviceIndex device) { return allocator_of(device).stats(); }
void reset_peak_memory_stats(DeviceIndex device) { allocator_of(device).reset_peaks(); }
void reset_accumulated_memory_stats(DeviceIndex device) {
  allocator_of(device).reset_accumulated();
}
std::vector<SegmentInfo> memory_snapshot(DeviceIndex device) {
  return allocator_of(device).snapshot();
}

std::pair<int64_t, int64_t> mem_get_info(DeviceIndex device) {
  const DeviceGuard guard(resolve_index(device));
  size_t free = 0, total = 0;
  CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return {int64_t(free), int64_t(total)};
}

void empty_cache() {
  for (DeviceAllocator& allocator : allocators()) allocator.empty_cache();
}

void set_per_process_memory_fraction(double fraction, DeviceIndex device) {
  ENSURE(fraction >= 0 && fraction <= 1,
         "set_per_process_memory_fraction: fraction must be in [0, 1], got ", fraction);
  const double total = double(mem_get_info(device).second);
  allocator_of(device).set_limit(fraction == 1 ? INT64_MAX : int64_t(fraction * total));
}

MemoryPool::MemoryPool(DeviceIndex device) : device_(resolve_index(device)) {
  DeviceAllocator& allocator = allocator_of(device_);
  pool_ = {allocator.add_pool(), [&allocator](PrivatePool* pool) { allocator.release_pool(pool); }};
}

void MemoryPool::begin(const Stream& stream) {
  ENSURE(stream.device_index() == device_, "MemoryPool: stream must be of device ",
         Device(kCUDA, device_), ", got one of ", stream.device());
  allocator_of(device_).begin_route(stream.native(), pool_.get());
}

void MemoryPool::end(const Stream& stream) {
  allocator_of(device_).end_route(stream.native(), pool_.get());
}

}  // namespace fg::cuda
