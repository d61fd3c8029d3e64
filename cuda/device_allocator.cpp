#include "cuda/device_allocator.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "cuda/check.h"
#include "cuda/relaxed_capture.h"
#include "tensor/format_bytes.h"
#include "tensor/profiler.h"

namespace fg::cuda {
namespace {

// PyTorch's sizes: small blocks share segments of 2 MiB, middling ones of 20 MiB, and large ones get a
// segment each, rounded up to 2 MiB.
constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kRounding = 512;
constexpr int64_t kLargestSmall = kMiB;
constexpr int64_t kSmallSegment = 2 * kMiB;
constexpr int64_t kLargestMiddling = 10 * kMiB;
constexpr int64_t kMiddlingSegment = 20 * kMiB;
constexpr int64_t kLargeRounding = 2 * kMiB;

int64_t round_up(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

int64_t segment_size(int64_t size) {
  if (size <= kLargestSmall) return kSmallSegment;
  return size < kLargestMiddling ? kMiddlingSegment : round_up(size, kLargeRounding);
}

bool asks_for_no_cache() {
  const char* value = std::getenv("FUSEGRAD_CUDA_NO_CACHE");
  return value && std::string(value) == "1";
}

// Whether both streams are being captured into the same graph.
bool share_capture(NativeStream a, NativeStream b) {
  if (!a || !b) return false;  // the default stream cannot be captured, nor asked during a capture
  cudaStreamCaptureStatus status_a, status_b;
  unsigned long long id_a = 0, id_b = 0;
  if (cudaStreamGetCaptureInfo(a, &status_a, &id_a) != cudaSuccess ||
      cudaStreamGetCaptureInfo(b, &status_b, &id_b) != cudaSuccess) {
    cudaGetLastError();
    return false;
  }
  return status_a == cudaStreamCaptureStatusActive && status_b == cudaStreamCaptureStatusActive &&
         id_a == id_b;
}

}  // namespace

DeviceAllocator::DeviceAllocator(DeviceIndex device)
    : device_(device), no_cache_(asks_for_no_cache()) {}

void* DeviceAllocator::allocate(int64_t num_bytes, NativeStream stream) {
  const std::lock_guard lock(mutex_);
  if (num_bytes > INT64_MAX / 2) throw_out_of_memory(num_bytes);
  if (!(pending_.empty() && deferred_.empty()) && !is_capturing()) process_events();
  const int64_t rounded = round_up(num_bytes, kRounding);
  BlockPool& pool = pool_for(stream, rounded);
  // A memory checker sees accesses beyond the end only where nothing is rounded.
  const int64_t size = is_uncached(pool) ? num_bytes : rounded;
  Block* block = take_free(pool, stream, size);
  if (!block) block = new_segment(pool, stream, size);
  if (!block) throw_out_of_memory(num_bytes);
  split(block, size);

  block->state = BlockInfo::State::in_use;
  block->requested = num_bytes;
  stats_.allocation.increase(pool.is_small, 1);
  stats_.allocated_bytes.increase(pool.is_small, block->key.size);
  stats_.active.increase(pool.is_small, 1);
  stats_.active_bytes.increase(pool.is_small, block->key.size);
  stats_.requested_bytes.increase(pool.is_small, num_bytes);
  note_in_profile(block->key.size);
  return const_cast<char*>(block->key.data);
}

void DeviceAllocator::note_in_profile(int64_t num_bytes) const noexcept {
  if (profiler::detail::records(profiler::detail::kMemory))
    profiler::detail::count_memory({kCUDA, device_}, num_bytes, stats_.allocated_bytes.all.current);
}

BlockPool& DeviceAllocator::pool_for(NativeStream stream, int64_t size) {
  const bool is_small = size <= kLargestSmall;
  for (const Route& route : routes_)
    if (route.stream == stream || share_capture(route.stream, stream))
      return is_small ? route.pool->small_pool : route.pool->large_pool;
  return is_small ? small_pool_ : large_pool_;
}

Block* DeviceAllocator::take_free(BlockPool& pool, NativeStream stream, int64_t size) {
  if (is_uncached(pool)) return nullptr;
  const auto found = pool.free.lower_bound(BlockKey{stream, size, nullptr});
  if (found == pool.free.end() || (*found)->key.stream != stream) return nullptr;
  Block* const block = *found;
  leave_free(found);
  return block;
}

Block* DeviceAllocator::new_segment(BlockPool& pool, NativeStream stream, int64_t size) {
  const int64_t whole = is_uncached(pool) ? size : segment_size(size);
  void* data = device_malloc(whole);
  if (!data && !is_capturing()) {
    ++stats_.num_alloc_retries;
    release_cached();
    data = device_malloc(whole);
  }
  if (!data) return nullptr;
  Block& block = blocks_[data];
  block.key = {stream, whole, static_cast<char*>(data)};
  block.pool = &pool;
  if (pool.owner) ++pool.owner->segments;
  stats_.segment.increase(pool.is_small, 1);
  stats_.reserved_bytes.increase(pool.is_small, whole);
  return &block;
}

// Null when there is no memory.
void* DeviceAllocator::device_malloc(int64_t size) {
  if (stats_.reserved_bytes.all.current + size > limit_) return nullptr;
  const DeviceGuard guard(device_);
  const RelaxedCapture relaxed;
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, size_t(size));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check(status, "cudaMalloc");
  ++stats_.num_device_alloc;
  return data;
}

void DeviceAllocator::throw_out_of_memory(int64_t num_bytes) {
  ++stats_.num_ooms;
  const DeviceGuard guard(device_);
  const RelaxedCapture relaxed;
  size_t free = 0, total = 0;
  CUDA_CHECK(cudaMemGetInfo(&free, &total));
  std::string text =
      str("allocate: ", Device(kCUDA, device_), " is out of memory: requested ",
          format_bytes(num_bytes), ", allocated ", format_bytes(stats_.allocated_bytes.all.current),
          ", reserved ", format_bytes(stats_.reserved_bytes.all.current), ", free ",
          format_bytes(int64_t(free)), " of ", format_bytes(int64_t(total)));
  if (limit_ != INT64_MAX)
    text += ", limit " + format_bytes(limit_) + " (set_per_process_memory_fraction)";
  throw OutOfMemoryError(text);
}

// Cuts `block` down to `size`; the rest becomes a free block of its own where that is worth while.
void DeviceAllocator::split(Block* block, int64_t size) {
  const int64_t rest = block->key.size - size;
  if (block->pool->is_small ? rest < kRounding : rest <= kLargestSmall) return;
  const char* data = block->key.data + size;
  Block& right = blocks_[data];
  right.key = {block->key.stream, rest, data};
  right.pool = block->pool;
  right.previous = block;
  right.next = block->next;
  if (right.next) right.next->previous = &right;
  block->next = &right;
  block->key.size = size;
  enter_free(&right);
}

void DeviceAllocator::free(void* data) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(data);
  if (found == blocks_.end() || found->second.state != BlockInfo::State::in_use) return;
  Block& block = found->second;
  block.state = BlockInfo::State::pending;
  const bool is_small = block.pool->is_small;
  stats_.allocation.decrease(is_small, 1);
  stats_.allocated_bytes.decrease(is_small, block.key.size);
  stats_.requested_bytes.decrease(is_small, std::exchange(block.requested, 0));
  note_in_profile(-block.key.size);
  try {
    if (block.other_streams.empty())
      recycle(&block);
    else if (is_capturing())
      deferred_.push_back(&block);
    else
      insert_events(&block);
  } catch (...) {
    // The block stays pending for good: lost, but never handed out while it may be in use.
  }
}

