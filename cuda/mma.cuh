// Products of small tiles on a warp's tensor cores (mma.sync): D (16 x 8) += A (16 x 8 words) B (8 words x 8).
// A word holds one number in TF32, or two neighbouring ones of a 16-bit type, so a kernel that counts in words
// serves all of them. With g = lane / 4 and t = lane % 4, a lane's registers hold
//
//   A: words (row g, t), (row g + 8, t), (row g, t + 4), (row g + 8, t + 4)
//   B: words (t, column g), (t + 4, column g)
//   D: (row g, columns 2t and 2t + 1), (row g + 8, columns 2t and 2t + 1)
//
// (PTX ISA, matrix fragments for mma.m16n8k8 of .tf32 and mma.m16n8k16 of .f16 and .bf16). Which element of the
// summed dim stands in which word is the caller's choice, as long as A and B agree.
#pragma once

#include <bit>
#include <cstdint>

#include <cuda_runtime.h>

#include "tensor/half.h"

namespace fg::cuda {

/// The element type of words that hold a TF32 number: float32's exponent, 10 bits of mantissa.
struct TensorFloat32 {};

/// Numbers in a word.
template <class E>
inline constexpr int kPerWord = 2;
template <>
inline constexpr int kPerWord<TensorFloat32> = 1;

/// x rounded to TF32, ties away from zero. The tensor cores cut off what is not rounded.
__device__ __forceinline__ uint32_t to_tf32(float x) {
#ifdef __CUDA_ARCH__
  uint32_t word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(x));
  return word;
#else
  const auto bits = std::bit_cast<uint32_t>(x);
  const bool is_finite = (bits & 0x7f800000u) != 0x7f800000u;
  return is_finite ? (bits + 0x1000u) & ~0x1fffu : bits;
#endif
}

/// A float as the sum of two TF32 numbers, to within 2^-22 of it: high * high + high * low + low * high of two of
/// them is a product of nearly float32's accuracy. `low` is not rounded: its sign does not follow x's, so that what
/// the tensor cores cut off does not add up. An infinity becomes NaN.
struct SplitFloat {
  uint32_t high, low;
};
__device__ __forceinline__ SplitFloat split_tf32(float x) {
  // As to_tf32, but for NaN, which `low` keeps.
  const uint32_t high = (std::bit_cast<uint32_t>(x) + 0x1000u) & ~0x1fffu;
  return {high, std::bit_cast<uint32_t>(x - std::bit_cast<float>(high))};
}

#ifndef __CUDA_ARCH__
namespace mma_detail {

/// The product of two words, as the host's stand-in computes it.
inline float word_product(TensorFloat32, uint32_t a, uint32_t b) {
  return std::bit_cast<float>(a & ~0x1fffu) * std::bit_cast<float>(b & ~0x1fffu);
}
template <class E>
float word_product(E, uint32_t a, uint32_t b) {
  return float(E::from_bits(uint16_t(a))) * float(E::from_bits(uint16_t(b))) +
         float(E::from_bits(uint16_t(a >> 16))) * float(E::from_bits(uint16_t(b >> 16)));
}

/// All lanes' words pass every lane, which sums its own four results.
template <class E>
__device__ void multiply_tile(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const int lane = int(threadIdx.x % 32), row = lane / 4, column = lane % 4 * 2;
  for (int i = 0; i < 8; ++i) {  // word i of the summed dim
    uint32_t rows[2], columns[2];
    for (int j = 0; j < 2; ++j) {
      rows[j] = __shfl_sync(~0u, a[i / 4 * 2 + j], row * 4 + i % 4);
      columns[j] = __shfl_sync(~0u, b[i / 4], (column + j) * 4 + i % 4);
    }
    for (int j = 0; j < 4; ++j) d[j] += word_product(E(), rows[j / 2], columns[j % 2]);
  }
}

}  // namespace mma_detail
#endif

/// d += a b, for the words of a warp; all its lanes must take part. Blocks are one-dimensional.
template <class E>
__device__ __forceinline__ void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#ifdef __CUDA_ARCH__
#define X(shape_and_types)                                                        \
  asm volatile("mma.sync.aligned." shape_and_types                                \
               " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                   \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))
  if constexpr (std::is_same_v<E, TensorFloat32>)
    X("m16n8k8.row.col.f32.tf32.tf32.f32");
  else if constexpr (std::is_same_v<E, BFloat16>)
    X("m16n8k16.row.col.f32.bf16.bf16.f32");
  else
    X("m16n8k16.row.col.f32.f16.f16.f32");
#undef X
#else
  mma_detail::multiply_tile<E>(d, a, b);
#endif
}

}  // namespace fg::cuda
