// What a block of conv3d_weight_grad_kernel.cuh works on: its tile, how that lies in shared memory, and the words
// that the tensor cores take of it.
#pragma once

#include "cuda/kernels/block_reduce.cuh"
#include "cuda/mma.cuh"
#include "tensor/dtype.h"

namespace fg::cuda::weight_grad {

inline constexpr int kThreads = 384, kWarps = kThreads / kWarp;
inline constexpr int kOut = 32, kIn = 8;        // channels of a block
inline constexpr int kSide = 3, kTaps = 27;     // of the kernel
inline constexpr int kColumns = 64;             // of a tile
inline constexpr int kGroups = kWarps / kSide;  // of warps; each has its own columns
inline constexpr int kChunks = 8;               // the parts of a step
inline constexpr int kPlanes = 4;               // of x: three in use, one on its way
inline constexpr int kBlockWeights = kOut * kIn * kTaps;

// Output channels come in pairs that the same lane multiplies: c and c + 8.
inline constexpr int kPairs = kOut / 2;
inline constexpr int kSharers =
    3;  // warps that share a pair, beside the one that each has for itself
static_assert(kWarps + kWarps / kSharers == kPairs);
/// The first channel of a pair.
__device__ constexpr int first_of_pair(int pair) { return pair / 8 * 16 + pair % 8; }

/// Shared memory in words, for tensor cores that take elements of E. Of grad_z the words of a pair's channels
/// alternate, so that a lane's four words of the product lie together.
template <class E>
struct TileLayout {
  static constexpr int kRows = 8 * kPerWord<E>;  // of a tile
  static constexpr int kRowWords = kColumns / kPerWord<E>;
  static constexpr int kPairRow = 2 * kRowWords;
  static constexpr int kPairPitch = kRows * kPairRow + 16;
  static constexpr int kXRows = kRows + kSide - 1;
  static constexpr int kXVectors = (kColumns + kSide - 1 + 4 * kPerWord<E> - 1) / (4 * kPerWord<E>);
  static constexpr int kXRowWords = 4 * kXVectors;
  static constexpr int kXPitch = (kXRows * kXRowWords + 23) / 32 * 32 + 8;
  static constexpr int kXPlane = kIn * kXPitch;
  static constexpr int kGradWords = kPairs * kPairPitch;
  static constexpr size_t kSharedBytes = 4 * size_t(2 * kGradWords + kPlanes * kXPlane);
};

/// What a block leaves behind: its part of the weight's gradient [kOut, kIn, kTaps], then for each output channel
/// the sums of grad_z and of the operands' contributions.
template <class C>
inline constexpr int kPartialSize = kBlockWeights + kOut*(1 + C::num_channel_operands);

struct Sizes {
  int in_channels, out_channels;
  int input[3], output[3], padding[3];
  int tiles_high, tiles_wide;  // of the output's planes
  int in_parts;                // input channels in units of kIn
  bool multiplies;             // or only sums over the channels are wanted
  int64_t steps;               // depths of all tiles
  int channel_size;            // elements of the output, for one sample
  bool paired;                 // z and grad_y may be read in pairs of elements
  bool aligned;                // x may be read in vectors
};

/// An array of a floating dtype that is known at run time only.
struct AnyArray {
  const void* data = nullptr;
  ScalarType type = kFloat;
};

/// G: grad_y's type, T or float.
template <class T, class G, int kOperands>
struct Operands {
  const T *z, *x;
  const G* grad_y;
  AnyArray channel[kOperands + 1];
};

/// One depth of one tile.
struct Step {
  int sample, depth, row, column;
};

/// Words of a tile's operand; with kSplit as the sums of two.
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

/// What x's words say for the tap `kw` of a row: 4 words of one position, or 3 of two.
template <class E, bool kSplit>
__device__ __forceinline__ Fragment<2, kSplit> shifted(const Fragment<4, kSplit>& x, int kw) {
  Fragment<2, kSplit> b;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    if constexpr (kPerWord<E> == 1) {
      b.high[i] = x.high[kw + i];
      if constexpr (kSplit) b.low[i] = x.low[kw + i];
    } else {
      b.high[i] = kw == 1 ? x.high[i] >> 16 | x.high[i + 1] << 16 : x.high[kw / 2 + i];
    }
  }
  return b;
}

}  // namespace fg::cuda::weight_grad
