// TensorOptions: dtype, device and requires_grad of a tensor to be made, each optional.
#pragma once

#include "tensor/array_ref.h"
#include "tensor/device.h"
#include "tensor/dtype.h"

namespace fg {

enum class Layout : int8_t { Strided };
inline constexpr Layout kStrided = Layout::Strided;

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
  TensorOptions(Layout) {}

  TensorOptions dtype(optional<ScalarType> type) const {
    return with(&TensorOptions::dtype_, type);
  }
  TensorOptions device(optional<Device> device) const {
    return with(&TensorOptions::device_, device);
  }
  TensorOptions device(DeviceType type, DeviceIndex index = -1) const {
    return device(Device(type, index));
  }
  TensorOptions requires_grad(optional<bool> value) const {
    return with(&TensorOptions::requires_grad_, value);
  }
  TensorOptions pinned_memory(optional<bool> value) const {
    return with(&TensorOptions::pinned_memory_, value);
  }
  TensorOptions memory_format(optional<MemoryFormat> value) const {
    return with(&TensorOptions::memory_format_, value);
  }
  TensorOptions layout(optional<Layout>) const { return *this; }

  ScalarType dtype() const { return dtype_.value_or(get_default_dtype()); }
  Device device() const { return device_.value_or(Device(kCPU)); }
  bool requires_grad() const { return requires_grad_.value_or(false); }
  bool pinned_memory() const { return pinned_memory_.value_or(false); }
  Layout layout() const { return kStrided; }
  optional<ScalarType> dtype_opt() const { return dtype_; }
  optional<Device> device_opt() const { return device_; }
  optional<MemoryFormat> memory_format_opt() const { return memory_format_; }
  bool has_dtype() const { return dtype_.has_value(); }
  bool has_device() const { return device_.has_value(); }

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
  optional<bool> requires_grad_;
  optional<bool> pinned_memory_;
  optional<MemoryFormat> memory_format_;
};

inline TensorOptions dtype(ScalarType type) { return TensorOptions(type); }
inline TensorOptions device(Device device) { return TensorOptions(device); }
inline TensorOptions device(DeviceType type) { return TensorOptions(type); }
inline TensorOptions requires_grad(bool value = true) {
  return TensorOptions().requires_grad(value);
}
inline TensorOptions layout(Layout layout) { return TensorOptions(layout); }

}  // namespace fg
