// Forward kernel of y = max_pool(chain(conv_transpose3d(x, weight) + bias)), see tiles.cuh.
//
// A block of 4 warps keeps the weights of 32 output channels in shared memory, in the order of fragments, and takes
// tiles of 2 x 4 x 32 windows in turn, whose inputs and their far neighbours it puts in shared memory as [step of the
// sum][row][place][8 words of channels], zero beyond the borders. A warp computes 16 channels of 32 windows of a
// row: rows of D are channels; column n of tile j is place 16 (j / 2) + 4 (n / 2) + 2 (j % 2) + n % 2, so that a thread
// ends up with two groups of four neighbouring windows of two channels and with all eight outputs of each. Chain,
// maximum (the first of equals, the last NaN) and the stores, of whole sectors, follow from registers.
// Bytes: x twice (tiles overlap; mostly from L2), y, z_largest and which once; z is never in memory.
#pragma once

#include "cuda/fused/conv_transpose3d_pool/forward_loads.cuh"

namespace fg::cuda::transpose_pool {

/// sums[class] += the products of a step. `weights` and `inputs` are this lane's first words; `next_inputs` those from
/// which a thread's last place of four counts when the one behind it is meant.
template <class T, bool kSplit, int kTiles>
__device__ __forceinline__ void multiply_step(float (&sums)[kClasses][kTiles][4],
                                              const uint32_t* weights, const uint32_t* inputs,
                                              const uint32_t* next_inputs) {
#pragma unroll
  for (int s = 0; s < 8; ++s) {
    const int row = s / 4 * (kHeight + 1) + s / 2 % 2;
    Fragment<2, kSplit> b[kTiles][1];
#pragma unroll
    for (int j = 0; j < kTiles; ++j) {
      const uint32_t* const from = (j % 2 && s % 2 ? next_inputs : inputs) + row * kRowWords;
      const auto words =
          *reinterpret_cast<const uint2*>(from + j / 2 * kHalfWords + (j % 2 * 2 + s % 2) * 8);
      b[j][0].set(0, words.x), b[j][0].set(1, words.y);
    }
#pragma unroll
    for (int tap = 0; tap < kTaps; ++tap) {
      if (shift_of(tap) != s) continue;
      const auto words = *reinterpret_cast<const uint4*>(weights + tap * kFragmentWords);
      Fragment<4, kSplit> a[1];
      a[0].set(0, words.x), a[0].set(1, words.y), a[0].set(2, words.z), a[0].set(3, words.w);
      multiply_add<Element<T>>(sums[class_of(tap)], a, b);
    }
  }
}

/// Four neighbouring elements, of which `count` are there.
template <class T>
__device__ __forceinline__ void store_four(T* to, const float (&values)[4], int64_t count,
                                           bool aligned) {
  if (aligned && count >= 4) return store_words(to, packed<T>(values), true);
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (i < count) to[i] = T(values[i]);
}

/// The largest of a window's outputs after the chain, by largest_of_window's rules.
struct Largest {
  float y, z;
  uint32_t which;
};
template <class C, int kTiles, int kSlots>
__device__ __forceinline__ Largest largest_of(const float (&sums)[kClasses][kTiles][4], int j,
                                              int i, const C& chain, const float (&c)[kSlots]) {
  Largest best{chain.forward(sums[0][j][i], c), sums[0][j][i], 0};
#pragma unroll
  for (int k = 1; k < kClasses; ++k) {
    const float z = sums[k][j][i], y = chain.forward(z, c);
    if (y > best.y || y != y) best = {y, z, uint32_t(k)};
  }
  return best;
}

/// Tiles of 8 windows that a warp takes at once, and blocks of a multiprocessor: weights are read once for all tiles,
/// but split words leave fewer registers, and with 16-bit types products are so few that more warps are worth more.
template <class T, bool kSplit>
struct ForwardShape {
  static constexpr int kTiles = kSplit || sizeof(T) == 2 ? 2 : 4;
  static constexpr int kMinBlocks = sizeof(T) == 2 ? 4 : 2;
};

/// z_largest and which may be null, both. Grid y: groups of output channels.
template <class T, class Y, bool kSplit, class C, int kTiles = ForwardShape<T, kSplit>::kTiles,
          int kMinBlocks = ForwardShape<T, kSplit>::kMinBlocks>
__global__ void __launch_bounds__(kForwardThreads, kMinBlocks)
    forward_kernel(Y* __restrict__ y, T* __restrict__ z_largest, uint8_t* __restrict__ which,
                   const T* __restrict__ x, const T* __restrict__ weight,
                   const T* __restrict__ bias, Operands<C, T> operands, Problem p, C chain) {
  const int steps = num_steps<T>(p.in_channels);
  uint32_t* const weights = dynamic_shared<uint32_t>();
  uint32_t* const inputs = weights + steps * kStepWeights;
  const int first_channel = int(blockIdx.y) * kOutChannels;
  load_weights<T, kSplit>(weights, weight, p, first_channel);

  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
  const int tile_of_channels = warp % 2, channel = first_channel + tile_of_channels * 16 + g;
  float c[2][Operands<C, T>::kSlots] = {}, b[2] = {};
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    if (channel + 8 * r >= p.out_channels) continue;
    if (bias) b[r] = float(bias[channel + 8 * r]);
    operands.load(c[r], channel + 8 * r);
  }
  const uint32_t* const own_weights =
      weights + tile_of_channels * kTaps * kFragmentWords + lane * 4;
  const uint32_t* const own_inputs = inputs + (g / 2 * 6 + g % 2) * 8 + t * 2;

