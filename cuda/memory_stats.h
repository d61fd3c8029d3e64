// What the caching allocator counts, in the terms of PyTorch's memory_stats.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fg::cuda {

/// One quantity: its value now, its peak, and everything that was ever added and taken away.
struct Stat {
  int64_t current = 0;
  int64_t peak = 0;
  int64_t allocated = 0;
  int64_t freed = 0;

  void increase(int64_t amount) {
    current += amount;
    allocated += amount;
    peak = std::max(peak, current);
  }
  void decrease(int64_t amount) {
    current -= amount;
    freed += amount;
  }
  bool operator==(const Stat&) const = default;
};

/// A quantity of both pools together, of the small and of the large one.
struct PoolStat {
  Stat all, small_pool, large_pool;

  void increase(bool is_small, int64_t amount) {
    all.increase(amount);
    (is_small ? small_pool : large_pool).increase(amount);
  }
  void decrease(bool is_small, int64_t amount) {
    all.decrease(amount);
    (is_small ? small_pool : large_pool).decrease(amount);
  }
};

/// The statistics of one device, from cuda::memory_stats.
struct MemoryStats {
  // Counts. A segment is one cudaMalloc; a block is active until its memory can be handed out again, which
  // is later than its free where other streams use it; inactive splits are free parts of used segments.
  PoolStat allocation, segment, active, inactive_split;
  PoolStat allocated_bytes, reserved_bytes, active_bytes, inactive_split_bytes;
  /// Bytes as asked for, before rounding.
  PoolStat requested_bytes;
  /// Failed calls of cudaMalloc that led to emptying the cache, and those that led to OutOfMemoryError.
  int64_t num_alloc_retries = 0;
  int64_t num_ooms = 0;
  /// Calls of cudaMalloc and cudaFree.
  int64_t num_device_alloc = 0;
  int64_t num_device_free = 0;

  /// Calls `function(name, stat)` for each quantity, under PyTorch's name.
  template <class Self, class Function>
  static void for_each(Self& self, Function&& function) {
    function("allocation", self.allocation);
    function("segment", self.segment);
    function("active", self.active);
    function("inactive_split", self.inactive_split);
    function("allocated_bytes", self.allocated_bytes);
    function("reserved_bytes", self.reserved_bytes);
    function("active_bytes", self.active_bytes);
    function("inactive_split_bytes", self.inactive_split_bytes);
    function("requested_bytes", self.requested_bytes);
  }

  /// All of it under PyTorch's keys, such as "allocated_bytes.all.peak".
  std::map<std::string, int64_t> flat() const;
};

/// What memory_snapshot tells of one block.
struct BlockInfo {
  enum class State {
    free,     ///< can be handed out
    in_use,   ///< handed out
    pending,  ///< freed, but another stream's work may still use it
  };
  const void* address = nullptr;
  int64_t size = 0;
  /// Bytes asked for; 0 when free.
  int64_t requested = 0;
  State state = State::free;
};

/// What memory_snapshot tells of one segment, the memory of one cudaMalloc.
struct SegmentInfo {
  const void* address = nullptr;
  int64_t size = 0;
  bool is_small = false;
  /// Of a MemoryPool rather than for everyone.
  bool is_private = false;
  /// The native handle of the stream that the blocks are allocated for.
  const void* stream = nullptr;
  /// In the order of their addresses, without gaps.
  std::vector<BlockInfo> blocks;
};

}  // namespace fg::cuda
