// A bounded map from the shapes of a library call to what was decided for them, such as an algorithm.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <optional>
#include <type_traits>
#include <unordered_map>

namespace fg::cuda {

/// How a cache has served since the program began or it was cleared.
struct CacheStats {
  int64_t hits = 0;
  int64_t misses = 0;
  int64_t size = 0;
};

/// Keeps the `capacity` entries that were used last. Key is a struct without padding, compared as bytes; its
/// size is a multiple of 8. Every call may come from any thread.
template <class Key, class Value>
class LruCache {
  static_assert(std::has_unique_object_representations_v<Key> && sizeof(Key) % 8 == 0);

 public:
  explicit LruCache(size_t capacity) : capacity_(capacity) {}

  /// A copy of the entry, or nothing.
  std::optional<Value> find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) {
      ++stats_.misses;
      return std::nullopt;
    }
    ++stats_.hits;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->second;
  }

  /// Adds or replaces an entry; the one that was used longest ago goes when there are too many.
  void insert(const Key& key, const Value& value) {
    const std::lock_guard lock(mutex_);
    if (const auto found = index_.find(key); found != index_.end()) {
      found->second->second = value;
      return;
    }
    order_.emplace_front(key, value);
    index_.emplace(key, order_.begin());
    if (index_.size() <= capacity_) return;
    index_.erase(order_.back().first);
    order_.pop_back();
  }

  CacheStats stats() const {
    const std::lock_guard lock(mutex_);
    CacheStats result = stats_;
    result.size = int64_t(index_.size());
    return result;
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    index_.clear();
    order_.clear();
    stats_ = {};
  }

 private:
  struct Hash {
    size_t operator()(const Key& key) const {
      uint64_t words[sizeof(Key) / 8], hash = 0;
      std::memcpy(words, &key, sizeof(Key));
      // Multiplying by an odd number with bits in all places (2^64 over the golden ratio) spreads each word
      // upwards, the rotation brings the high bits back down.
      for (const uint64_t word : words) hash = std::rotl((hash ^ word) * 0x9e3779b97f4a7c15u, 29);
      return size_t(hash ^ (hash >> 32));
    }
  };
  struct Equal {
    bool operator()(const Key& a, const Key& b) const {
      return std::memcmp(&a, &b, sizeof(Key)) == 0;
    }
  };
  using Order = std::list<std::pair<Key, Value>>;  // used last first

  mutable std::mutex mutex_;
  size_t capacity_;
  Order order_;
  std::unordered_map<Key, typename Order::iterator, Hash, Equal> index_;
  CacheStats stats_;
};

}  // namespace fg::cuda
