#include "tensor/format_bytes.h"

#include <iomanip>
#include <iterator>
#include <sstream>

namespace fg {

std::string format_bytes(int64_t num_bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (num_bytes < 0) return "-" + format_bytes(-num_bytes);
  if (num_bytes < 1024) return std::to_string(num_bytes) + " B";
  double value = double(num_bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << value << ' ' << kUnits[unit];
  return out.str();
}

}  // namespace fg
