// Extents of the spatial dims that convolutions, pools and pads work on.
#pragma once

#include <array>
#include <cstdint>

namespace fg {

/// Depth, height, width. Ops on one or two spatial dims run as three with leading extents of 1, so
/// that each kernel exists once.
using Extents = std::array<int64_t, 3>;

constexpr int64_t numel_of(const Extents& e) { return e[0] * e[1] * e[2]; }

}  // namespace fg
