// Shared memory of the backward kernel, backward.cuh, and how it is filled.
#pragma once

#include "cuda/async_copy.cuh"
#include "cuda/fused/conv_transpose3d_pool/tiles.cuh"

namespace fg::cuda::transpose_pool {

inline constexpr int kBackwardWarps = 6, kGradWarps = 4;
inline constexpr unsigned kBackwardThreads = kBackwardWarps * kWarp;
inline constexpr int kInChannels = 16;             // of a block
inline constexpr int kOwnTaps = 9, kOwnTiles = 2;  // of a warp: taps, and tiles of 8 input channels
/// Sums of a block: [warp][tap][tile of 8 input channels][lane][4].
inline constexpr int kBlockSums = kBackwardWarps * kOwnTaps * kOwnTiles * kWarp * 4;

/// Shared memory, in words. Channels are so far apart that the lanes of a vector load do not meet in a bank.
template <class T, bool kSplit, class Y = T>
struct BackwardShared {
  static constexpr int kPer = kPerWord<Element<T>>;
  static constexpr int kWords = 4 / kPer;  // of four windows
  static constexpr int kRemainder = 16 / kPer;
  static constexpr int kGradRow = kWidth / kPer;
  static constexpr int kGradStride = kRows * kGradRow + kRemainder;
  static constexpr int kInputRow = (kWidth + 4) / kPer;
  static constexpr int kInputStride =
      (kInputRows * kInputRow + 31 - kRemainder) / 32 * 32 + kRemainder;
  static constexpr int kMarkStride = kRows * kWidth / 4 + 4;

  static constexpr int kInputs = 0;
  static constexpr int kGrad = kInputs + kInChannels * kInputStride;
  static constexpr int kLow = kGrad + kOutChannels * kGradStride;  // the lower parts, before that z
  static constexpr int kLowStride = kSplit ? kGradStride : kRows * kGradRow;
  static constexpr int kMarks = kLow + kOutChannels * kLowStride;
  // grad_y, where a Y is larger than a T; else it lies where grad_z goes.
  static constexpr bool kRawApart = sizeof(Y) > sizeof(T);
  static constexpr int kRaw = kMarks + kOutChannels * kMarkStride;
  static constexpr int kRawStride = kRows * kWidth;
  static constexpr int kEnd = kRaw + (kRawApart ? kOutChannels * kRawStride : 0);
};

template <int kWords>
struct alignas(kWords * 4) Words {
  uint32_t at[kWords];
};

/// Starts copying a Value, or makes it 0.
template <class Value>
__device__ __forceinline__ void copy_or_clear(uint32_t* shared, const void* global, bool there,
                                              const CopyPolicy& policy) {
  if (there)
    copy_async<int(sizeof(Value))>(shared, global, policy);
  else
    *reinterpret_cast<Value*>(shared) = Value{};
}

/// x of the block's input channels, as words of two neighbouring places or one. `thread` of kThreads.
template <class T, bool kSplit, int kThreads>
struct PlaceLoader {
  using S = BackwardShared<T, kSplit>;
  using Four = Words<S::kWords>;
  static constexpr int kLines = kInChannels * kInputRows;
  uint32_t* shared;
  const T* x;
  const Problem& p;
  const Place& place;
  int first_channel, thread;

