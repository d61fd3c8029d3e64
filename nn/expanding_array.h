// ExpandingArray: D values, or one value that stands for all D.
#pragma once

#include <array>
#include <initializer_list>
#include <vector>

#include "tensor/array_ref.h"

namespace fg {

/// `ExpandingArray<2>(3)` is {3, 3}; a list must have exactly D values.
template <size_t D, class T = int64_t>
class ExpandingArray {
 public:
  ExpandingArray(std::initializer_list<T> list) : ExpandingArray(ArrayRef<T>(list)) {}
  ExpandingArray(const std::vector<T>& values) : ExpandingArray(ArrayRef<T>(values)) {}
  ExpandingArray(ArrayRef<T> values) {
    ENSURE(values.size() == D, "Expected ", D, " values, but instead got ", values.size());
    std::copy(values.begin(), values.end(), values_.begin());
  }
  ExpandingArray(T single) { values_.fill(single); }
  ExpandingArray(const std::array<T, D>& values) : values_(values) {}

  std::array<T, D>& operator*() { return values_; }
  const std::array<T, D>& operator*() const { return values_; }
  std::array<T, D>* operator->() { return &values_; }
  const std::array<T, D>* operator->() const { return &values_; }
  operator ArrayRef<T>() const { return values_; }
  size_t size() const { return D; }
  bool operator==(const ExpandingArray& other) const { return values_ == other.values_; }

 private:
  std::array<T, D> values_;
};

/// One value prints bare, several in brackets.
template <size_t D, class T>
std::ostream& operator<<(std::ostream& out, const ExpandingArray<D, T>& values) {
  if constexpr (D == 1)
    return out << (*values)[0];
  else
    return out << ArrayRef<T>(values);
}

/// An ExpandingArray some of whose values may be absent (`None` in Python).
template <size_t D, class T = int64_t>
class ExpandingArrayWithOptionalElem : public ExpandingArray<D, optional<T>> {
  using Base = ExpandingArray<D, optional<T>>;

 public:
  using Base::Base;
  ExpandingArrayWithOptionalElem(std::initializer_list<T> list)
      : ExpandingArrayWithOptionalElem(ArrayRef<T>(list)) {}
  ExpandingArrayWithOptionalElem(const std::vector<T>& values)
      : ExpandingArrayWithOptionalElem(ArrayRef<T>(values)) {}
  ExpandingArrayWithOptionalElem(ArrayRef<T> values)
      : Base(std::vector<optional<T>>(values.begin(), values.end())) {}
  ExpandingArrayWithOptionalElem(T single) : Base(optional<T>(single)) {}
  ExpandingArrayWithOptionalElem(std::nullopt_t) : Base(optional<T>()) {}
};

template <size_t D, class T>
std::ostream& operator<<(std::ostream& out, const ExpandingArrayWithOptionalElem<D, T>& values) {
  std::vector<std::string> parts;
  for (const optional<T>& value : *values) parts.push_back(value ? str(*value) : "None");
  if constexpr (D == 1)
    return out << parts[0];
  else
    return out << ArrayRef<std::string>(parts);
}

}  // namespace fg
