#include "tensor/device.h"

#include <charconv>

#include "tensor/error.h"
#include "tensor/kernels/memory.h"
#include "tensor/on_device.h"

namespace fg {

Device::Device(const std::string& text) : type_(kCPU), index_(-1) {
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  ENSURE(name == "cpu" || name == "cuda", "device: text must be cpu, cuda or cuda:N, got ", text);
  type_ = name == "cuda" ? kCUDA : kCPU;
  if (colon == std::string::npos) return;
  int index = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, index);
  ENSURE(error == std::errc() && stop == end && index >= 0 && index < 128,
         "device: index must be a number from 0 to 127, got ", text);
  index_ = DeviceIndex(index);
}

std::string Device::str() const {
  const std::string name = is_cuda() ? "cuda" : "cpu";
  return has_index() ? name + ":" + std::to_string(index_) : name;
}

Device Device::resolved() const {
  if (is_cpu()) return *this;
  if constexpr (kHasCuda) {
    if (!has_index()) return Device(kCUDA, cuda::current_device());
    cuda::check_index(index_);
    return *this;
  } else {
    throw Error(fg::str("storage: device ", *this, " is not part of this build"));
  }
}

std::ostream& operator<<(std::ostream& out, DeviceType type) {
  return out << (type == kCUDA ? "cuda" : "cpu");
}

}  // namespace fg
