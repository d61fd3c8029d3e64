// Shared memory of the forward kernel, forward.cuh, and how it is filled.
#pragma once

#include "cuda/fused/conv_transpose3d_pool/tiles.cuh"

namespace fg::cuda::transpose_pool {

inline constexpr int kForwardWarps = 4;
inline constexpr unsigned kForwardThreads = kForwardWarps * kWarp;
// Four places of a row are a line of the banks; the two that follow each four are a gap, so that places 4 apart do
// not meet in a bank.
inline constexpr int kRowPlaces = kWidth / 4 * 6 + 1;
inline constexpr int kRowWords = kRowPlaces * 8, kHalfWords = kRowPlaces / 2 * 8;
// A gap again, as neighbouring threads store what neighbouring taps weigh.
inline constexpr int kFragmentWords = 4 * kWarp + 4;

template <class T>
__host__ __device__ constexpr int num_steps(int in_channels) {
  constexpr int step = 8 * kPerWord<Element<T>>;
  return (in_channels + step - 1) / step;
}
/// Words of shared memory of one step of the sum: weights, and inputs.
inline constexpr int kStepWeights = kTaps * 2 * kFragmentWords;
inline constexpr int kStepInputs = kInputRows * kRowWords;

/// weights [step][tile of channels][tap][lane][4 words]; word t of a step's column stands for word 2t of the channels,
/// word t + 4 for the one behind it. A warp takes the taps of 16 output channels at a time.
template <class T, bool kSplit>
__device__ void load_weights(uint32_t* weights, const T* weight, const Problem& p,
                             int first_channel) {
  constexpr int kPer = kPerWord<Element<T>>, kAtOnce = 16;
  const int steps = num_steps<T>(p.in_channels);
  const int channels = min(p.out_channels - first_channel, kOutChannels);
  if (p.in_channels < steps * 8 * kPer) {
    for (int i = threadIdx.x; i < steps * kStepWeights; i += kForwardThreads) weights[i] = 0;
    __syncthreads();
  }
  const int tap = threadIdx.x % kWarp;
  if (tap >= kTaps) return;
  for (int item = threadIdx.x / kWarp; item < p.in_channels * 2; item += kForwardWarps) {
    const int in = item / 2, tile = item % 2, count = channels - tile * kAtOnce;
    const T* const from =
        weight + (int64_t(in) * p.out_channels + first_channel + tile * kAtOnce) * kTaps + tap;
    T values[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) values[i] = i < count ? from[i * kTaps] : T(0.f);
    const int word = in / kPer % 8;
    const int at =
        ((in / kPer / 8 * 2 + tile) * kTaps + tap) * kFragmentWords + word / 2 * 4 + word % 2 * 2;
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int slot = at + i % 8 * 16 + i / 8;
      if constexpr (kPer == 1)
        weights[slot] = float_word<kSplit>(values[i]);
      else
        reinterpret_cast<T*>(weights)[2 * slot + in % 2] = values[i];
    }
  }
}

/// Puts the x of a tile and its neighbours where multiply_step reads them.
template <class T, bool kSplit>
struct InputLoader {
  static constexpr int kPer = kPerWord<Element<T>>, kChannels = 4 * kPer;  // of four words
  uint32_t* inputs;
  const T* x;
  const Problem& p;
  const Place& place;
  int64_t channel_stride;

  /// Chunk: four words of channels. Row: of the inputs' rows.
  __device__ const T* locate(int chunk, int row) const {
    return x + place.offset(p, p.in_channels, chunk * kChannels, row / (kHeight + 1),
                            row % (kHeight + 1));
  }
  __device__ bool has(int row) const {
    return place.has(p, row / (kHeight + 1), row % (kHeight + 1));
  }
  __device__ void store(int chunk, int row, int column, const T (&values)[kChannels]) const {
    uint32_t words[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if constexpr (kPer == 1)
        words[i] = float_word<kSplit>(values[i]);
      else
        words[i] = values[2 * i].bits | uint32_t(values[2 * i + 1].bits) << 16;
    }
    const int at = (column + column / 4 * 2) * 8 + chunk % 2 * 4;
    *reinterpret_cast<uint4*>(inputs + chunk / 2 * kStepInputs + row * kRowWords + at) = {
        words[0], words[1], words[2], words[3]};
  }
  __device__ void load_place(int chunk, int row, int column) const {
    const bool inside = has(row) && column < place.columns(p);
    const T* const from = locate(chunk, row) + column;
    T values[kChannels];
#pragma unroll
    for (int i = 0; i < kChannels; ++i)
      values[i] =
          inside && chunk * kChannels + i < p.in_channels ? from[i * channel_stride] : T(0.f);
    store(chunk, row, column, values);
  }
  /// Four neighbouring places of all channels of a chunk, in one access for each channel.
  __device__ __forceinline__ void fetch(Pack<T, 4> (&packs)[kChannels], int chunk, int row,
                                        int column) const {
    const T* const from = locate(chunk, row) + column;
    const bool inside = has(row);
#pragma unroll
    for (int i = 0; i < kChannels; ++i) {
      packs[i] = {};
      if (inside && chunk * kChannels + i < p.in_channels)
        packs[i] = *reinterpret_cast<const Pack<T, 4>*>(from + i * channel_stride);
    }
  }
  __device__ void load() const {
    const int steps = num_steps<T>(p.in_channels), thread = fresh_thread();
    const int lines = steps * kInputRows;  // of two chunks
    for (int item = thread; item < lines * 2; item += kForwardThreads)
      load_place(item / kInputRows, item % kInputRows, kWidth);
    if (!p.aligned || place.columns(p) < kWidth) {
#pragma unroll 1
      for (int item = thread / kWarp; item < lines * 2; item += kForwardWarps)
        load_place(item / kInputRows, item % kInputRows, thread % kWarp);
      return;
    }
    // Neighbouring threads have the two chunks of a step, and so different banks. Several items' loads are under way
    // before the first is used.
    constexpr int kAtOnce = kPer == 1 && !kSplit ? 2 : 1, kStep = kForwardThreads / 16;
    const int half = thread % 2, column = thread / 2 % 8 * 4;
    for (int first = thread / 16; first < lines; first += kStep * kAtOnce) {
      Pack<T, 4> packs[kAtOnce][kChannels];
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
        const int line = first + k * kStep;
        if (line < lines) fetch(packs[k], line / kInputRows * 2 + half, line % kInputRows, column);
      }
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
        const int line = first + k * kStep;
        if (line >= lines) continue;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          T values[kChannels];
#pragma unroll
          for (int j = 0; j < kChannels; ++j) values[j] = packs[k][j].at[i];
          store(line / kInputRows * 2 + half, line % kInputRows, column + i, values);
        }
      }
    }
  }
};

}  // namespace fg::cuda::transpose_pool
