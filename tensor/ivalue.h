// IValue: a value of one of a few kinds, for dictionaries of settings.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

namespace fg {

/// Nothing, a number, a string, a list of numbers, a tensor or a list of tensors. Reading it as
/// another kind throws.
class IValue {
 public:
  IValue() = default;
  template <class T>
  requires std::is_arithmetic_v<T> IValue(T value) : value_(Scalar(value)) {}
  IValue(Scalar value) : value_(value) {}
  IValue(std::string value) : value_(std::move(value)) {}
  IValue(const char* value) : value_(std::string(value)) {}
  IValue(std::vector<int64_t> value) : value_(std::move(value)) {}
  IValue(IntArrayRef value) : value_(value.vec()) {}
  IValue(std::vector<double> value) : value_(std::move(value)) {}
  IValue(Tensor value) : value_(std::move(value)) {}
  IValue(std::vector<Tensor> value) : value_(std::move(value)) {}

  bool isNone() const { return is<std::monostate>(); }
  bool isScalar() const { return is<Scalar>(); }
  bool isInt() const { return isScalar() && toScalar().isIntegral(false); }
  bool isDouble() const { return isScalar() && toScalar().isFloatingPoint(); }
  bool isBool() const { return isScalar() && toScalar().isBoolean(); }
  bool isString() const { return is<std::string>(); }
  bool isIntList() const { return is<std::vector<int64_t>>(); }
  bool isDoubleList() const { return is<std::vector<double>>(); }
  bool isTensor() const { return is<Tensor>(); }
  bool isTensorList() const { return is<std::vector<Tensor>>(); }

  const Scalar& toScalar() const { return get<Scalar>("a number"); }
  int64_t toInt() const { return toScalar().toLong(); }
  double toDouble() const { return toScalar().toDouble(); }
  bool toBool() const { return toScalar().toBool(); }
  const std::string& toStringRef() const { return get<std::string>("a string"); }
  std::vector<int64_t> toIntVector() const {
    return get<std::vector<int64_t>>("a list of integers");
  }
  std::vector<double> toDoubleVector() const {
    return get<std::vector<double>>("a list of floats");
  }
  Tensor toTensor() const { return get<Tensor>("a tensor"); }
  std::vector<Tensor> toTensorVector() const {
    return get<std::vector<Tensor>>("a list of tensors");
  }

 private:
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(value_);
  }
  template <class T>
  const T& get(const char* kind) const {
    const T* value = std::get_if<T>(&value_);
    ENSURE(value, "IValue: value must be ", kind);
    return *value;
  }
  std::variant<std::monostate, Scalar, std::string, std::vector<int64_t>, std::vector<double>,
               Tensor, std::vector<Tensor>>
      value_;
};

}  // namespace fg
