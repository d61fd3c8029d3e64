// TensorDataContainer: nested braces of numbers on their way into fg::tensor.
#pragma once

#include <vector>

#include "tensor/array_ref.h"
#include "tensor/scalar.h"

namespace fg::detail {

/// One number, or a list of containers of equal shape. Throws when a list is ragged or mixes types.
class TensorDataContainer {
 public:
  TensorDataContainer() : sizes_{0} {}
  template <class T>
  requires(std::is_arithmetic_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
      TensorDataContainer(T value)
      : values_{Scalar(value)}, type_(scalar_type_of<T>), is_number_(true) {}
  TensorDataContainer(std::initializer_list<TensorDataContainer> items);
  template <class T>
  requires std::is_arithmetic_v<T> TensorDataContainer(ArrayRef<T> values)
      : values_(values.begin(), values.end()),
        sizes_{int64_t(values.size())},
        type_(scalar_type_of<T>) {}
  template <class T>
  requires std::is_arithmetic_v<T> TensorDataContainer(const std::vector<T>& values)
      : values_(values.begin(), values.end()),
        sizes_{int64_t(values.size())},
        type_(scalar_type_of<T>) {}

  const std::vector<Scalar>& values() const { return values_; }
  IntArrayRef sizes() const { return sizes_; }
  /// Bool, Long for any integer, the default dtype for any floating value.
  ScalarType default_type() const {
    return type_ == kBool ? kBool : is_floating(type_) ? get_default_dtype() : kLong;
  }
  bool is_number() const { return is_number_; }

 private:
  std::vector<Scalar> values_;
  DimVector sizes_;
  ScalarType type_ = kFloat;
  bool is_number_ = false;
};

}  // namespace fg::detail
