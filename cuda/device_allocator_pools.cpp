// Private pools, statistics and the snapshot of the caching allocator.
#include <algorithm>

#include "cuda/check.h"
#include "cuda/device_allocator.h"

namespace fg::cuda {

size_t DeviceAllocator::erase_routes(const std::function<bool(const Route&)>& predicate) {
  const size_t erased = std::erase_if(routes_, predicate);
  routes_of_all_devices_ -= erased;
  return erased;
}

PrivatePool* DeviceAllocator::add_pool() {
  const std::lock_guard lock(mutex_);
  return private_pools_.emplace_back(std::make_unique<PrivatePool>()).get();
}

void DeviceAllocator::release_pool(PrivatePool* pool) noexcept {
  const std::lock_guard lock(mutex_);
  erase_routes([&](const Route& route) { return route.pool == pool; });
  pool->is_released = true;
  if (pool->segments == 0)
    std::erase_if(private_pools_, [&](const auto& own) { return own.get() == pool; });
}

void DeviceAllocator::begin_route(NativeStream stream, PrivatePool* pool) {
  const std::lock_guard lock(mutex_);
  for (const Route& route : routes_)
    ENSURE(route.stream != stream, "MemoryPool: stream must not have a memory pool already");
  routes_.push_back({stream, pool});
  ++routes_of_all_devices_;
}

void DeviceAllocator::end_route(NativeStream stream, PrivatePool* pool) {
  const std::lock_guard lock(mutex_);
  const size_t ended = erase_routes(
      [&](const Route& route) { return route.stream == stream && route.pool == pool; });
  ENSURE(ended == 1, "MemoryPool: end must follow begin of the same stream and pool");
}

MemoryStats DeviceAllocator::stats() {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void DeviceAllocator::reset_peaks() {
  const std::lock_guard lock(mutex_);
  MemoryStats::for_each(stats_, [](const char*, PoolStat& stat) {
    for (Stat* part : {&stat.all, &stat.small_pool, &stat.large_pool}) part->peak = part->current;
  });
}

void DeviceAllocator::reset_accumulated() {
  const std::lock_guard lock(mutex_);
  MemoryStats::for_each(stats_, [](const char*, PoolStat& stat) {
    for (Stat* part : {&stat.all, &stat.small_pool, &stat.large_pool})
      part->allocated = part->freed = 0;
  });
  stats_.num_alloc_retries = stats_.num_ooms = 0;
  stats_.num_device_alloc = stats_.num_device_free = 0;
}

std::vector<SegmentInfo> DeviceAllocator::snapshot() {
  const std::lock_guard lock(mutex_);
  std::vector<SegmentInfo> segments;
  for (const auto& [address, first] : blocks_) {
    if (first.previous) continue;
    SegmentInfo& segment = segments.emplace_back();
    segment.address = address;
    segment.is_small = first.pool->is_small;
    segment.is_private = first.pool->owner != nullptr;
    segment.stream = first.key.stream;
    for (const Block* block = &first; block; block = block->next) {
      segment.size += block->key.size;
      segment.blocks.push_back({block->key.data, block->key.size, block->requested, block->state});
    }
  }
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a.address < b.address; });
  return segments;
}

void DeviceAllocator::set_limit(int64_t num_bytes) {
  const std::lock_guard lock(mutex_);
  limit_ = num_bytes;
}

}  // namespace fg::cuda
