// Device: where a tensor's memory lives.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

namespace fg {

enum class DeviceType : int8_t { CPU, CUDA };
inline constexpr DeviceType kCPU = DeviceType::CPU;
inline constexpr DeviceType kCUDA = DeviceType::CUDA;

using DeviceIndex = int8_t;

/// A device type and, for kCUDA, an index; index -1 means "the current one".
class Device {
 public:
  Device(DeviceType type, DeviceIndex index = -1) : type_(type), index_(index) {}
  /// Parses "cpu", "cuda" or "cuda:N"; anything else throws.
  Device(const std::string& text);
  Device(const char* text) : Device(std::string(text)) {}

  DeviceType type() const { return type_; }
  DeviceIndex index() const { return index_; }
  bool has_index() const { return index_ >= 0; }
  bool is_cpu() const { return type_ == kCPU; }
  bool is_cuda() const { return type_ == kCUDA; }
  std::string str() const;
  /// This device with its index filled in: "cuda" becomes "cuda:N" with the current device's N. Throws
  /// fg::Error for a CUDA device when the build has no CUDA backend or no GPU can be used.
  Device resolved() const;
  /// CPU devices are equal whatever their index.
  bool operator==(const Device& other) const {
    return type_ == other.type_ && (is_cpu() || index_ == other.index_);
  }

 private:
  DeviceType type_;
  DeviceIndex index_;
};

std::ostream& operator<<(std::ostream& out, DeviceType type);
inline std::ostream& operator<<(std::ostream& out, const Device& device) {
  return out << device.str();
}

}  // namespace fg
