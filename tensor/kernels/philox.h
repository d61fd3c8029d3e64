// Philox4x32-10, the counter-based generator of CUDA's random streams (Salmon, Moraes, Dror and Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", 2011), for host and device code.
#pragma once

#include <cstdint>

namespace fg {

struct PhiloxWords {
  uint32_t at[4];

  bool operator==(const PhiloxWords&) const = default;
};

constexpr PhiloxWords philox_round(const PhiloxWords& c, uint32_t key_low, uint32_t key_high) {
  const uint64_t a = uint64_t(0xD2511F53u) * c.at[0], b = uint64_t(0xCD9E8D57u) * c.at[2];
  return {{uint32_t(b >> 32) ^ c.at[1] ^ key_low, uint32_t(b),
           uint32_t(a >> 32) ^ c.at[3] ^ key_high, uint32_t(a)}};
}

constexpr PhiloxWords philox4x32(PhiloxWords counter, uint64_t key) {
  uint32_t low = uint32_t(key), high = uint32_t(key >> 32);
  for (int round = 0; round < 10; ++round) {
    counter = philox_round(counter, low, high);
    low += 0x9E3779B9u;  // Weyl sequences of the golden ratio and of sqrt(3) - 1
    high += 0xBB67AE85u;
  }
  return counter;
}

/// Counters of one stream from `first` on. Element i of a fill uses word i % 4 of counter i / 4, or the two words
/// 2 * (i % 2) on of counter i / 2; so its value depends on no launch shape.
struct PhiloxStream {
  uint64_t seed;
  uint64_t first;

  constexpr PhiloxWords words(uint64_t counter) const {
    const uint64_t at = first + counter;
    return philox4x32({{uint32_t(at), uint32_t(at >> 32), 0, 0}}, seed);
  }
};

/// One draw's part of a stream, as kernels get it. In a captured graph the stream's seed and offset at the start
/// of the replay lie in device memory, at `base`, and `offset` counts from there.
struct PhiloxDraw {
  uint64_t seed;
  uint64_t offset;
  const uint64_t* base = nullptr;

  /// On the device: what to draw from. The only place that knows where the stream stands.
  constexpr PhiloxStream stream() const {
    return base ? PhiloxStream{base[0], base[1] + offset} : PhiloxStream{seed, offset};
  }
};

}  // namespace fg
