#include "cuda/pinned.h"

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "cuda/check.h"
#include "cuda/event.h"
#include "cuda/relaxed_capture.h"

namespace fg::cuda {
namespace {

struct PinnedBlock {
  char* data = nullptr;
  int64_t size = 0;
  bool in_use = false;
  std::vector<Stream> streams;  // that use it
  std::vector<Event> events;    // that must be done before it is reused
};

class PinnedAllocator {
 public:
  void* allocate(int64_t num_bytes);
  void free(void* data) noexcept;
  void record_stream(const void* data, const Stream& stream);
  bool contains(const void* data);
  PinnedMemoryStats stats();
  void empty_cache();

 private:
  PinnedBlock* find(const void* data);
  PinnedBlock* new_block(int64_t size);
  void mark(PinnedBlock& block);
  void process_events();
  void release_idle();

  std::mutex mutex_;
  std::map<const char*, PinnedBlock>
      blocks_;  // by address, so that a pointer into a block finds it
  std::map<int64_t, std::vector<PinnedBlock*>> idle_;  // by size
  std::vector<PinnedBlock*> pending_;                  // freed, with events that are not done
  PinnedMemoryStats stats_;
};

void* PinnedAllocator::allocate(int64_t num_bytes) {
  ENSURE(num_bytes >= 0 && num_bytes <= INT64_MAX / 2,
         "allocate_pinned: num_bytes must be in [0, 2^62], got ", num_bytes);
  resolve_index(-1);  // throws when there is no GPU
  if (num_bytes == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  const RelaxedCapture relaxed;
  process_events();
  const int64_t size = int64_t(std::bit_ceil(uint64_t(std::max<int64_t>(num_bytes, 512))));
  std::vector<PinnedBlock*>& idle = idle_[size];
  PinnedBlock* block = nullptr;
  if (idle.empty()) {
    block = new_block(size);
  } else {
    block = idle.back();
    idle.pop_back();
  }
  block->in_use = true;
  stats_.allocated_bytes += size;
  return block->data;
}

PinnedBlock* PinnedAllocator::new_block(int64_t size) {
  void* data = nullptr;
  cudaError_t status = cudaHostAlloc(&data, size_t(size), cudaHostAllocPortable);
  if (status == cudaErrorMemoryAllocation) {
    release_idle();
    status = cudaHostAlloc(&data, size_t(size), cudaHostAllocPortable);
  }
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw OutOfMemoryError(str("allocate_pinned: out of pinned host memory, requested ", size,
                               " bytes, holding ", stats_.reserved_bytes));
  }
  check(status, "cudaHostAlloc");
  stats_.reserved_bytes += size;
  PinnedBlock& block = blocks_[static_cast<char*>(data)];
  block.data = static_cast<char*>(data);
  block.size = size;
  return &block;
}

void PinnedAllocator::free(void* data) noexcept {
  const std::lock_guard lock(mutex_);
  PinnedBlock* const block = find(data);
  if (!block || block->data != data || !block->in_use) return;
  block->in_use = false;
  stats_.allocated_bytes -= block->size;
  try {
    if (block->streams.empty())
      idle_[block->size].push_back(block);
    else
      mark(*block);
  } catch (...) {
    // Lost, but never handed out while a copy may use it.
  }
}

// Marks the streams that use a freed block, so that it waits for them.
void PinnedAllocator::mark(PinnedBlock& block) {
  const auto streams = std::exchange(block.streams, {});
  for (const Stream& stream : streams)
    if (stream.is_capturing()) return;  // in a graph from now on: out of circulation
  const RelaxedCapture relaxed;
  for (const Stream& stream : streams) block.events.push_back(stream.record_event());
  pending_.push_back(&block);
}

void PinnedAllocator::process_events() {
  std::erase_if(pending_, [this](PinnedBlock* block) {
    std::erase_if(block->events, [](const Event& event) { return event.query(); });
    if (!block->events.empty()) return false;
    idle_[block->size].push_back(block);
    return true;
  });
}

void PinnedAllocator::release_idle() {
  for (auto& [size, list] : idle_) {
    for (PinnedBlock* block : list) {
      if (cudaFreeHost(block->data) != cudaSuccess) cudaGetLastError();
      stats_.reserved_bytes -= size;
      blocks_.erase(block->data);
    }
    list.clear();
  }
}

PinnedBlock* PinnedAllocator::find(const void* data) {
  const char* const address = static_cast<const char*>(data);
  auto after = blocks_.upper_bound(address);
  if (after == blocks_.begin()) return nullptr;
  PinnedBlock& block = std::prev(after)->second;
  return address < block.data + block.size ? &block : nullptr;
}

void PinnedAllocator::record_stream(const void* data, const Stream& stream) {
  const std::lock_guard lock(mutex_);
  PinnedBlock* const block = find(data);
  if (!block || !block->in_use) return;
  if (std::find(block->streams.begin(), block->streams.end(), stream) == block->streams.end())
    block->streams.push_back(stream);
}

bool PinnedAllocator::contains(const void* data) {
  const std::lock_guard lock(mutex_);
  return find(data) != nullptr;
}

PinnedMemoryStats PinnedAllocator::stats() {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void PinnedAllocator::empty_cache() {
  const std::lock_guard lock(mutex_);
  const RelaxedCapture relaxed;
  process_events();
  release_idle();
}

// Never destroyed: tensors with static storage duration are freed after it would be.
PinnedAllocator& allocator() {
  static PinnedAllocator* const instance = new PinnedAllocator;
  return *instance;
}

}  // namespace

void* allocate_pinned(int64_t num_bytes) { return allocator().allocate(num_bytes); }
void free_pinned(void* data) noexcept {
  if (data) allocator().free(data);
}
void record_pinned_stream(const void* data, const Stream& stream) {
  allocator().record_stream(data, stream);
}

bool is_pinned(const void* data) {
  if (!data || !is_available()) return false;
  if (allocator().contains(data)) return true;
  const RelaxedCapture relaxed;
  cudaPointerAttributes attributes{};
  CUDA_CHECK(cudaPointerGetAttributes(&attributes, data));
  return attributes.type == cudaMemoryTypeHost;
}

PinnedMemoryStats pinned_memory_stats() { return allocator().stats(); }
void empty_pinned_cache() {
  if (is_available()) allocator().empty_cache();
}

}  // namespace fg::cuda
