// Host emulation of CUDA: thrust's iterators that compute their values, as inputs of CUB.
#pragma once

#include <cstddef>
#include <iterator>
#include <type_traits>

namespace thrust {

/// at(0), at(1), ... for a function of the index.
template <class F>
class cuda_host_computed_iterator {
 public:
  using value_type = std::decay_t<std::invoke_result_t<const F&, std::ptrdiff_t>>;
  using difference_type = std::ptrdiff_t;
  using reference = value_type;
  using pointer = void;
  using iterator_category = std::input_iterator_tag;

  cuda_host_computed_iterator(F at, std::ptrdiff_t offset) : at_(at), offset_(offset) {}
  value_type operator*() const { return at_(offset_); }
  value_type operator[](std::ptrdiff_t i) const { return at_(offset_ + i); }
  cuda_host_computed_iterator operator+(std::ptrdiff_t i) const { return {at_, offset_ + i}; }
  cuda_host_computed_iterator& operator++() {
    ++offset_;
    return *this;
  }
  std::ptrdiff_t operator-(const cuda_host_computed_iterator& other) const {
    return offset_ - other.offset_;
  }

 private:
  F at_;
  std::ptrdiff_t offset_;
};

namespace cuda_host_detail {

template <class T>
struct Count {
  T first;
  T operator()(std::ptrdiff_t i) const { return T(first + T(i)); }
};
template <class T>
struct Constant {
  T value;
  T operator()(std::ptrdiff_t) const { return value; }
};
template <class F, class Iterator>
struct Transformed {
  Iterator base;
  F f;
  auto operator()(std::ptrdiff_t i) const { return f(base[i]); }
};

}  // namespace cuda_host_detail

template <class T>
struct counting_iterator : cuda_host_computed_iterator<cuda_host_detail::Count<T>> {
  explicit counting_iterator(T first)
      : cuda_host_computed_iterator<cuda_host_detail::Count<T>>({first}, 0) {}
};
template <class T>
counting_iterator<T> make_counting_iterator(T first) {
  return counting_iterator<T>(first);
}

template <class T>
struct constant_iterator : cuda_host_computed_iterator<cuda_host_detail::Constant<T>> {
  explicit constant_iterator(T value)
      : cuda_host_computed_iterator<cuda_host_detail::Constant<T>>({value}, 0) {}
};
template <class T>
constant_iterator<T> make_constant_iterator(T value) {
  return constant_iterator<T>(value);
}

template <class F, class Iterator>
struct transform_iterator
    : cuda_host_computed_iterator<cuda_host_detail::Transformed<F, Iterator>> {
  transform_iterator(Iterator base, F f)
      : cuda_host_computed_iterator<cuda_host_detail::Transformed<F, Iterator>>({base, f}, 0) {}
};
template <class F, class Iterator>
transform_iterator<F, Iterator> make_transform_iterator(Iterator base, F f) {
  return {base, f};
}

}  // namespace thrust
