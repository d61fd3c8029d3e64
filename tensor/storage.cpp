#include "tensor/storage.h"

#include <cstdlib>
#include <cstring>

#include "tensor/error.h"

namespace fg {
namespace {

constexpr int64_t kAlignment = 64;

void* allocate_cpu(int64_t num_bytes) {
  if (num_bytes == 0) return nullptr;
  ENSURE(num_bytes > 0, "storage: size must not be negative, got ", num_bytes, " bytes");
  const int64_t rounded = (num_bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* data = rounded > 0 ? std::aligned_alloc(kAlignment, size_t(rounded)) : nullptr;
  ENSURE(data, "storage: out of memory on cpu, requested ", num_bytes, " bytes");
  return data;
}

}  // namespace

StorageImpl::StorageImpl(int64_t num_bytes, Device device)
    : num_bytes_(num_bytes), device_(device) {
  ENSURE(device.is_cpu(), "storage: no memory on device ", device, " in this build");
  data_ = allocate_cpu(num_bytes);
}

StorageImpl::StorageImpl(void* data, int64_t num_bytes, Device device,
                         std::function<void(void*)> deleter)
    : data_(data), num_bytes_(num_bytes), device_(device), deleter_(std::move(deleter)) {}

StorageImpl::~StorageImpl() {
  if (deleter_)
    deleter_(data_);
  else
    std::free(data_);
}

void StorageImpl::grow(int64_t num_bytes) {
  if (num_bytes <= num_bytes_) return;
  ENSURE(!deleter_, "resize_: tensor must own its memory to grow, got memory adopted by from_blob");
  void* larger = allocate_cpu(num_bytes);
  if (data_) std::memcpy(larger, data_, size_t(num_bytes_));
  std::free(data_);
  data_ = larger;
  num_bytes_ = num_bytes;
}

}  // namespace fg
