// TensorIndex: one entry of `x.index({...})`.
#pragma once

#include <limits>
#include <variant>

#include "fusegrad/version.h"
#include "tensor/array_ref.h"
#include "tensor/intrusive_ptr.h"

namespace fg {

class TensorImpl;

namespace indexing {

/// `start:stop:step` of Python; step must be positive. Absent ends take the whole extent.
class Slice {
 public:
  Slice(optional<int64_t> start = nullopt, optional<int64_t> stop = nullopt,
        optional<int64_t> step = nullopt)
      : start_(start.value_or(0)), stop_(stop.value_or(kEnd)), step_(step.value_or(1)) {
    ENSURE(step_ > 0, "Slice: step must be positive, got ", step_);
  }
  int64_t start() const { return start_; }
  int64_t stop() const { return stop_; }
  int64_t step() const { return step_; }

 private:
  static constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  int64_t start_;
  int64_t stop_;
  int64_t step_;
};

std::ostream& operator<<(std::ostream& out, const Slice& slice);

enum class EllipsisIndexType { Ellipsis };
inline constexpr EllipsisIndexType Ellipsis = EllipsisIndexType::Ellipsis;
inline constexpr std::nullopt_t None = std::nullopt;

/// An integer, a Slice, None (new dim), Ellipsis (or the text "..."), a bool, or an index tensor
/// (int64 or bool).
class TensorIndex {
 public:
  TensorIndex(std::nullopt_t) : value_(std::monostate()) {}
  TensorIndex(EllipsisIndexType) : value_(EllipsisIndexType::Ellipsis) {}
  TensorIndex(const char* text) : value_(EllipsisIndexType::Ellipsis) {
    ENSURE(std::string(text) == "...", "TensorIndex: text must be \"...\", got \"", text, "\"");
  }
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) TensorIndex(T index)
      : value_(int64_t(index)) {}
  template <class T>
  requires std::is_same_v<T, bool> TensorIndex(T flag) : value_(flag) {}
  TensorIndex(Slice slice) : value_(slice) {}
  TensorIndex(const Tensor& tensor);

  bool is_none() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_ellipsis() const { return std::holds_alternative<EllipsisIndexType>(value_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(value_); }
  bool is_boolean() const { return std::holds_alternative<bool>(value_); }
  bool is_slice() const { return std::holds_alternative<Slice>(value_); }
  bool is_tensor() const { return std::holds_alternative<intrusive_ptr<TensorImpl>>(value_); }
  int64_t integer() const { return std::get<int64_t>(value_); }
  bool boolean() const { return std::get<bool>(value_); }
  const Slice& slice() const { return std::get<Slice>(value_); }
  Tensor tensor() const;

 private:
  std::variant<std::monostate, EllipsisIndexType, int64_t, bool, Slice, intrusive_ptr<TensorImpl>>
      value_;
};

std::ostream& operator<<(std::ostream& out, const TensorIndex& index);
/// `(None, 0, 1:2:1)`
std::ostream& operator<<(std::ostream& out, const std::vector<TensorIndex>& indices);

}  // namespace indexing
}  // namespace fg
