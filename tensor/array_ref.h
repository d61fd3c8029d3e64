// ArrayRef, a non-owning view of consecutive values, and DimVector, a vector that keeps the extents
// of usual tensors inline.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ostream>
#include <vector>

#include "tensor/error.h"

namespace fg {

using std::nullopt;
using std::optional;

/// A vector of trivially copyable values whose first N elements need no allocation.
template <class T, size_t N>
class SmallVector {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SmallVector() = default;
  explicit SmallVector(size_t count, const T& value = T()) { resize(count, value); }
  SmallVector(std::initializer_list<T> values) { assign(values.begin(), values.end()); }
  template <std::input_iterator It>
  SmallVector(It first, It last) {
    assign(first, last);
  }
  SmallVector(const SmallVector& other) { assign(other.begin(), other.end()); }
  SmallVector(SmallVector&& other) noexcept { *this = std::move(other); }
  SmallVector& operator=(const SmallVector& other) {
    if (this != &other) assign(other.begin(), other.end());
    return *this;
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this == &other) return *this;
    size_ = other.size_;
    inline_ = other.inline_;
    heap_ = std::move(other.heap_);
    other.size_ = 0;
    return *this;
  }

  template <class It>
  void assign(It first, It last) {
    clear();
    for (; first != last; ++first) push_back(static_cast<T>(*first));
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return size_ > N ? heap_.data() : inline_.data(); }
  const T* data() const { return size_ > N ? heap_.data() : inline_.data(); }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }
  T& front() { return data()[0]; }
  const T& front() const { return data()[0]; }

  void clear() {
    size_ = 0;
    heap_.clear();
  }
  void push_back(T value) { insert(size_, value); }
  void pop_back() { erase(size_ - 1); }
  void resize(size_t count, const T& value = T()) {
    while (size_ > count) pop_back();
    while (size_ < count) push_back(value);
  }
  void insert(size_t at, T value) {
    if (size_ < N) {
      std::move_backward(inline_.begin() + at, inline_.begin() + size_,
                         inline_.begin() + size_ + 1);
      inline_[at] = value;
    } else {
      if (size_ == N) heap_.assign(inline_.begin(), inline_.end());
      heap_.insert(heap_.begin() + at, value);
    }
    ++size_;
  }
  void erase(size_t at) {
    if (size_ > N) {
      heap_.erase(heap_.begin() + at);
      if (size_ == N + 1) std::copy(heap_.begin(), heap_.end(), inline_.begin());
    } else {
      std::move(inline_.begin() + at + 1, inline_.begin() + size_, inline_.begin() + at);
    }
    --size_;
  }
  bool operator==(const SmallVector& other) const {
    return std::equal(begin(), end(), other.begin(), other.end());
  }

 private:
  size_t size_ = 0;
  std::array<T, N> inline_{};
  std::vector<T> heap_;
};

using DimVector = SmallVector<int64_t, 5>;

/// Non-owning view; the viewed values must outlive it. Takes lists, vectors, arrays and one value.
template <class T>
class ArrayRef {
 public:
  using value_type = T;
  using iterator = const T*;
  using const_iterator = const T*;
  using reverse_iterator = std::reverse_iterator<const T*>;

  constexpr ArrayRef() = default;
  constexpr ArrayRef(std::nullopt_t) {}
  constexpr ArrayRef(const T& one) : data_(&one), size_(1) {}
  constexpr ArrayRef(const T* data, size_t size) : data_(data), size_(size) {}
  constexpr ArrayRef(const T* first, const T* last) : data_(first), size_(size_t(last - first)) {}
  ArrayRef(const std::vector<T>& values) : data_(values.data()), size_(values.size()) {}
  template <size_t N>
  constexpr ArrayRef(const std::array<T, N>& values) : data_(values.data()), size_(N) {}
  template <size_t N>
  constexpr ArrayRef(const T (&values)[N]) : data_(values), size_(N) {}
  template <size_t N>
  ArrayRef(const SmallVector<T, N>& values) : data_(values.data()), size_(values.size()) {}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime"
  constexpr ArrayRef(const std::initializer_list<T>& values)
      : data_(values.size() ? values.begin() : nullptr), size_(values.size()) {}
#pragma GCC diagnostic pop

  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const T* data() const { return data_; }
  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }
  constexpr reverse_iterator rbegin() const { return reverse_iterator(end()); }
  constexpr reverse_iterator rend() const { return reverse_iterator(begin()); }
  constexpr const T& operator[](size_t i) const { return data_[i]; }
  const T& at(size_t i) const {
    ENSURE(i < size_, "ArrayRef: index ", i, " must be below the size ", size_);
    return data_[i];
  }
  const T& front() const { return at(0); }
  const T& back() const { return at(size_ - 1); }
  std::vector<T> vec() const { return std::vector<T>(begin(), end()); }
  ArrayRef slice(size_t from, size_t count) const {
    ENSURE(from + count <= size_, "ArrayRef: slice ", from, "+", count, " must end within ", size_);
    return {data_ + from, count};
  }
  ArrayRef slice(size_t from) const { return slice(from, size_ - from); }
  bool equals(ArrayRef other) const {
    return std::equal(begin(), end(), other.begin(), other.end());
  }
  operator std::vector<T>() const { return vec(); }

 private:
  const T* data_ = nullptr;
  size_t size_ = 0;
};

template <class T>
bool operator==(ArrayRef<T> a, ArrayRef<T> b) {
  return a.equals(b);
}
template <class T>
bool operator==(ArrayRef<T> a, const std::vector<T>& b) {
  return a.equals(ArrayRef<T>(b));
}
template <class T>
bool operator==(const std::vector<T>& a, ArrayRef<T> b) {
  return b.equals(ArrayRef<T>(a));
}

/// Prints `[2, 3, 4]`.
template <class T>
std::ostream& operator<<(std::ostream& out, ArrayRef<T> values) {
  out << '[';
  for (size_t i = 0; i < values.size(); ++i) out << (i ? ", " : "") << values[i];
  return out << ']';
}
template <class T, size_t N>
std::ostream& operator<<(std::ostream& out, const SmallVector<T, N>& values) {
  return out << ArrayRef<T>(values);
}

using IntArrayRef = ArrayRef<int64_t>;
/// An IntArrayRef that may be absent (`dim=None` in PyTorch). A default-made one is absent.
class OptionalIntArrayRef {
 public:
  OptionalIntArrayRef() = default;
  OptionalIntArrayRef(std::nullopt_t) {}
  OptionalIntArrayRef(IntArrayRef values) : values_(values), present_(true) {}
  OptionalIntArrayRef(const std::vector<int64_t>& values)
      : OptionalIntArrayRef(IntArrayRef(values)) {}
  OptionalIntArrayRef(const std::initializer_list<int64_t>& values)
      : OptionalIntArrayRef(IntArrayRef(values)) {}
  OptionalIntArrayRef(const int64_t& one) : OptionalIntArrayRef(IntArrayRef(one)) {}
  bool has_value() const { return present_; }
  explicit operator bool() const { return present_; }
  IntArrayRef value() const { return values_; }
  IntArrayRef operator*() const { return values_; }

 private:
  IntArrayRef values_;
  bool present_ = false;
};

}  // namespace fg
