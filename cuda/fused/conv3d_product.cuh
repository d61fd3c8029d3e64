// The product of a warp of the convolution kernels: 32 output channels by kWarpRows x 8 kWarpTiles positions.
//
// The summed dim is (tap, channel), in quads of 4 words of one tap; a step multiplies two quads, for all three rows of
// the kernel at once: a row of input is read once and used for the up to three rows of results that see it. Steps go
// through the taps' depths and widths and a tap's quads.
#pragma once

#include "cuda/fused/conv3d_tiles.cuh"

namespace fg::cuda::conv3d {

/// The weights of a block's channels in the order of A's fragments: [step][row of the kernel][half of the
/// channels][lane][4].
template <class T, bool kSplit>
__device__ void load_weights(uint32_t* shared, const T* weight, const Problem& p, int channel) {
  constexpr int kPer = kPerWord<Element<T>>;
  for (int i = int(threadIdx.x); i < p.steps * kStepWords; i += int(blockDim.x)) {
    const int part = i % 4, lane = i / 4 % 32, half = i / 128 % 2;
    const int kh = i / 256 % kKernelHeight, quad = i / kStepWords * 2 + part / 2;
    const int kd = quad / p.quads / p.kernel_width, kw = quad / p.quads % p.kernel_width;
    const int64_t o = channel + half * 16 + part % 2 * 8 + lane / 4;
    uint32_t word = 0;
    for (int j = 0; j < kPer; ++j) {
      const int c = (quad % p.quads * 4 + lane % 4) * kPer + j;
      if (kd >= p.kernel_depth || c >= p.in_channels || o >= p.out_channels) break;
      const int64_t row = ((o * p.in_channels + c) * p.kernel_depth + kd) * kKernelHeight + kh;
      word |= word_of<T, kSplit>(weight[row * p.kernel_width + kw], j);
    }
    shared[i] = word;
  }
}

/// Where the quads of each step begin in the ring, for each slot in which the first of the depths may lie.
template <class Tl>
__device__ void fill_offsets(int* offsets, const Problem& p) {
  const int quads = p.steps * 2;
  for (int i = int(threadIdx.x); i < kSlots * quads; i += int(blockDim.x)) {
    const int tap = i % quads / p.quads, kd = tap / p.kernel_width, kw = tap % p.kernel_width;
    const int quad = (i / quads + kd) % kSlots * p.quads + i % quads % p.quads;
    offsets[i] = quad * 4 * Tl::kPlane + kw;
  }
}

/// A lane's words of a tile, or of the two parts of them.
template <bool kSplit, int n>
struct Fragment {
  uint32_t high[n];
  uint32_t low[kSplit ? n : 1];

  __device__ __forceinline__ void split() {
    if constexpr (kSplit) {
#pragma unroll
      for (int i = 0; i < n; ++i) {
        const SplitFloat parts = split_tf32(std::bit_cast<float>(high[i]));
        high[i] = parts.high;
        low[i] = parts.low;
      }
    }
  }
};

template <class T, bool kSplit, class Tl>
class Product {
 public:
  /// Results (channel 16 half + lane / 4, and 8 above) of row r, columns 8 n + 2 (lane % 4) and the next.
  float sum[Tl::kWarpRows][2][Tl::kWarpTiles][4] = {};

  __device__ __forceinline__ void add(const Product& other) {
#pragma unroll
    for (int r = 0; r < Tl::kWarpRows; ++r)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int n = 0; n < Tl::kWarpTiles; ++n)
#pragma unroll
          for (int i = 0; i < 4; ++i) sum[r][half][n][i] += other.sum[r][half][n][i];
  }

  /// `first` and `second` are where the lane's words of the two quads begin; without a second its words are 0.
  template <bool kSecond>
  __device__ __forceinline__ void step(const uint32_t* weights, const uint32_t* first,
                                       const uint32_t* second) {
    Fragment<kSplit, 4> a[kKernelHeight][2];
#pragma unroll
    for (int kh = 0; kh < kKernelHeight; ++kh)
#pragma unroll
      for (int half = 0; half < 2; ++half) load(a[kh][half], weights + (kh * 2 + half) * 128);
#pragma unroll
    for (int row = 0; row < Tl::kWarpRows + kKernelHeight - 1; ++row) {
      Fragment<kSplit, 2> b[Tl::kWarpTiles];
#pragma unroll
      for (int n = 0; n < Tl::kWarpTiles; ++n) {
        b[n].high[0] = first[row * Tl::kInColumns + n * 8];
        b[n].high[1] = kSecond ? second[row * Tl::kInColumns + n * 8] : 0;
        b[n].split();
      }
      multiply_row(row, a, b);
    }
  }

 private:
  __device__ static __forceinline__ void load(Fragment<kSplit, 4>& a, const uint32_t* weights) {
    const auto words = *reinterpret_cast<const Pack<uint32_t, 4>*>(weights);
#pragma unroll
    for (int i = 0; i < 4; ++i) a.high[i] = words.at[i];
    a.split();
  }
  /// Small parts first; in an order that has no sum twice in a row.
  __device__ __forceinline__ void multiply_row(int row,
                                               const Fragment<kSplit, 4> (&a)[kKernelHeight][2],
                                               const Fragment<kSplit, 2> (&b)[Tl::kWarpTiles]) {
#pragma unroll
    for (int part = kSplit ? 0 : 2; part < 3; ++part)
#pragma unroll
      for (int kh = 0; kh < kKernelHeight; ++kh) {
        const int r = row - kh;
        if (r < 0 || r >= Tl::kWarpRows) continue;
#pragma unroll
        for (int half = 0; half < 2; ++half)
#pragma unroll
          for (int n = 0; n < Tl::kWarpTiles; ++n) {
            if (kSplit && part == 0)
              mma<Element<T>>(sum[r][half][n], a[kh][half].high, low(b[n]));
            else if (kSplit && part == 1)
              mma<Element<T>>(sum[r][half][n], low(a[kh][half]), b[n].high);
            else
              mma<Element<T>>(sum[r][half][n], a[kh][half].high, b[n].high);
          }
      }
  }
  template <int n>
  __device__ static __forceinline__ const uint32_t (&low(const Fragment<kSplit, n>& fragment))[n] {
    if constexpr (kSplit)
      return fragment.low;
    else
      return fragment.high;
  }
};

}  // namespace fg::cuda::conv3d
