// Scalar: one number of any element type, as an argument of an op.
#pragma once

#include <ostream>

#include "tensor/dtype.h"

namespace fg {

/// Holds a double, an int64 or a bool; converts implicitly from every arithmetic type.
class Scalar {
 public:
  Scalar() : Scalar(int64_t{0}) {}
  template <class T>
  requires std::is_arithmetic_v<T> Scalar(T value) {
    if constexpr (std::is_same_v<T, bool>) {
      type_ = kBool, integer_ = value;
    } else if constexpr (std::is_floating_point_v<T>) {
      type_ = kDouble, floating_ = double(value);
    } else {
      type_ = kLong, integer_ = int64_t(value);
    }
  }
  Scalar(Half value) : Scalar(float(value)) {}
  Scalar(BFloat16 value) : Scalar(float(value)) {}

  /// Double, Long or Bool.
  ScalarType type() const { return type_; }
  bool isFloatingPoint() const { return type_ == kDouble; }
  bool isIntegral(bool include_bool) const { return is_integral(type_, include_bool); }
  bool isBoolean() const { return type_ == kBool; }
  bool isComplex() const { return false; }

  /// The value as T, by C++ conversion.
  template <class T>
  T to() const {
    if (isFloatingPoint()) return static_cast<T>(floating_);
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
      return T(float(integer_));
    else
      return static_cast<T>(integer_);
  }
  double toDouble() const { return to<double>(); }
  float toFloat() const { return to<float>(); }
  int64_t toLong() const { return to<int64_t>(); }
  int toInt() const { return to<int>(); }
  bool toBool() const { return to<bool>(); }

  Scalar operator-() const { return isFloatingPoint() ? Scalar(-floating_) : Scalar(-integer_); }
  bool equal(double value) const { return toDouble() == value; }

 private:
  ScalarType type_;
  union {
    double floating_;
    int64_t integer_;
  };
};

inline std::ostream& operator<<(std::ostream& out, const Scalar& value) {
  if (value.isFloatingPoint()) return out << value.toDouble();
  if (value.isBoolean()) return out << (value.toBool() ? "true" : "false");
  return out << value.toLong();
}

}  // namespace fg
