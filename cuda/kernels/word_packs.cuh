// Packs of neighbouring elements as the GPU's registers hold them: 16-bit elements in pairs, which are converted two
// at a time. A Pack of 16-bit elements takes a register each, and an instruction to take it out and put it back.
#pragma once

#include <bit>
#include <type_traits>

#include "cuda/kernels/row_packs.cuh"

namespace fg::cuda {

template <class T, int kWidth>
inline constexpr bool kInPairs = sizeof(T) == 2 && kWidth % 2 == 0;

template <class T, int kWidth>
struct alignas(sizeof(T) * kWidth) WordPack {
  using Word = std::conditional_t<kInPairs<T, kWidth>, unsigned, T>;
  static constexpr int kWords = kInPairs<T, kWidth> ? kWidth / 2 : kWidth;
  Word at[kWords];
};

/// As load_pack and store_pack.
template <int kWidth, class T>
__device__ __forceinline__ WordPack<T, kWidth> load_words(const T* from, bool aligned) {
  using Words = WordPack<T, kWidth>;
  if (aligned) return *reinterpret_cast<const Words*>(from);
  Words pack;
#pragma unroll
  for (int j = 0; j < Words::kWords; ++j) {
    if constexpr (kInPairs<T, kWidth>)
      pack.at[j] = from[2 * j].bits | unsigned(from[2 * j + 1].bits) << 16;
    else
      pack.at[j] = from[j];
  }
  return pack;
}

/// kStreaming: what L2 may forget first.
template <int kWidth, bool kStreaming = false, class T>
__device__ __forceinline__ void store_words(T* to, const WordPack<T, kWidth>& pack, bool aligned) {
  using Words = WordPack<T, kWidth>;
  if (aligned) {
#ifdef __CUDA_ARCH__
    if constexpr (kStreaming && sizeof(Words) == sizeof(uint4))
      return __stcs(reinterpret_cast<uint4*>(to), std::bit_cast<uint4>(pack));
#endif
    *reinterpret_cast<Words*>(to) = pack;
    return;
  }
#pragma unroll
  for (int j = 0; j < Words::kWords; ++j) {
    if constexpr (kInPairs<T, kWidth>) {
      to[2 * j] = T::from_bits(uint16_t(pack.at[j]));
      to[2 * j + 1] = T::from_bits(uint16_t(pack.at[j] >> 16));
    } else {
      to[j] = pack.at[j];
    }
  }
}

/// As store_words, and in one access for sure: where both ways store word by word the compiler takes them to be the same
/// code, and merges them into four accesses.
template <int kWidth, class T>
__device__ __forceinline__ void store_whole(T* to, const WordPack<T, kWidth>& pack, bool aligned) {
#ifdef __CUDA_ARCH__
  if constexpr (sizeof(pack) == 16) {
    if (!aligned) return store_words(to, pack, false);
    struct Words {
      unsigned at[4];
    };
    const auto words = std::bit_cast<Words>(pack);
    asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};"
                 :
                 : "l"(__cvta_generic_to_global(to)), "r"(words.at[0]), "r"(words.at[1]),
                   "r"(words.at[2]), "r"(words.at[3])
                 : "memory");
    return;
  }
#endif
  store_words(to, pack, aligned);
}

/// Both halves of a word.
__device__ __forceinline__ void half_pair(unsigned word, float& low, float& high) {
#ifdef __CUDA_ARCH__
  asm("{.reg .f16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h;}"
      : "=f"(low), "=f"(high)
      : "r"(word));
#else
  low = Half::from_bits(uint16_t(word));
  high = Half::from_bits(uint16_t(word >> 16));
#endif
}

/// A pack's elements in the type C that they are computed in, float for 16-bit ones.
template <class T, int kWidth, class C>
__device__ __forceinline__ void unpack(const WordPack<T, kWidth>& pack, C (&out)[kWidth]) {
#pragma unroll
  for (int j = 0; j < WordPack<T, kWidth>::kWords; ++j) {
    if constexpr (!kInPairs<T, kWidth>) {
      out[j] = C(pack.at[j]);
    } else if constexpr (std::is_same_v<T, BFloat16>) {  // which is the upper half of a float
      out[2 * j] = std::bit_cast<float>(pack.at[j] << 16);
      out[2 * j + 1] = std::bit_cast<float>(pack.at[j] & 0xffff0000u);
    } else {
      half_pair(pack.at[j], out[2 * j], out[2 * j + 1]);
    }
  }
}

/// Two values rounded to 16 bits each, the first in the lower half.
template <class T>
__device__ __forceinline__ unsigned packed_pair(float low, float high) {
#ifdef __CUDA_ARCH__
  unsigned word;
  if constexpr (std::is_same_v<T, BFloat16>)
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  else
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  return T(low).bits | unsigned(T(high).bits) << 16;
#endif
}

/// unpack's counterpart, rounded.
template <class T, int kWidth>
__device__ __forceinline__ WordPack<T, kWidth> packed(const Compute<T> (&values)[kWidth]) {
  WordPack<T, kWidth> pack;
#pragma unroll
  for (int j = 0; j < WordPack<T, kWidth>::kWords; ++j) {
    if constexpr (kInPairs<T, kWidth>)
      pack.at[j] = packed_pair<T>(values[2 * j], values[2 * j + 1]);
    else
      pack.at[j] = T(values[j]);
  }
  return pack;
}

/// The same pack, which the compiler cannot know. It would keep 16-bit elements as floats from one use to the next, in
/// twice the registers.
template <class T, int kWidth>
__device__ __forceinline__ WordPack<T, kWidth> forgotten(WordPack<T, kWidth> pack) {
#ifdef __CUDA_ARCH__
  if constexpr (kInPairs<T, kWidth>) {
#pragma unroll
    for (unsigned& word : pack.at) asm("" : "+r"(word));
  }
#endif
  return pack;
}

}  // namespace fg::cuda