  __shared__ Place places[2];  // in turn, so that one is written while the last may still be read
  int turn = 0;
  for (int64_t tile = blockIdx.x; tile < p.num_tiles(); tile += gridDim.x) {
    Place& place = places[turn ^= 1];
    place.set(p, tile);
    __syncthreads();
    InputLoader<T, kSplit>{inputs, x, p, place, p.extents[0] * p.extents[1] * p.extents[2]}.load();
    __syncthreads();
    for (int row = warp / 2; row < kRows; row += kForwardWarps / 2) {
      const int depth = row / kHeight, height = row % kHeight;
      if (!place.has(p, depth, height)) continue;
#pragma unroll 1
      for (int half = 0; half < 4 / kTiles; ++half) {
        float sums[kClasses][kTiles][4];
#pragma unroll
        for (int k = 0; k < kClasses; ++k)
          for_each_pair<kTiles, 4>([&](int j, int i) { sums[k][j][i] = b[i / 2]; });
#pragma unroll 1
        for (int step = 0; step < steps; ++step) {
          const uint32_t* const from =
              own_inputs + step * kStepInputs + (depth * (kHeight + 1) + height) * kRowWords;
          multiply_step<T, kSplit>(sums, own_weights + step * kStepWeights,
                                   from + half * kHalfWords, from + half * kHalfWords + g % 2 * 16);
        }
#pragma unroll
        for (int r = 0; r < 2; ++r) {
          if (channel + 8 * r >= p.out_channels) continue;
          const int64_t line = place.offset(p, p.out_channels, channel + 8 * r, depth, height);
#pragma unroll
          for (int part = 0; part < kTiles / 2; ++part) {
            float best[4], largest[4];
            uint32_t index = 0;
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              const Largest own = largest_of(sums, part * 2 + i / 2, 2 * r + i % 2, chain, c[r]);
              best[i] = own.y, largest[i] = own.z;
              index |= own.which << i * 8;
            }
            const int column = (half + part) * 16 + 4 * t;
            const int64_t count = place.columns(p) - column;
            store_four(y + line + column, best, count, p.aligned);
            if (!z_largest) continue;
            store_four(z_largest + line + column, largest, count, p.aligned);
            if (p.aligned && count >= 4) {
              *reinterpret_cast<uint32_t*>(which + line + column) = index;
            } else {
#pragma unroll 1
              for (int i = 0; i < 4 && i < count; ++i)
                which[line + column + i] = uint8_t(index >> i * 8);
            }
          }
        }
      }
    }
  }
}

}  // namespace fg::cuda::transpose_pool
