// Gradients of the parameters of y = max_pool(chain(conv_transpose3d(x, weight) + bias)), see
// tiles.cuh. Only the largest output of a window has a gradient: grad_z = chain'(z_largest)
// grad_y, of class `which`. So with x shifted by a tap's place
//
//   grad_weight[ci][co][tap] = sum over windows of x[ci][window + shift(tap)] (which == class(tap) ? grad_z[co] : 0),
//
// a product of 32 output channels with 16 input channels for each tap, summed over windows.
//
// A block of 6 warps takes tiles of 2 x 4 x 32 windows in turn. Four warps put grad_z into shared memory, [channel]
// [row][column], and sum what bias and operands get; two put x there with its far neighbours. Then warp (kd, m)
// adds up the products of 9 taps and 16 output channels in registers. 16 windows of a row at a time: lane t of four
// has windows 4t to 4t + 3, and which word of a fragment each is does not matter, as A and B agree. A thread builds
// A of each class from one load, by masks. TF32 words carry `which` in bits that the tensor cores cut off.
// Each block writes its sums; a second kernel adds the blocks' in order, so equal input gives equal bits.
// Bytes: grad_y, z_largest, which once, x twice (tiles overlap; mostly from L2).
#pragma once

#include "cuda/fused/conv_transpose3d_pool/backward_loads.cuh"

namespace fg::cuda::transpose_pool {

/// Bytes 2k and 2k + 1 of `marks`, whose top bits say which halves of a word are kept.
__device__ __forceinline__ uint32_t kept_halves(uint32_t marks, int k) {
#ifdef __CUDA_ARCH__
  uint32_t mask;  // each byte the sign of one of the marks
  asm("prmt.b32 %0, %1, 0, %2;" : "=r"(mask) : "r"(marks), "r"(k == 0 ? 0x9988 : 0xbbaa));
  return mask;
#else
  const uint32_t pair = marks >> 16 * k;
  return (pair & 0x80 ? 0xffffu : 0u) | (pair & 0x8000 ? 0xffff0000u : 0u);
#endif
}

/// Four windows of two output channels, 8 apart.
template <class T, bool kSplit>
struct GradWords {
  using S = BackwardShared<T, kSplit>;
  static constexpr int kSteps = S::kWords / 2;
  Words<S::kWords> at[2], low[kSplit ? 2 : 1];
  uint32_t marks[2];

  /// `odd_depth` (0 or 1): the parity of the classes that are asked for.
  __device__ GradWords(const uint32_t* shared, int channel, int row, int column, int odd_depth) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int own = channel + 8 * r;
      const int from = own * S::kGradStride + row * S::kGradRow + column / S::kPer;
      at[r] = *reinterpret_cast<const Words<S::kWords>*>(shared + S::kGrad + from);
      if constexpr (kSplit)
        low[r] = *reinterpret_cast<const Words<S::kWords>*>(shared + S::kLow + from);
      if constexpr (S::kPer == 2) {
        marks[r] = shared[S::kMarks + own * S::kMarkStride + (row * kWidth + column) / 4]
                   << 4 * odd_depth;
      } else {
#pragma unroll
        for (int i = 0; i < 4; ++i) at[r].at[i] ^= 4 * odd_depth;
      }
    }
  }
  /// A of class `in_plane` (0 to 3: the parities of height and width).
  __device__ void of_class(Fragment<4, kSplit> (&a)[kSteps], int in_plane) const {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
#pragma unroll
      for (int i = 0; i < S::kWords; ++i) {
        Fragment<4, kSplit>& to = a[i / 2];
        const int slot = i % 2 * 2 + r;
        if constexpr (S::kPer == 1) {
          const bool keep = (at[r].at[i] & 7) == uint32_t(in_plane);
          to.high[slot] = keep ? at[r].at[i] : 0u;
          if constexpr (kSplit) to.low[slot] = keep ? low[r].at[i] : 0u;
        } else {
          to.high[slot] = at[r].at[i] & kept_halves(marks[r] << in_plane, i);
        }
      }
    }
  }
};

/// Four places of an input channel and the one behind them.
template <class T, bool kSplit>
struct PlaceWords {
  using S = BackwardShared<T, kSplit>;
  static constexpr int kSteps = S::kWords / 2;
  Fragment<S::kWords + 1, kSplit> words;

  __device__ void load(const uint32_t* from) {
    const auto four = *reinterpret_cast<const Words<S::kWords>*>(from);
#pragma unroll
    for (int i = 0; i < S::kWords; ++i) words.set(i, four.at[i]);
    words.set(S::kWords, from[S::kWords]);
  }
  /// B of the places, or of those one further on.
  __device__ void shifted(Fragment<2, kSplit> (&b)[kSteps], int by) const {
#pragma unroll
    for (int i = 0; i < S::kWords; ++i) {
      Fragment<2, kSplit>& to = b[i / 2];
      if constexpr (S::kPer == 1) {
        to.high[i % 2] = words.high[i + by];
        if constexpr (kSplit) to.low[i % 2] = words.low[i + by];
      } else {
        to.high[i % 2] = by ? words.high[i] >> 16 | words.high[i + 1] << 16 : words.high[i];
      }
    }
  }
};