void DeviceAllocator::record_stream(void* data, const Stream& stream) {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(data);
  if (found == blocks_.end()) return;
  Block& block = found->second;
  if (stream.native() == block.key.stream && stream.device_index() == device_) return;
  if (std::find(block.other_streams.begin(), block.other_streams.end(), stream) ==
      block.other_streams.end())
    block.other_streams.push_back(stream);
}

// The block's memory can be handed out again.
void DeviceAllocator::recycle(Block* block) {
  stats_.active.decrease(block->pool->is_small, 1);
  stats_.active_bytes.decrease(block->pool->is_small, block->key.size);
  if (is_uncached(*block->pool) && !is_capturing()) return release_segment(block);
  FreeBlocks& free = block->pool->free;
  if (Block* left = block->previous; left && left->is_free()) {
    leave_free(free.find(left));
    absorb(left, block);
    block = left;
  }
  if (Block* right = block->next; right && right->is_free()) {
    leave_free(free.find(right));
    absorb(block, right);
  }
  enter_free(block);
}

void DeviceAllocator::absorb(Block* left, Block* right) {
  left->key.size += right->key.size;
  left->next = right->next;
  if (left->next) left->next->previous = left;
  blocks_.erase(right->key.data);
}

void DeviceAllocator::enter_free(Block* block) {
  block->state = BlockInfo::State::free;
  BlockPool& pool = *block->pool;
  if (block->node)
    pool.free.insert(std::move(block->node));
  else
    pool.free.insert(block);
  if (!block->is_split()) return;
  stats_.inactive_split.increase(pool.is_small, 1);
  stats_.inactive_split_bytes.increase(pool.is_small, block->key.size);
}

