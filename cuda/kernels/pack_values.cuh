// Packs of any element type as the values that elementwise kernels compute with: word_packs.cuh for floats of 16
// bits, and registers that hold a pack, or one element that stands for a pack.
#pragma once

#include "cuda/kernels/word_packs.cuh"
#include "tensor/dtype.h"

namespace fg::cuda {

/// The bytes of a pack of `kBytes`, for registers that need no initial value.
template <int kBytes>
struct RawPack {
  template <int n>
  using WordOf =
      std::conditional_t<n % 4 == 0, uint32_t, std::conditional_t<n % 2 == 0, uint16_t, uint8_t>>;
  using Word = WordOf<kBytes>;
  alignas(kBytes) Word words[kBytes / int(sizeof(Word))];

  /// Loads one T, as whole words: putting a short one into part of a register would wait for the load.
  template <class T>
  __device__ __forceinline__ void load_single(const T* from) {
    using Part = WordOf<int(sizeof(T))>;
#pragma unroll
    for (int k = 0; k < int(sizeof(T) / sizeof(Part)); ++k)
      words[k] = Word(reinterpret_cast<const Part*>(from)[k]);
  }
  template <class T>
  __device__ __forceinline__ T single() const {
    using Part = WordOf<int(sizeof(T))>;
    RawPack<int(sizeof(T))> parts;
#pragma unroll
    for (int k = 0; k < int(sizeof(T) / sizeof(Part)); ++k) parts.words[k] = Part(words[k]);
    return std::bit_cast<T>(parts);
  }
};

template <class T, class A, int kWidth>
inline constexpr bool kFloatPairs = std::is_same_v<A, float>&& kInPairs<T, kWidth> &&
                                    (std::is_same_v<T, BFloat16> || std::is_same_v<T, Half>);

/// values[j] = A(element j of a pack of Ts).
template <class T, class A, int kWidth>
__device__ __forceinline__ void unpack_raw(const RawPack<int(sizeof(T)) * kWidth>& raw,
                                           A (&values)[kWidth]) {
  if constexpr (kFloatPairs<T, A, kWidth>) {
    unpack(std::bit_cast<WordPack<T, kWidth>>(raw), values);
  } else {
    const auto pack = std::bit_cast<Pack<T, kWidth>>(raw);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) values[j] = A(pack.at[j]);
  }
}

/// The pack whose element j is T(values[j]).
template <class T, class R, int kWidth>
__device__ __forceinline__ auto packed_raw(const R (&values)[kWidth]) {
  using Raw = RawPack<int(sizeof(T)) * kWidth>;
  if constexpr (kFloatPairs<T, R, kWidth>) {
    return std::bit_cast<Raw>(packed<T>(values));
  } else {
    Pack<T, kWidth> pack;
#pragma unroll
    for (int j = 0; j < kWidth; ++j) pack.at[j] = T(values[j]);
    return std::bit_cast<Raw>(pack);
  }
}

}  // namespace fg::cuda
