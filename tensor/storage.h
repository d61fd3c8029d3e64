// Storage: the memory that one tensor and its views share.
#pragma once

#include <functional>

#include "tensor/device.h"
#include "tensor/intrusive_ptr.h"

namespace fg {

/// Counts in-place writes, so that a saved tensor can tell that it has changed. Shared by a tensor,
/// its views and its detached aliases.
class VersionCounter : public RefCounted {
 public:
  uint32_t current() const { return value_; }
  void bump() { ++value_; }

 private:
  std::atomic<uint32_t> value_{0};
};

/// A block of memory on one device, freed with the last reference. It is the version counter of the
/// tensors that share it, too.
class StorageImpl : public VersionCounter {
 public:
  /// Allocates `num_bytes` (64-byte aligned, uninitialised); throws fg::OutOfMemoryError when a GPU has
  /// too few, fg::Error when there is no such device. "cuda" without an index is the current device.
  StorageImpl(int64_t num_bytes, Device device);
  /// Adopts `data`, which is memory of `device`; `deleter` runs when the last reference goes.
  StorageImpl(void* data, int64_t num_bytes, Device device, std::function<void(void*)> deleter);
  ~StorageImpl() override;

  void* data() const { return data_; }
  int64_t nbytes() const { return num_bytes_; }
  Device device() const { return device_; }
  /// Replaces the memory by a larger block and keeps the contents (resize_).
  void grow(int64_t num_bytes);

 private:
  void* data_ = nullptr;
  int64_t num_bytes_ = 0;
  Device device_;
  std::function<void(void*)> deleter_;
};

using Storage = intrusive_ptr<StorageImpl>;

}  // namespace fg
