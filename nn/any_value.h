// AnyValue: one argument or result of a forward() whose types are not known at compile time.
#pragma once

#include <any>
#include <string>
#include <typeinfo>

#include "tensor/error.h"

namespace fg::nn {

/// The demangled name of a type.
std::string type_name(const std::type_info& type);

/// A value of any copyable type, stored decayed; read back under exactly that type.
class AnyValue {
 public:
  template <class T>
  requires(!std::is_same_v<std::decay_t<T>, AnyValue>) explicit AnyValue(T&& value)
      : value_(std::in_place_type<std::decay_t<T>>, std::forward<T>(value)) {}

  /// Null if the stored type is another one.
  template <class T>
  T* try_get() {
    static_assert(!std::is_reference_v<T> && !std::is_array_v<T>,
                  "AnyValue stores decayed types: ask for the value or pointer type");
    return std::any_cast<T>(&value_);
  }
  template <class T>
  T get() {
    T* value = try_get<T>();
    ENSURE(value, "Attempted to cast AnyValue to ", type_name(typeid(T)),
           ", but its actual type is ", type_name(type_info()));
    return *value;
  }
  const std::type_info& type_info() const noexcept { return value_.type(); }

 private:
  std::any value_;
};

}  // namespace fg::nn
