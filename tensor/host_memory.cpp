#include "tensor/host_memory.h"

#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <unistd.h>

#include "tensor/error.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

constexpr int64_t kAlignment = 64;
// Smaller blocks stay with malloc, whose own free lists serve them without page faults.
constexpr int64_t kSmallestKept = 64 * 1024;

// Sizes are rounded up to eight steps per power of two, so that near sizes share blocks and at most an
// eighth of a block is wasted.
int64_t size_class(int64_t num_bytes) {
  if (num_bytes < kSmallestKept) return (num_bytes + kAlignment - 1) / kAlignment * kAlignment;
  const int64_t step = int64_t(std::bit_floor(uint64_t(num_bytes))) / 8;
  return (num_bytes + step - 1) / step * step;
}

class HostCache {
 public:
  void* take(int64_t size) {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find(size);
    if (found == blocks_.end() || found->second.empty()) return nullptr;
    void* const block = found->second.back();
    found->second.pop_back();
    kept_ -= size;
    return block;
  }
  bool keep(void* block, int64_t size) noexcept {
    const std::lock_guard lock(mutex_);
    if (kept_ + size > limit_) return false;
    try {
      blocks_[size].push_back(block);
    } catch (const std::bad_alloc&) {
      return false;
    }
    kept_ += size;
    return true;
  }
  void clear() noexcept {
    const std::lock_guard lock(mutex_);
    for (auto& [size, list] : blocks_)
      for (void* block : list) std::free(block);
    blocks_.clear();
    kept_ = 0;
  }
  int64_t kept() {
    const std::lock_guard lock(mutex_);
    return kept_;
  }

 private:
#ifdef __SANITIZE_ADDRESS__
  static constexpr int64_t kShare = 0;  // reuse would hide a use after free
#else
  static constexpr int64_t kShare = 1;
#endif
  std::mutex mutex_;
  std::unordered_map<int64_t, std::vector<void*>> blocks_;
  int64_t kept_ = 0;
  int64_t limit_ = kShare * int64_t(sysconf(_SC_PHYS_PAGES)) * int64_t(sysconf(_SC_PAGESIZE)) / 8;
};

std::atomic<int64_t> live_bytes{0}, peak_bytes{0};

void count(int64_t num_bytes) noexcept {
  const int64_t now = live_bytes += num_bytes;
  if (profiler::detail::records(profiler::detail::kMemory)) [[unlikely]]
    profiler::detail::count_memory(kCPU, num_bytes, now);
  int64_t peak = peak_bytes;
  while (now > peak && !peak_bytes.compare_exchange_weak(peak, now)) {
  }
}

// Never destroyed: tensors with static storage duration are freed after it would be.
HostCache& cache() {
  static HostCache* const instance = new HostCache;
  return *instance;
}

}  // namespace

void* allocate_host_scratch(int64_t num_bytes) {
  if (num_bytes == 0) return nullptr;
  ENSURE(num_bytes > 0 && num_bytes <= INT64_MAX / 2, "storage: size must be in [0, 2^62], got ",
         num_bytes, " bytes");
  const int64_t size = size_class(num_bytes);
  if (size >= kSmallestKept)
    if (void* block = cache().take(size)) return block;
  void* block = std::aligned_alloc(size_t(kAlignment), size_t(size));
  if (!block) {
    empty_host_cache();
    block = std::aligned_alloc(size_t(kAlignment), size_t(size));
  }
  ENSURE(block, "storage: out of memory on cpu, requested ", num_bytes, " bytes");
  return block;
}

void free_host_scratch(void* data, int64_t num_bytes) noexcept {
  if (!data) return;
  const int64_t size = size_class(num_bytes);
  if (size < kSmallestKept || !cache().keep(data, size)) std::free(data);
}

void* allocate_host(int64_t num_bytes) {
  void* const block = allocate_host_scratch(num_bytes);
  count(num_bytes);
  return block;
}

void free_host(void* data, int64_t num_bytes) noexcept {
  if (data) count(-num_bytes);
  free_host_scratch(data, num_bytes);
}

int64_t host_memory_allocated() { return live_bytes; }
int64_t max_host_memory_allocated() { return peak_bytes; }
void reset_peak_host_memory() { peak_bytes = live_bytes.load(); }

int64_t host_cache_bytes() { return cache().kept(); }
void empty_host_cache() noexcept { cache().clear(); }

}  // namespace fg