/// sums[tap of the plane kd][tile] += the products of 16 windows from (row, 16 part) on.
template <class T, bool kSplit>
__device__ __forceinline__ void multiply_windows(float (&sums)[kOwnTaps][kOwnTiles][4],
                                                 const uint32_t* shared, int row, int part, int kd,
                                                 int m) {
  using S = BackwardShared<T, kSplit>;
  constexpr int kSteps = S::kWords / 2;
  const int lane = threadIdx.x % kWarp, g = lane / 4, column = part * 16 + lane % 4 * 4;
  const GradWords<T, kSplit> grad(shared, m * 16 + g, row, column, parity(kd));
  const int input_row = (row / kHeight + shift(kd)) * (kHeight + 1) + row % kHeight;
  // Split words take twice the registers: only those of one height at a time, for A once more.
  constexpr int kPasses = kSplit ? 2 : 1, kHeights = 3 - kPasses;
#pragma unroll
  for (int pass = 0; pass < kPasses; ++pass) {
    if constexpr (kSplit) __syncwarp();  // what is loaded before its use takes registers
    PlaceWords<T, kSplit> places[kHeights][kOwnTiles];
#pragma unroll
    for (int h = 0; h < kHeights; ++h)
#pragma unroll
      for (int n = 0; n < kOwnTiles; ++n)
        places[h][n].load(shared + S::kInputs + (n * 8 + g) * S::kInputStride +
                          (input_row + pass + h) * S::kInputRow + column / S::kPer);
#pragma unroll
    for (int in_plane = 2 * pass; in_plane < 4; ++in_plane) {
      Fragment<4, kSplit> a[kSteps];
      grad.of_class(a, in_plane);
#pragma unroll
      for (int tap = 0; tap < kOwnTaps; ++tap) {
        const int h = shift(tap / 3) - pass;
        if (class_of(9 + tap) != in_plane || h < 0 || h >= kHeights) continue;
        Fragment<2, kSplit> b[kOwnTiles][kSteps];
#pragma unroll
        for (int n = 0; n < kOwnTiles; ++n) places[h][n].shifted(b[n], shift(tap % 3));
        multiply_add<Element<T>>(sums[tap], a, b);
      }
    }
  }
}

/// block_sums [grid y][grid x][kBlockSums]; channel_sums [grid y][grid x][32][1 + operands], bias first. Either may be
/// null. Grid y: groups of output channels, and in each the groups of input channels.
template <class T, class Y, bool kSplit, class C, int kMinBlocks = 2>
__global__ void __launch_bounds__(kBackwardThreads, kMinBlocks)
    backward_kernel(float* __restrict__ block_sums, float* __restrict__ channel_sums,
                    const Y* __restrict__ grad_y, const T* __restrict__ z_largest,
                    const uint8_t* __restrict__ which, const T* __restrict__ x,
                    Operands<C, T> operands, Problem p, int in_groups, C chain) {
  uint32_t* const shared = dynamic_shared<uint32_t>();
  const int first_out = int(blockIdx.y) / in_groups * kOutChannels;
  const int first_in = int(blockIdx.y) % in_groups * kInChannels;
  const int warp = threadIdx.x / kWarp, kd = warp / 2, m = warp % 2;
  float sums[kOwnTaps][kOwnTiles][4] = {};
  constexpr int kCount = ChannelSums<C, T>::kCount;
  __shared__ float channels[kOutChannels][kCount];  // sums so far: registers are for products
  for (int i = int(threadIdx.x); i < kOutChannels * kCount; i += int(kBackwardThreads))
    channels[i / kCount][i % kCount] = 0;
  __shared__ Place places[2];  // in turn, so that one is written while the last may still be read
  int turn = 0;
  for (int64_t tile = blockIdx.x; tile < p.num_tiles(); tile += gridDim.x) {
    Place& place = places[turn ^= 1];
    place.set(p, tile);
    const int thread = fresh_thread();
    __syncthreads();
    if (warp < kGradWarps) {
      ChannelSums<C, T> own;
      GradLoader<T, Y, kSplit, C>{shared, grad_y, z_largest, which,  operands,
                                  p,      place,  first_out, thread, chain}
          .load(own);
      for_each_pair<2, kCount>([&](int half, int k) {
        const float sum = warp_reduce<8>(own.at[half][k]);
        if (thread % 8 == 0) channels[thread / 8 + half * 16][k] += sum;
      });
    } else if (block_sums) {
      PlaceLoader<T, kSplit, (kBackwardWarps - kGradWarps) * kWarp>{
          shared, x, p, place, first_in, thread - kGradWarps * kWarp}
          .load();
    }
    __syncthreads();
    if (!block_sums) continue;
    for (int row = 0; row < kRows; ++row) {
      if (!place.has(p, row / kHeight, row % kHeight)) continue;
#pragma unroll 1
      for (int part = 0; part < kWidth / 16; ++part)
        multiply_windows<T, kSplit>(sums, shared, row, part, kd, m);
    }
  }
  const int64_t block = int64_t(blockIdx.y) * gridDim.x + blockIdx.x;
  const int lane = threadIdx.x % kWarp;
  if (block_sums) {
    float4* const to = reinterpret_cast<float4*>(block_sums + block * kBlockSums) +
                       warp * kOwnTaps * kOwnTiles * kWarp + lane;
#pragma unroll
    for (int i = 0; i < kOwnTaps * kOwnTiles; ++i) {
      const auto& own = sums[i / kOwnTiles][i % kOwnTiles];
      to[i * kWarp] = make_float4(own[0], own[1], own[2], own[3]);
    }
  }
  if (!channel_sums) return;
  __syncthreads();
  for (int i = int(threadIdx.x); i < kOutChannels * kCount; i += int(kBackwardThreads))
    channel_sums[block * kOutChannels * kCount + i] = channels[i / kCount][i % kCount];
}

}  // namespace fg::cuda::transpose_pool
