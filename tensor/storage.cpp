#include "tensor/storage.h"

#include <cstring>

#include "tensor/error.h"
#include "tensor/host_memory.h"

namespace fg {
StorageImpl::StorageImpl(int64_t num_bytes, Device device)
    : num_bytes_(num_bytes), device_(device) {
  ENSURE(device.is_cpu(), "storage: no memory on device ", device, " in this build");
  data_ = allocate_host(num_bytes);
}

StorageImpl::StorageImpl(void* data, int64_t num_bytes, Device device,
                         std::function<void(void*)> deleter)
    : data_(data), num_bytes_(num_bytes), device_(device), deleter_(std::move(deleter)) {}

StorageImpl::~StorageImpl() {
  if (deleter_)
    deleter_(data_);
  else
    free_host(data_, num_bytes_);
}

void StorageImpl::grow(int64_t num_bytes) {
  if (num_bytes <= num_bytes_) return;
  ENSURE(!deleter_, "resize_: tensor must own its memory to grow, got memory adopted by from_blob");
  void* larger = allocate_host(num_bytes);
  if (data_) std::memcpy(larger, data_, size_t(num_bytes_));
  free_host(data_, num_bytes_);
  data_ = larger;
  num_bytes_ = num_bytes;
}

}  // namespace fg