  /// Calls body(where to put it, where it is, how many of its elements are there) for each of this thread's fours.
  template <class Body>
  __device__ __forceinline__ void for_each_four(int column, int line, int step,
                                                const Body& body) const {
    for (; line < kLines; line += step) {
      const int channel = line / kInputRows, row = line % kInputRows;
      const int depth = row / (kHeight + 1), height = row % (kHeight + 1);
      const bool has = place.has(p, depth, height) && first_channel + channel < p.in_channels;
      const T* const from =
          x + place.offset(p, p.in_channels, first_channel + channel, depth, height) + column;
      body(shared + S::kInputs + channel * S::kInputStride + row * S::kInputRow + column / S::kPer,
           from, has ? place.columns(p) - column : 0);
    }
  }
  __device__ static void store(uint32_t* to, const float (&values)[4]) {
    Four words;
#pragma unroll
    for (int i = 0; i < S::kWords; ++i) {
      if constexpr (S::kPer == 1)
        words.at[i] = float_word<kSplit>(values[i]);
      else
        words.at[i] = packed_pair<T>(values[2 * i], values[2 * i + 1]);
    }
    *reinterpret_cast<Four*>(to) = words;
  }
  __device__ void load() const {
    const int column = thread % 8 * 4, line = thread / 8;
    const auto plain = [&](uint32_t* to, const T* from, int64_t count) {
      float values[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) values[i] = i < count ? float(from[i]) : 0.f;
      store(to, values);
    };
    if (!p.aligned || place.columns(p) < kWidth) {
      for_each_four(column, line, kThreads / 8, plain);
      for_each_four(kWidth, thread, kThreads, plain);
      return;
    }
    const CopyPolicy policy(false);
    for_each_four(column, line, kThreads / 8, [&](uint32_t* to, const T* from, int64_t count) {
      copy_or_clear<Four>(to, from, count > 0, policy);
    });
    for_each_four(kWidth, thread, kThreads, [&](uint32_t* to, const T* from, int64_t count) {
      const float values[4] = {count > 0 ? float(from[0]) : 0.f};
      store(to, values);
    });
    close_copies();
    wait_for_copies<0>();
    if constexpr (S::kPer == 1 && !kSplit) {
      uint32_t* const own = shared + S::kInputs + column;
#pragma unroll 4
      for (int i = line; i < kLines; i += kThreads / 8) {
        uint32_t* const at = own + i / kInputRows * S::kInputStride + i % kInputRows * S::kInputRow;
        const auto values = *reinterpret_cast<const float4*>(at);
        store(at, {values.x, values.y, values.z, values.w});
      }
    }
  }
};

/// What a thread that loads gradients sums over a tile: channels thread / 8 and that plus 16.
template <class C, class T>
struct ChannelSums {
  static constexpr int kCount = 1 + Operands<C, T>::kCount;
  float at[2][kCount] = {};
};

/// grad_z of the block's output channels. `thread` of 128 has four columns of each row of two channels.
template <class T, class Y, bool kSplit, class C>
struct GradLoader {
  using S = BackwardShared<T, kSplit, Y>;
  using O = Operands<C, T>;
  using Four = Words<S::kWords>;
  uint32_t* shared;
  const Y* grad_y;
  const T* z_largest;
  const uint8_t* which;
  const Operands<C, T>& operands;
  const Problem& p;
  const Place& place;
  int first_channel, thread;
  const C& chain;

  __device__ int own_channel(int half) const { return thread / 8 + half * 16; }
  __device__ int column() const { return thread % 8 * 4; }
  __device__ uint32_t* grad_at(int half, int row) const {
    return shared + S::kGrad + own_channel(half) * S::kGradStride + row * S::kGradRow +
           column() / S::kPer;
  }
  __device__ uint32_t* raw_at(int half, int row) const {
    return S::kRawApart
               ? shared + S::kRaw + own_channel(half) * S::kRawStride + row * kWidth + column()
               : grad_at(half, row);
  }
  __device__ uint32_t* low_at(int half, int row) const {
    return shared + S::kLow + own_channel(half) * S::kLowStride + row * S::kGradRow +
           column() / S::kPer;
  }
  __device__ uint32_t* marks_at(int half, int row) const {
    return shared + S::kMarks + own_channel(half) * S::kMarkStride + (row * kWidth + column()) / 4;
  }
  /// How many of four windows are there, and where they begin.
  __device__ int64_t locate(int half, int row, int64_t& from) const {
    const int channel = first_channel + own_channel(half);
    const int depth = row / kHeight, height = row % kHeight;
    from = place.offset(p, p.out_channels, channel, depth, height) + column();
    const bool has = place.has(p, depth, height) && channel < p.out_channels;
    return has ? place.columns(p) - column() : 0;
  }

