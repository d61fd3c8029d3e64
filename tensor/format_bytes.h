// Amounts of memory for people.
#pragma once

#include <cstdint>
#include <string>

namespace fg {

/// "1.50 GiB", "512 B", "-2.00 MiB".
std::string format_bytes(int64_t num_bytes);

}  // namespace fg
