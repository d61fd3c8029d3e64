// The Mersenne Twister of Matsumoto and Nishimura (1998), 32-bit outputs: the CPU generator.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace fg {

using std::optional;

class Mt19937 {
 public:
  static constexpr uint64_t kDefaultSeed = 67280421310721;
  static constexpr int kWords = 624;

  /// Only the low 32 bits of `seed` reach the stream, as in PyTorch.
  explicit Mt19937(uint64_t seed = kDefaultSeed) {
    words_[0] = uint32_t(seed);
    for (int i = 1; i < kWords; ++i)
      words_[i] = 1812433253u * (words_[i - 1] ^ (words_[i - 1] >> 30)) + uint32_t(i);
    next_ = kWords;
  }

  uint32_t random() {
    if (next_ == kWords) twist();
    uint32_t y = words_[next_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
  /// Two draws; the first is the high half.
  uint64_t random64() {
    const uint64_t high = random();
    return (high << 32) | random();
  }

  /// Whether the position lies within the words (for states read from a file).
  bool valid() const { return next_ >= 0 && next_ <= kWords; }

 private:
  void twist() {
    for (int i = 0; i < kWords; ++i) {
      const uint32_t joined = (words_[i] & 0x80000000u) | (words_[(i + 1) % kWords] & 0x7fffffffu);
      words_[i] = words_[(i + 397) % kWords] ^ (joined >> 1) ^ (joined & 1u ? 0x9908b0dfu : 0u);
    }
    next_ = 0;
  }

  std::array<uint32_t, kWords> words_{};
  int32_t next_;
};

}  // namespace fg
