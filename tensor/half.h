// float16 and bfloat16 as storage types: round-to-nearest-even conversions, arithmetic in float.
#pragma once

#ifdef __CUDA_ARCH__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

#include <bit>
#include <cstdint>
#include <limits>
#include <ostream>
#include <type_traits>

namespace fg {

/// IEEE 754 binary16. Converts to and from float; all arithmetic happens in float.
struct Half {
  uint16_t bits = 0;

  constexpr Half() = default;
  constexpr Half(float value) : bits(from_float(value)) {}
  constexpr operator float() const { return to_float(bits); }
  static constexpr Half from_bits(uint16_t pattern) {
    Half h;
    h.bits = pattern;
    return h;
  }

 private:
  static constexpr uint16_t from_float(float value) {
#ifdef __CUDA_ARCH__
    if (!std::is_constant_evaluated()) return __half_as_ushort(__float2half_rn(value));
#endif
    const uint32_t word = std::bit_cast<uint32_t>(value);
    const uint32_t sign = (word >> 16) & 0x8000u;
    const uint32_t magnitude = word & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return uint16_t(sign | 0x7e00u);   // NaN
    if (magnitude >= 0x477ff000u) return uint16_t(sign | 0x7c00u);  // rounds to infinity
    if (magnitude < 0x38800000u) {                                  // denormal half or zero
      // Adding 0.5 aligns the mantissa so that the FPU rounds it to the denormal's last place.
      const float aligned = std::bit_cast<float>(magnitude) + 0.5f;
      return uint16_t(sign | (std::bit_cast<uint32_t>(aligned) - 0x3f000000u));
    }
    const uint32_t odd = (magnitude >> 13) & 1u;
    return uint16_t(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
  }
  static constexpr float to_float(uint16_t half) {
#ifdef __CUDA_ARCH__
    if (!std::is_constant_evaluated()) return __half2float(__ushort_as_half(half));
#endif
    const uint32_t sign = uint32_t(half & 0x8000u) << 16;
    const uint32_t magnitude = half & 0x7fffu;
    if (magnitude >= 0x7c00u)
      return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
    if (magnitude >= 0x0400u) return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000u));
    const float value = float(magnitude) * 0x1p-24f;
    return sign ? -value : value;
  }
};

/// The upper half of a float32: 8 exponent bits, 7 mantissa bits.
struct BFloat16 {
  uint16_t bits = 0;

  constexpr BFloat16() = default;
  constexpr BFloat16(float value) : bits(from_float(value)) {}
  constexpr operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
  static constexpr BFloat16 from_bits(uint16_t pattern) {
    BFloat16 b;
    b.bits = pattern;
    return b;
  }

 private:
  static constexpr uint16_t from_float(float value) {
#ifdef __CUDA_ARCH__
    if (!std::is_constant_evaluated()) return __bfloat16_as_ushort(__float2bfloat16_rn(value));
#endif
    const uint32_t word = std::bit_cast<uint32_t>(value);
    if ((word & 0x7fffffffu) > 0x7f800000u) return 0x7fc0u;  // keep NaN a NaN
    return uint16_t((word + 0x7fffu + ((word >> 16) & 1u)) >> 16);
  }
};

inline std::ostream& operator<<(std::ostream& out, Half value) { return out << float(value); }
inline std::ostream& operator<<(std::ostream& out, BFloat16 value) { return out << float(value); }

}  // namespace fg