void DeviceAllocator::leave_free(FreeBlocks::iterator position) {
  Block* const block = *position;
  BlockPool& pool = *block->pool;
  block->node = pool.free.extract(position);
  if (!block->is_split()) return;
  stats_.inactive_split.decrease(pool.is_small, 1);
  stats_.inactive_split_bytes.decrease(pool.is_small, block->key.size);
}

void DeviceAllocator::release_segment(Block* block) {
  const DeviceGuard guard(device_);
  const RelaxedCapture relaxed;
  // Errors of earlier work show up here, too. They are for that work's caller; so is the exit of the process.
  if (cudaFree(const_cast<char*>(block->key.data)) != cudaSuccess) cudaGetLastError();
  ++stats_.num_device_free;
  stats_.segment.decrease(block->pool->is_small, 1);
  stats_.reserved_bytes.decrease(block->pool->is_small, block->key.size);
  if (block->pool->owner) --block->pool->owner->segments;
  blocks_.erase(block->key.data);
}

void DeviceAllocator::release_cached(BlockPool& pool) {
  for (auto position = pool.free.begin(); position != pool.free.end();) {
    Block* const block = *position;
    const auto current = position++;
    if (block->is_split()) continue;
    leave_free(current);
    release_segment(block);
  }
}

void DeviceAllocator::release_cached() {
  process_events();
  // Free blocks may still be in use by queued work of their own streams, and cudaFree is not promised to wait.
  const DeviceGuard guard(device_);
  CUDA_CHECK(cudaDeviceSynchronize());
  for (const auto& [stream, queue] : pending_) queue.back().event.synchronize();
  process_events();
  release_cached(small_pool_);
  release_cached(large_pool_);
  for (const auto& pool : private_pools_) {
    if (!pool->is_released) continue;
    release_cached(pool->small_pool);
    release_cached(pool->large_pool);
  }
  std::erase_if(private_pools_,
                [](const auto& pool) { return pool->is_released && pool->segments == 0; });
}

void DeviceAllocator::empty_cache() {
  const std::lock_guard lock(mutex_);
  if (!is_capturing()) release_cached();
}

void DeviceAllocator::insert_events(Block* block) {
  const auto streams = std::exchange(block->other_streams, {});
  // Counted before anything can throw: a block that lacks an event must not become free by the others.
  block->pending_events += int(streams.size());
  for (const Stream& stream : streams) {
    Event event;
    event.record(stream);
    pending_[{stream.device_index(), stream.native()}].push_back({std::move(event), block});
  }
}

void DeviceAllocator::process_events() {
  for (Block* block : std::exchange(deferred_, {})) insert_events(block);
  for (auto& [stream, queue] : pending_) {
    while (!queue.empty() && queue.front().event.query()) {
      Block* const block = queue.front().block;
      queue.pop_front();
      if (--block->pending_events == 0) recycle(block);
    }
  }
  std::erase_if(pending_, [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace fg::cuda
