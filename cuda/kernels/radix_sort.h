// Stable device-wide sorts of (key, position) pairs by CUB's radix sort, on the current stream.
#pragma once

#include <bit>
#include <cstdint>

#include "tensor/device.h"

namespace fg::cuda {

/// Sorts `count` < 2^32 pairs by the lowest `bits` bits of their keys. The outputs must not overlap the
/// inputs. Allocates scratch on `device`.
void sort_pairs(const uint32_t* keys, uint32_t* sorted_keys, const uint32_t* positions,
                uint32_t* sorted_positions, int64_t count, int bits, Device device);
void sort_pairs(const uint64_t* keys, uint64_t* sorted_keys, const uint32_t* positions,
                uint32_t* sorted_positions, int64_t count, int bits, Device device);

/// Bits of keys up to `largest`; at least 1, as the sort wants.
constexpr int bits_of(uint64_t largest) { return largest == 0 ? 1 : int(std::bit_width(largest)); }

}  // namespace fg::cuda
