#include "tensor/options.h"

namespace fg {
namespace {

/// How libtorch prints a dtype among options: the name of the C++ type.
const char* cpp_name(ScalarType type) {
  switch (type) {
    case kByte:
      return "unsigned char";
    case kChar:
      return "signed char";
    case kShort:
      return "short int";
    case kInt:
      return "int";
    case kLong:
      return "long int";
    case kHalf:
      return "c10::Half";
    case kFloat:
      return "float";
    case kDouble:
      return "double";
    case kBool:
      return "bool";
    case kBFloat16:
      return "c10::BFloat16";
  }
  return "unknown";
}

const char* mark_default(bool given) { return given ? "" : " (default)"; }

}  // namespace

std::ostream& operator<<(std::ostream& out, Layout layout) {
  return out << (layout == kStrided ? "Strided" : "Sparse");
}

std::ostream& operator<<(std::ostream& out, const TensorOptions& options) {
  const auto text = [](bool value) { return value ? "true" : "false"; };
  out << "TensorOptions(dtype=" << cpp_name(options.dtype()) << mark_default(options.has_dtype())
      << ", device=" << options.device() << mark_default(options.has_device())
      << ", layout=" << options.layout() << mark_default(options.has_layout())
      << ", requires_grad=" << text(options.requires_grad())
      << mark_default(options.has_requires_grad())
      << ", pinned_memory=" << text(options.pinned_memory())
      << mark_default(options.pinned_memory_opt().has_value()) << ", memory_format=";
  if (!options.memory_format_opt()) return out << "(nullopt))";
  constexpr const char* kNames[] = {"Contiguous", "Preserve", "ChannelsLast", "ChannelsLast3d"};
  return out << kNames[size_t(*options.memory_format_opt())] << ')';
}

}  // namespace fg