  /// Puts grad_z of four windows, of which `count` are there, where they belong, and adds to `sums`.
  __device__ __forceinline__ void finish(ChannelSums<C, T>& sums, int half, int row,
                                         const float (&g)[4], const float (&z)[4], uint32_t classes,
                                         int64_t count, const float (&c)[O::kSlots]) const {
    float grad[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float parts[O::kSlots] = {};
      const float own_grad = chain.backward(g[i], z[i], c, parts);
      grad[i] = i < count ? own_grad : 0.f;
      sums.at[half][0] += grad[i];
#pragma unroll
      for (int k = 0; k < O::kCount; ++k) sums.at[half][1 + k] += i < count ? parts[k] : 0.f;
    }
    Four words, low;
    uint32_t marks = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const uint32_t own_class = classes >> 8 * i & 7;
      if constexpr (S::kPer == 1) {
        const SplitFloat parts = split_tf32(grad[i]);
        words.at[i] = (parts.high & ~7u) | own_class;
        low.at[i] = parts.low;
      } else {
        marks |= 0x80u >> own_class << 8 * i;
        if (i % 2) words.at[i / 2] = packed_pair<T>(grad[i - 1], grad[i]);
      }
    }
    *reinterpret_cast<Four*>(grad_at(half, row)) = words;
    if constexpr (kSplit) *reinterpret_cast<Four*>(low_at(half, row)) = low;
    if constexpr (S::kPer == 2) *marks_at(half, row) = marks;
  }

  /// Element by element.
  __device__ void load_plainly(ChannelSums<C, T>& sums, int half,
                               const float (&c)[O::kSlots]) const {
#pragma unroll 1
    for (int row = 0; row < kRows; ++row) {
      int64_t from;
      const int64_t count = locate(half, row, from);
      float g[4] = {}, z[4] = {};
      uint32_t classes = 0;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (i >= count) continue;
        g[i] = float(grad_y[from + i]), z[i] = float(z_largest[from + i]);
        classes |= uint32_t(which[from + i]) << 8 * i;
      }
      finish(sums, half, row, g, z, classes, count, c);
    }
  }
  /// All copies are under way before the first is waited for. A thread waits for its own alone.
  __device__ void start() const {
    const CopyPolicy policy(false);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll 2
      for (int row = 0; row < kRows; ++row) {
        int64_t from;
        const bool there = locate(half, row, from) > 0;
        copy_or_clear<WordPack<Y, 4>>(raw_at(half, row), grad_y + from, there, policy);
        copy_or_clear<Four>(low_at(half, row), z_largest + from, there, policy);
        copy_or_clear<uint32_t>(marks_at(half, row), which + from, there, policy);
      }
    }
    close_copies();
    wait_for_copies<0>();
  }
  __device__ void load(ChannelSums<C, T>& sums) const {
    const bool by_fours = p.aligned && place.columns(p) >= kWidth;
    if (by_fours) start();
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float c[O::kSlots] = {};
      if (first_channel + own_channel(half) < p.out_channels)
        operands.load(c, first_channel + own_channel(half));
      if (!by_fours) {
        load_plainly(sums, half, c);
        continue;
      }
#pragma unroll 2
      for (int row = 0; row < kRows; ++row) {
        int64_t from;
        const int64_t count = locate(half, row, from) > 0 ? 4 : 0;
        float g[4], z[4];
        unpack(*reinterpret_cast<const WordPack<Y, 4>*>(raw_at(half, row)), g);
        unpack(*reinterpret_cast<const WordPack<T, 4>*>(low_at(half, row)), z);
        finish(sums, half, row, g, z, *marks_at(half, row), count, c);
      }
    }
  }
};

}  // namespace fg::cuda::transpose_pool
