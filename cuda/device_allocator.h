// The caching allocator of one device: blocks, pools and what happens to them. Internal to cuda/.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "cuda/event.h"
#include "cuda/memory_stats.h"

namespace fg::cuda {

struct Block;
struct BlockPool;
struct PrivatePool;

/// What a free block is looked up by.
struct BlockKey {
  NativeStream stream;
  int64_t size;
  const char* data;
  auto operator<=>(const BlockKey&) const = default;
};

/// Orders free blocks by stream, then size, then address: the best fit is a lower bound.
struct BlockOrder {
  using is_transparent = void;
  inline bool operator()(const Block* a, const Block* b) const;
  inline bool operator()(const Block* a, const BlockKey& b) const;
};
using FreeBlocks = std::set<Block*, BlockOrder>;

/// A piece of a segment. Its neighbours in the segment are linked, free neighbours never adjoin.
struct Block {
  BlockKey key;
  BlockPool* pool = nullptr;
  BlockInfo::State state = BlockInfo::State::free;
  int64_t requested = 0;
  Block* previous = nullptr;
  Block* next = nullptr;
  /// Streams other than key.stream whose work uses the block, and marks in them that are not done yet.
  std::vector<Stream> other_streams;
  int pending_events = 0;
  /// The block's node of FreeBlocks while it is not free, so that a hit in the cache allocates nothing.
  FreeBlocks::node_type node;

  bool is_free() const { return state == BlockInfo::State::free; }
  bool is_split() const { return previous || next; }
};

bool BlockOrder::operator()(const Block* a, const Block* b) const { return a->key < b->key; }
bool BlockOrder::operator()(const Block* a, const BlockKey& b) const { return a->key < b; }

struct BlockPool {
  bool is_small = false;
  PrivatePool* owner = nullptr;
  FreeBlocks free;
};

/// The pools of a MemoryPool.
struct PrivatePool {
  BlockPool small_pool{true, this, {}};
  BlockPool large_pool{false, this, {}};
  int64_t segments = 0;
  /// Whether the last MemoryPool handle is gone.
  bool is_released = false;
};

class DeviceAllocator {
 public:
  explicit DeviceAllocator(DeviceIndex device);

  void* allocate(int64_t num_bytes, NativeStream stream);
  void free(void* data) noexcept;
  void record_stream(void* data, const Stream& stream);
  void empty_cache();

  PrivatePool* add_pool();
  void release_pool(PrivatePool* pool) noexcept;
  void begin_route(NativeStream stream, PrivatePool* pool);
  void end_route(NativeStream stream, PrivatePool* pool);

  MemoryStats stats();
  void reset_peaks();
  void reset_accumulated();
  std::vector<SegmentInfo> snapshot();
  void set_limit(int64_t num_bytes);

 private:
  struct Route {
    NativeStream stream;
    PrivatePool* pool;
  };
  struct PendingEvent {
    Event event;
    Block* block;
  };

  // While a graph is captured, on whatever device, calls that wait for or ask a GPU would break the capture.
  static bool is_capturing() { return routes_of_all_devices_ > 0; }
  void note_in_profile(int64_t num_bytes) const noexcept;
  size_t erase_routes(const std::function<bool(const Route&)>& predicate);
  // Where every block is its own cudaMalloc; graphs keep their pools all the same.
  bool is_uncached(const BlockPool& pool) const { return no_cache_ && !pool.owner; }

  BlockPool& pool_for(NativeStream stream, int64_t size);
  Block* take_free(BlockPool& pool, NativeStream stream, int64_t size);
  Block* new_segment(BlockPool& pool, NativeStream stream, int64_t size);
  void* device_malloc(int64_t size);
  [[noreturn]] void throw_out_of_memory(int64_t num_bytes);
  void split(Block* block, int64_t size);

  void recycle(Block* block);
  void absorb(Block* left, Block* right);
  void enter_free(Block* block);
  void leave_free(FreeBlocks::iterator position);
  void release_segment(Block* block);
  void release_cached();
  void release_cached(BlockPool& pool);

  void insert_events(Block* block);
  void process_events();

  inline static std::atomic<size_t> routes_of_all_devices_{0};
  const DeviceIndex device_;
  const bool no_cache_;
  std::mutex mutex_;
  std::unordered_map<const void*, Block> blocks_;  // by address, used and free ones
  BlockPool small_pool_{true, nullptr, {}};
  BlockPool large_pool_{false, nullptr, {}};
  std::vector<std::unique_ptr<PrivatePool>> private_pools_;
  std::vector<Route> routes_;
  std::map<std::pair<DeviceIndex, NativeStream>, std::deque<PendingEvent>> pending_;  // by stream
  std::vector<Block*> deferred_;  // freed during a capture, to be marked with events after it
  MemoryStats stats_;
  int64_t limit_ = INT64_MAX;
};

}  // namespace fg::cuda
