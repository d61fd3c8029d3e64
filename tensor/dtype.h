// Element types: the enum with PyTorch's constants, traits, promotion and the typed dispatch.
#pragma once

#include <cstdint>
#include <ostream>
#include <type_traits>

#include "tensor/error.h"
#include "tensor/half.h"

namespace fg {

/// Element type of a tensor. 16-bit floating types are stored only: arithmetic runs in float.
enum class ScalarType : int8_t {
  Byte,
  Char,
  Short,
  Int,
  Long,
  Half,
  Float,
  Double,
  Bool,
  BFloat16,
};
using Dtype = ScalarType;
inline constexpr int kNumScalarTypes = 10;

inline constexpr ScalarType kByte = ScalarType::Byte, kUInt8 = kByte;
inline constexpr ScalarType kChar = ScalarType::Char, kInt8 = kChar;
inline constexpr ScalarType kShort = ScalarType::Short, kInt16 = kShort;
inline constexpr ScalarType kInt = ScalarType::Int, kInt32 = kInt;
inline constexpr ScalarType kLong = ScalarType::Long, kInt64 = kLong;
inline constexpr ScalarType kHalf = ScalarType::Half, kFloat16 = kHalf;
inline constexpr ScalarType kFloat = ScalarType::Float, kFloat32 = kFloat;
inline constexpr ScalarType kDouble = ScalarType::Double, kFloat64 = kDouble;
inline constexpr ScalarType kBool = ScalarType::Bool;
inline constexpr ScalarType kBFloat16 = ScalarType::BFloat16;

#define FOR_EACH_SCALAR_TYPE(X) \
  X(uint8_t, Byte)              \
  X(int8_t, Char)               \
  X(int16_t, Short)             \
  X(int32_t, Int)               \
  X(int64_t, Long)              \
  X(::fg::Half, Half)           \
  X(float, Float)               \
  X(double, Double)             \
  X(bool, Bool)                 \
  X(::fg::BFloat16, BFloat16)

namespace detail {
template <class T>
struct ScalarTypeOf;
#define X(cpp_type, Name)                                 \
  template <>                                             \
  struct ScalarTypeOf<cpp_type> {                         \
    static constexpr ScalarType value = ScalarType::Name; \
  };
FOR_EACH_SCALAR_TYPE(X)
#undef X
template <>
struct ScalarTypeOf<long long> : ScalarTypeOf<int64_t> {};
}  // namespace detail

/// The ScalarType whose elements are stored as the C++ type T.
template <class T>
inline constexpr ScalarType scalar_type_of = detail::ScalarTypeOf<std::remove_cv_t<T>>::value;

/// Bytes of one element.
int64_t element_size(ScalarType type);
/// PyTorch's name of the enum constant: "Float", "Long", ...
const char* to_string(ScalarType type);
std::ostream& operator<<(std::ostream& out, ScalarType type);

constexpr bool is_reduced_floating(ScalarType t) { return t == kHalf || t == kBFloat16; }
constexpr bool is_floating(ScalarType t) {
  return t == kFloat || t == kDouble || is_reduced_floating(t);
}
constexpr bool is_integral(ScalarType t, bool include_bool) {
  return include_bool ? !is_floating(t) : !is_floating(t) && t != kBool;
}
/// The type arithmetic runs in: double for double, float for the other floating types, int64 for
/// integers and bool.
constexpr ScalarType compute_type(ScalarType t) {
  return t == kDouble ? kDouble : is_floating(t) ? kFloat : kLong;
}

/// PyTorch's promotion table for two tensors of equal category rank.
ScalarType promote_types(ScalarType a, ScalarType b);
/// Whether a value of type `from` may be written into a tensor of type `to` by an in-place op.
bool can_cast(ScalarType from, ScalarType to);

/// The floating type that new tensors get (float32 unless changed), as in PyTorch.
ScalarType get_default_dtype();
void set_default_dtype(ScalarType type);

namespace detail {
[[noreturn]] void fail_dtype(const char* op, const char* expected, ScalarType got);
}

/// Calls `body.template operator()<T>()` with the C++ type of `type`.
template <class Body>
decltype(auto) dispatch_all(ScalarType type, const char* op, Body&& body) {
  switch (type) {
#define X(cpp_type, Name) \
  case ScalarType::Name:  \
    return body.template operator()<cpp_type>();
    FOR_EACH_SCALAR_TYPE(X)
#undef X
  }
  detail::fail_dtype(op, "a known dtype", type);
}

/// Like dispatch_all for float and double only: the two types that CPU kernels compute in.
template <class Body>
decltype(auto) dispatch_float_double(ScalarType type, const char* op, Body&& body) {
  if (type == kFloat) return body.template operator()<float>();
  if (type == kDouble) return body.template operator()<double>();
  detail::fail_dtype(op, "Float or Double", type);
}

/// Like dispatch_all for the three compute types: float, double and int64.
template <class Body>
decltype(auto) dispatch_compute(ScalarType type, const char* op, Body&& body) {
  if (type == kFloat) return body.template operator()<float>();
  if (type == kDouble) return body.template operator()<double>();
  if (type == kLong) return body.template operator()<int64_t>();
  detail::fail_dtype(op, "Float, Double or Long", type);
}

}  // namespace fg
