// What the forward and the backward kernel of a transposed convolution with its pool share. Kernel 3, stride 2,
// padding 1 and output padding 1 make output 2i of each dim tap 1 of input i alone, and output 2i + 1 tap 2 of input
// i plus tap 0 of input i + 1. So the eight outputs of window (i, j, k) of the pool are one of each class of
// parities, numbered in scan order, and 27 pairs of tap and class hold the products of a window.
#pragma once

#include <type_traits>

#include "cuda/kernels/block_reduce.cuh"
#include "cuda/kernels/word_packs.cuh"
#include "cuda/mma.cuh"
#include "cuda/shared.cuh"

namespace fg::cuda::transpose_pool {

// Windows of a tile along each dim.
inline constexpr int kDepth = 2, kHeight = 4, kWidth = 32;
inline constexpr int kRows = kDepth * kHeight;
inline constexpr int kInputRows = (kDepth + 1) * (kHeight + 1);
inline constexpr int kTaps = 27, kClasses = 8;
inline constexpr int kOutChannels = 32;  // of a block, in tiles of 16

/// 1 for the taps that make odd outputs.
constexpr int parity(int tap) { return int(tap != 1); }
/// How far behind the window's place a tap reads.
constexpr int shift(int tap) { return int(tap == 0); }
constexpr int class_of(int tap) {
  return parity(tap / 9) * 4 + parity(tap / 3 % 3) * 2 + parity(tap % 3);
}
constexpr int shift_of(int tap) {
  return shift(tap / 9) * 4 + shift(tap / 3 % 3) * 2 + shift(tap % 3);
}

template <class T>
using Element = std::conditional_t<std::is_same_v<T, float>, TensorFloat32, T>;

struct Problem {
  int64_t batch = 0, extents[3] = {};  // of x and of y
  int in_channels = 0, out_channels = 0;
  int64_t tiles[3] = {};
  bool aligned = false;  // whether rows of every array may be accessed as full packs

  __host__ __device__ int64_t num_tiles() const { return batch * tiles[0] * tiles[1] * tiles[2]; }
};

/// Where a tile begins. It stays in shared memory, where it costs no registers: thread 0 writes it.
struct Place {
  int64_t image, at[3];

  __device__ void set(const Problem& p, int64_t tile) {
    if (threadIdx.x != 0) return;
    at[2] = tile % p.tiles[2] * kWidth, tile /= p.tiles[2];
    at[1] = tile % p.tiles[1] * kHeight, tile /= p.tiles[1];
    at[0] = tile % p.tiles[0] * kDepth, image = tile / p.tiles[0];
  }
  /// Whether row (depth, height) of the tile lies within the extents.
  __device__ bool has(const Problem& p, int depth, int height) const {
    return at[0] + depth < p.extents[0] && at[1] + height < p.extents[1];
  }
  /// How many of the tile's columns lie within the extents.
  __device__ int64_t columns(const Problem& p) const { return p.extents[2] - at[2]; }
  /// The first element of a row in an array of `channels` channels.
  __device__ int64_t offset(const Problem& p, int64_t channels, int64_t channel, int depth,
                            int height) const {
    const int64_t line = (image * channels + channel) * p.extents[0] + at[0] + depth;
    return (line * p.extents[1] + at[1] + height) * p.extents[2] + at[2];
  }
};

/// The thread's number, which the compiler takes for another in each turn of a loop: what follows from it would stay in
/// registers that the products need.
__device__ __forceinline__ int fresh_thread() {
  int thread = int(threadIdx.x);
#ifdef __CUDA_ARCH__
  asm volatile("" : "+r"(thread));
#endif
  return thread;
}

/// The channel operands' values: Ts, or floats where `in_float`.
template <class C, class T>
struct Operands {
  static constexpr int kCount = C::num_channel_operands;
  static constexpr int kSlots = kCount > 0 ? kCount : 1;  // C++ has no empty arrays
  const void* at[kSlots] = {};
  bool in_float[kSlots] = {};

  __device__ void load(float (&c)[kSlots], int channel) const {
#pragma unroll
    for (int k = 0; k < kCount; ++k)
      c[k] = in_float[k] ? static_cast<const float*>(at[k])[channel]
                         : float(static_cast<const T*>(at[k])[channel]);
  }
};

/// A number as the word of TF32 that is multiplied, or as it is where it is split later.
template <bool kSplit>
__device__ __forceinline__ uint32_t float_word(float x) {
  return kSplit ? std::bit_cast<uint32_t>(x) : to_tf32(x);
}

/// The words of a fragment, as what is multiplied: themselves, or split in two.
template <int kWords, bool kSplit>
struct Fragment {
  uint32_t high[kWords], low[kSplit ? kWords : 1];

  __device__ __forceinline__ void set(int i, uint32_t word) {
    if constexpr (kSplit) {
      const SplitFloat parts = split_tf32(std::bit_cast<float>(word));
      high[i] = parts.high, low[i] = parts.low;
    } else {
      high[i] = word;
    }
  }
};

template <int kRowsOf, int kColumnsOf, class Body>
__device__ __forceinline__ void for_each_pair(const Body& body) {
#pragma unroll
  for (int i = 0; i < kRowsOf; ++i)
#pragma unroll
    for (int j = 0; j < kColumnsOf; ++j) body(i, j);
}

/// d[j] += the sum over steps of a b[j]. Split products start from zero, so that the tensor cores, which cut off what
/// d's last place cannot hold, only ever do so to a few terms; the long sum is rounded to nearest. Neighbouring
/// products do not wait for each other.
template <class E, int kSteps, int kTiles, bool kSplit>
__device__ __forceinline__ void multiply_add(float (&d)[kTiles][4],
                                             const Fragment<4, kSplit> (&a)[kSteps],
                                             const Fragment<2, kSplit> (&b)[kTiles][kSteps]) {
  if constexpr (kSplit) {
    float part[kTiles][4] = {};
    for_each_pair<kSteps, kTiles>([&](int i, int j) { mma<E>(part[j], a[i].low, b[j][i].high); });
    for_each_pair<kSteps, kTiles>([&](int i, int j) { mma<E>(part[j], a[i].high, b[j][i].low); });
    for_each_pair<kSteps, kTiles>([&](int i, int j) { mma<E>(part[j], a[i].high, b[j][i].high); });
    for_each_pair<4, kTiles>([&](int i, int j) { d[j][i] += part[j][i]; });
  } else {
    for_each_pair<kSteps, kTiles>([&](int i, int j) { mma<E>(d[j], a[i].high, b[j][i].high); });
  }
}

}  // namespace fg::cuda::transpose_pool
