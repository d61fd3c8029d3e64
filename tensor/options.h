// TensorOptions: dtype, device and requires_grad of a tensor to be made, each optional.
#pragma once

#include "tensor/array_ref.h"
#include "tensor/device.h"
#include "tensor/dtype.h"

namespace fg {

/// Tensors are strided; options may name the other layout, of which no tensor can be made.
enum class Layout : int8_t { Strided, Sparse };
inline constexpr Layout kStrided = Layout::Strided, kSparse = Layout::Sparse;

/// Order of the extents in memory. ChannelsLast is NHWC, ChannelsLast3d NDHWC.
enum class MemoryFormat : int8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };

/// Chained setters: `dtype(kFloat64).device(kCUDA).requires_grad(true)`. What is not set takes the
/// default: the default dtype, the CPU, no gradient.
class TensorOptions {
 public:
  TensorOptions() = default;
  TensorOptions(ScalarType type) : dtype_(type) {}
  TensorOptions(Device device) : device_(device) {}
  TensorOptions(DeviceType type) : device_(Device(type)) {}
  TensorOptions(Layout layout) : layout_(layout) {}

  TensorOptions dtype(optional<ScalarType> type) const {
    return with(&TensorOptions::dtype_, type);
  }
  TensorOptions device(optional<Device> device) const {
    return with(&TensorOptions::device_, device);
  }
  TensorOptions device(DeviceType type, DeviceIndex index = -1) const {
    return device(Device(type, index));
  }
  TensorOptions device_index(DeviceIndex index) const { return device(kCUDA, index); }
  TensorOptions requires_grad(optional<bool> value) const {
    return with(&TensorOptions::requires_grad_, value);
  }
  TensorOptions pinned_memory(optional<bool> value) const {
    return with(&TensorOptions::pinned_memory_, value);
  }
  TensorOptions memory_format(optional<MemoryFormat> value) const {
    return with(&TensorOptions::memory_format_, value);
  }
  TensorOptions layout(optional<Layout> value) const {
    return with(&TensorOptions::layout_, value);
  }

  ScalarType dtype() const { return dtype_.value_or(get_default_dtype()); }
  Device device() const { return device_.value_or(Device(kCPU)); }
  bool requires_grad() const { return requires_grad_.value_or(false); }
  bool pinned_memory() const { return pinned_memory_.value_or(false); }
  Layout layout() const { return layout_.value_or(kStrided); }
  optional<Layout> layout_opt() const { return layout_; }
  optional<ScalarType> dtype_opt() const { return dtype_; }
  optional<Device> device_opt() const { return device_; }
  optional<MemoryFormat> memory_format_opt() const { return memory_format_; }
  optional<bool> requires_grad_opt() const { return requires_grad_; }
  optional<bool> pinned_memory_opt() const { return pinned_memory_; }
  DeviceIndex device_index() const { return device().index(); }
  bool has_dtype() const { return dtype_.has_value(); }
  bool has_device() const { return device_.has_value(); }
  bool has_layout() const { return layout_.has_value(); }
  bool has_requires_grad() const { return requires_grad_.has_value(); }

  /// These options, with the gaps filled from `fallback`.
  TensorOptions or_else(const TensorOptions& fallback) const {
    TensorOptions result = *this;
    if (!dtype_) result.dtype_ = fallback.dtype_;
    if (!device_) result.device_ = fallback.device_;
    return result;
  }

 private:
  template <class T>
  TensorOptions with(T TensorOptions::*field, const T& value) const {
    TensorOptions copy = *this;
    copy.*field = value;
    return copy;
  }

  optional<ScalarType> dtype_;
  optional<Device> device_;
  optional<Layout> layout_;
  optional<bool> requires_grad_;
  optional<bool> pinned_memory_;
  optional<MemoryFormat> memory_format_;
};

std::ostream& operator<<(std::ostream& out, Layout layout);
/// Each option with its value, and whether that is the default.
std::ostream& operator<<(std::ostream& out, const TensorOptions& options);

template <class T>
TensorOptions dtype() {
  return TensorOptions(scalar_type_of<T>);
}
inline TensorOptions dtype(ScalarType type) { return TensorOptions(type); }
inline TensorOptions device(Device device) { return TensorOptions(device); }
inline TensorOptions device(DeviceType type) { return TensorOptions(type); }
inline TensorOptions requires_grad(bool value = true) {
  return TensorOptions().requires_grad(value);
}
inline TensorOptions layout(Layout layout) { return TensorOptions(layout); }
/// A GPU by its index.
inline TensorOptions device_index(DeviceIndex index) { return Device(kCUDA, index); }
inline TensorOptions memory_format(MemoryFormat format) {
  return TensorOptions().memory_format(format);
}
inline TensorOptions pinned_memory(bool value) { return TensorOptions().pinned_memory(value); }

}  // namespace fg
