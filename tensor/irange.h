// irange: the integers of a range, for loops.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <iterator>

namespace fg {

/// [begin, end) of one integer type.
template <std::integral T>
class IntegerRange {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = T;

    explicit Iterator(T value) : value_(value) {}
    T operator*() const { return value_; }
    Iterator& operator++() {
      ++value_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(value_++); }
    bool operator==(const Iterator&) const = default;

   private:
    T value_;
  };

  IntegerRange(T begin, T end) : begin_(begin), end_(std::max(begin, end)) {}
  Iterator begin() const { return Iterator(begin_); }
  Iterator end() const { return Iterator(end_); }

 private:
  T begin_, end_;
};

/// 0, 1, ..., end - 1, in the type of `end`; nothing when it is not positive.
template <std::integral T>
IntegerRange<T> irange(T end) {
  return {T(0), end};
}
/// begin, ..., end - 1 in the type of `end`; nothing when begin is not less.
template <std::integral From, std::integral T>
IntegerRange<T> irange(From begin, T end) {
  return {T(begin), end};
}

}  // namespace fg
