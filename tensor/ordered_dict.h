// OrderedDict: a map that remembers the order of insertion.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensor/error.h"

namespace fg {

/// Keys in order of insertion, found by hash. Keys are unique; a missing or repeated one is an error
/// whose text starts with the dictionary's `key_description`.
template <class Key, class Value>
class OrderedDict {
 public:
  /// One entry; converts to the pair that structured bindings and range-for want.
  class Item {
   public:
    Item(Key key, Value value) : pair_(std::move(key), std::move(value)) {}
    const Key& key() const noexcept { return pair_.first; }
    Value& value() noexcept { return pair_.second; }
    const Value& value() const noexcept { return pair_.second; }
    Value& operator*() noexcept { return value(); }
    const Value& operator*() const noexcept { return value(); }
    Value* operator->() noexcept { return &value(); }
    const Value* operator->() const noexcept { return &value(); }
    const std::pair<Key, Value>& pair() const noexcept { return pair_; }

   private:
    // The key is not const, so that items can be assigned and moved; only const access is given.
    std::pair<Key, Value> pair_;
  };

  using ItemList = std::vector<Item>;
  using Iterator = typename ItemList::iterator;
  using ConstIterator = typename ItemList::const_iterator;

  OrderedDict() : OrderedDict("Key") {}
  explicit OrderedDict(std::string key_description)
      : key_description_(std::move(key_description)) {}
  OrderedDict(std::initializer_list<Item> items) : OrderedDict("Key") {
    for (const Item& item : items) insert(item.key(), item.value());
  }

  const std::string& key_description() const noexcept { return key_description_; }
  size_t size() const noexcept { return items_.size(); }
  bool is_empty() const noexcept { return items_.empty(); }
  bool empty() const noexcept { return is_empty(); }
  bool contains(const Key& key) const { return index_.count(key) > 0; }

  Iterator begin() { return items_.begin(); }
  ConstIterator begin() const { return items_.begin(); }
  Iterator end() { return items_.end(); }
  ConstIterator end() const { return items_.end(); }
  Item& front() {
    ENSURE(!is_empty(), "Called front() on an empty OrderedDict");
    return items_.front();
  }
  const Item& front() const { return const_cast<OrderedDict*>(this)->front(); }
  Item& back() {
    ENSURE(!is_empty(), "Called back() on an empty OrderedDict");
    return items_.back();
  }
  const Item& back() const { return const_cast<OrderedDict*>(this)->back(); }
  /// The index-th item in order of insertion.
  Item& operator[](size_t index) {
    ENSURE(index < size(), "Index ", index, " is out of bounds");
    return items_[index];
  }
  const Item& operator[](size_t index) const { return const_cast<OrderedDict&>(*this)[index]; }
  /// The value of a key; throws if there is none.
  Value& operator[](const Key& key) {
    Value* value = find(key);
    ENSURE(value, key_description_, " '", key, "' is not defined");
    return *value;
  }
  const Value& operator[](const Key& key) const { return const_cast<OrderedDict&>(*this)[key]; }
  /// Null if there is no such key.
  Value* find(const Key& key) noexcept {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &items_[found->second].value();
  }
  const Value* find(const Key& key) const noexcept {
    return const_cast<OrderedDict*>(this)->find(key);
  }

  /// Throws if the key is already there.
  template <class K, class V>
  Value& insert(K&& key, V&& value) {
    ENSURE(!contains(key), key_description_, " '", key, "' already defined");
    items_.emplace_back(Key(std::forward<K>(key)), Value(std::forward<V>(value)));
    index_.emplace(items_.back().key(), items_.size() - 1);
    return items_.back().value();
  }
  Value& insert(Key key, Value&& value) {
    return insert<Key, Value>(std::move(key), std::move(value));
  }
  /// Appends every item of `other`; throws if a key is in both.
  void update(const OrderedDict& other) {
    for (const Item& item : other) insert(item.key(), item.value());
  }
  void update(OrderedDict&& other) {
    for (Item& item : other) insert(item.key(), std::move(item.value()));
  }
  /// Removes one key; throws if there is none.
  void erase(const Key& key) {
    const auto found = index_.find(key);
    ENSURE(found != index_.end(), key_description_, " '", key, "' is not defined");
    const size_t at = found->second;
    index_.erase(found);
    items_.erase(items_.begin() + int64_t(at));
    for (auto& [name, position] : index_) position -= position > at;
  }
  void clear() {
    items_.clear();
    index_.clear();
  }
  void reserve(size_t count) {
    items_.reserve(count);
    index_.reserve(count);
  }

  const ItemList& items() const noexcept { return items_; }
  std::vector<Key> keys() const {
    std::vector<Key> keys;
    for (const Item& item : items_) keys.push_back(item.key());
    return keys;
  }
  std::vector<Value> values() const {
    std::vector<Value> values;
    for (const Item& item : items_) values.push_back(item.value());
    return values;
  }
  std::vector<std::pair<Key, Value>> pairs() const {
    std::vector<std::pair<Key, Value>> pairs;
    for (const Item& item : items_) pairs.push_back(item.pair());
    return pairs;
  }

 private:
  ItemList items_;
  std::unordered_map<Key, size_t> index_;
  std::string key_description_;
};

}  // namespace fg
