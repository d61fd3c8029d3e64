#include "tensor/storage.h"

#include <cstring>

#include "tensor/error.h"
#include "tensor/host_memory.h"
#include "tensor/kernels/memory.h"
#include "tensor/on_device.h"

namespace fg {
namespace {

void* allocate_on(Device device, int64_t num_bytes) {
  if constexpr (kHasCuda)
    if (device.is_cuda()) return cuda::allocate(num_bytes, device.index());
  return allocate_host(num_bytes);
}

void free_on(Device device, void* data, int64_t num_bytes) noexcept {
  if constexpr (kHasCuda)
    if (device.is_cuda()) return cuda::free(data, device.index());
  free_host(data, num_bytes);
}

void copy_on(Device device, void* target, const void* source, int64_t num_bytes) {
  if constexpr (kHasCuda)
    if (device.is_cuda()) return cuda::copy_bytes(target, source, num_bytes, device.index());
  std::memcpy(target, source, size_t(num_bytes));
}

}  // namespace

StorageImpl::StorageImpl(int64_t num_bytes, Device device)
    : num_bytes_(num_bytes), device_(device.resolved()) {
  data_ = allocate_on(device_, num_bytes);
}

StorageImpl::StorageImpl(void* data, int64_t num_bytes, Device device,
                         std::function<void(void*)> deleter)
    : data_(data),
      num_bytes_(num_bytes),
      device_(device.resolved()),
      deleter_(std::move(deleter)) {}

StorageImpl::~StorageImpl() {
  if (deleter_)
    deleter_(data_);
  else
    free_on(device_, data_, num_bytes_);
}

void StorageImpl::grow(int64_t num_bytes) {
  if (num_bytes <= num_bytes_) return;
  ENSURE(!deleter_, "resize_: tensor must own its memory to grow, got memory adopted by from_blob");
  void* larger = allocate_on(device_, num_bytes);
  if (data_) copy_on(device_, larger, data_, num_bytes_);
  free_on(device_, data_, num_bytes_);
  data_ = larger;
  num_bytes_ = num_bytes;
}

}  // namespace fg
