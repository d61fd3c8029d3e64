// How a block of the convolution kernels works through an image, and how it holds its input.
//
// A block makes kRows x kColumns positions of 32 output channels, of one depth after the other. The planes of input
// that it needs lie in shared memory as words (mma.cuh): a ring of three depths, each of which is loaded once. Within a depth, [word of channels][row][column]: a fragment
// of B is then 4 planes of words by 8 neighbouring columns, and a tap is an offset. Nothing is gathered.
#pragma once

#include "cuda/mma.cuh"
#include "cuda/vector.cuh"
#include "tensor/kernels/conv.h"

namespace fg::cuda::conv3d {

inline constexpr int kKernelHeight = 3;
inline constexpr int kSlots = 3;      // of the ring of depths: kernels are no deeper
inline constexpr int kMostWidth = 3;  // of a kernel
inline constexpr int kPack = 4;       // columns that are loaded or stored at once
inline constexpr int kChannels = 32;  // of a block's results
inline constexpr int kStepWords = kKernelHeight * 8 * kChannels;  // of weights

/// What is multiplied where memory holds T.
template <class T>
using Element = std::conditional_t<std::is_same_v<T, float>, TensorFloat32, T>;

/// kWarpsHigh x kWarpsWide warps, each of kWarpRows rows by kWarpTiles tiles of 8 columns; kBlocks of such blocks are
/// to fit a multiprocessor.
template <int kWarpRows_, int kWarpTiles_, int kWarpsHigh, int kWarpsWide_, int kBlocks_>
struct Tile {
  static constexpr int kWarpRows = kWarpRows_, kWarpTiles = kWarpTiles_, kWarpsWide = kWarpsWide_,
                       kBlocks = kBlocks_;
  static constexpr int kWarps = kWarpsHigh * kWarpsWide, kThreads = 32 * kWarps;
  static constexpr int kRows = kWarpRows * kWarpsHigh, kColumns = 8 * kWarpTiles * kWarpsWide;
  static constexpr int kInRows = kRows + kKernelHeight - 1, kInColumns = kColumns + kPack;
  /// Words from a plane of words to the next: 8 mod 32, so that those of a fragment lie in 32 banks.
  static constexpr int kPlane = (kInRows * kInColumns + 23) / 32 * 32 + 8;
  static constexpr int kPacksOfRow = kColumns / kPack;
  /// Rows of a plane of words that the block loads at once.
  static constexpr int kLines = kThreads / kPacksOfRow;
  static_assert(kThreads % kPacksOfRow == 0 && kMostWidth <= kPack + 1);

  /// Where a thread's warp begins within the block's rows and columns.
  __device__ static int warp_row(int thread) { return thread / 32 / kWarpsWide * kWarpRows; }
  __device__ static int warp_column(int thread) {
    return thread / 32 % kWarpsWide * (8 * kWarpTiles);
  }
};

/// threadIdx.x, of which the compiler does not know that it is always the same: what is computed from it is computed
/// again where it is needed, instead of taking registers all through the product.
__device__ __forceinline__ int thread_here() {
#ifdef __CUDA_ARCH__
  int thread;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
  return thread;
#else
  return int(threadIdx.x);
#endif
}

/// A convolution in the kernel's numbers.
struct Problem {
  int64_t items;  // blocks
  int in_channels, out_channels;
  int in_depth, in_height, in_width, out_depth, out_height, out_width;
  int pad_depth, pad_height, pad_width, kernel_depth, kernel_width;
  int row_tiles, column_tiles, channel_groups, depth_parts, depth_step;
  int quads;                  // of words of a tap
  int steps, whole_steps;     // of two quads; without the last one, where that has only one
  int chunks;                 // parts in which a depth is loaded,
  int round_chunks;           // and how many of them while 8 channels are finished
  bool in_packs;              // rows and addresses are multiples of a pack
  bool out_packs, out_pairs;  // addresses are multiples of a pack; rows, of two elements
};

/// Where a block works: image, first of its 32 channels, first position, and depths.
struct Place {
  int64_t image;
  int channel, row, column, depth, depth_end;

  template <class Tl>
  __device__ static Place of(const Problem& p, unsigned item, Tl) {
    const auto next = [&item](int extent) {
      const int i = int(item % unsigned(extent));
      item /= unsigned(extent);
      return i;
    };
    Place place;
    place.row = next(p.row_tiles) * Tl::kRows;
    place.column = next(p.column_tiles) * Tl::kColumns;
    place.channel = next(p.channel_groups) * kChannels;
    place.depth = next(p.depth_parts) * p.depth_step;
    place.depth_end = min(place.depth + p.depth_step, p.out_depth);
    place.image = item;
    return place;
  }
};

/// The word of which `value` is element `place`. kSplit: float32, to be split when it is used.
template <class T, bool kSplit>
__device__ __forceinline__ uint32_t word_of(T value, int place) {
  if constexpr (!std::is_same_v<T, float>)
    return uint32_t(value.bits) << (16 * place);
  else
    return kSplit ? std::bit_cast<uint32_t>(value) : to_tf32(value);
}

/// kPack neighbouring columns of a plane of words, as they come from memory.
template <class T>
struct RawPack {
  Pack<T, kPack> channel[kPerWord<Element<T>>];
};

/// A row of a plane of words: where it comes from in a depth of the image, and where it goes in a slot of the ring. In
/// the lowest bits of `to`, a multiple of kPack, how many channels of the word are there; none outside the image.
struct Line {
  int from, to;
};

template <class Tl>
__device__ int count_lines(const Problem& p) {
  return p.quads * 4 * Tl::kInRows;
}
template <class T, class Tl>
__device__ void fill_lines(Line* lines, const Problem& p, const Place& place) {
  constexpr int kPer = kPerWord<Element<T>>;
  for (int i = int(threadIdx.x); i < count_lines<Tl>(p); i += Tl::kThreads) {
    const int word = i / Tl::kInRows, row = i % Tl::kInRows, h = place.row + row - p.pad_height;
    const int channels = unsigned(h) < unsigned(p.in_height) ? p.in_channels - word * kPer : 0;
    const int volume = p.in_depth * p.in_height * p.in_width;
    lines[i].from = word * kPer * volume + h * p.in_width + place.column - p.pad_width;
    lines[i].to = word * Tl::kPlane + row * Tl::kInColumns + max(0, min(channels, kPer));
  }
}

/// Brings depths of x into the ring.
template <class T, bool kSplit, class Tl>
class Loader {
 public:
  __device__ Loader(const Problem& problem, const Place& place, const T* input, const Line* lines,
                    uint32_t* ring)
      : p_(problem),
        lines_(lines),
        ring_(ring),
        x_(input + place.image * p_.in_channels * p_.in_depth * p_.in_height * p_.in_width),
        column_(place.column - p_.pad_width),
        has_rest_(p_.out_width - place.column + p_.kernel_width - 1 > Tl::kColumns) {}

  /// Chunks of a depth, from `chunk` to before `end`: up to kHeld are started, and later finished.
  static constexpr int kHeld = 2 / kPerWord<Element<T>>;
  __device__ __forceinline__ void load(int chunk, int end, int depth) {
    const int thread = thread_here();
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int line = line_of(chunk + i, thread);
      if (chunk + i < end && line < count_lines<Tl>(p_))
        read(raw_[i], line, pack_of(thread), depth);
    }
  }
  __device__ __forceinline__ void store(int chunk, int end, int slot) const {
    const int thread = thread_here();
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int line = line_of(chunk + i, thread);
      if (chunk + i < end && line < count_lines<Tl>(p_))
        write(raw_[i], line, pack_of(thread), slot);
    }
  }
  /// The columns behind those that the chunks bring, where results in the image need them.
  __device__ __forceinline__ void bring_rest(int depth, int slot) {
    if (!has_rest_) return;
    for (int line = thread_here(); line < count_lines<Tl>(p_); line += Tl::kThreads) {
      read(raw_[0], line, Tl::kColumns, depth);
      write(raw_[0], line, Tl::kColumns, slot);
    }
  }
  __device__ __forceinline__ void bring(int chunk, int end, int depth, int slot) {
    for (; chunk < end; chunk += kHeld) {
      load(chunk, end, depth);
      store(chunk, end, slot);
    }
  }
  __device__ void bring(int depth, int slot) {
    bring(0, p_.chunks, depth, slot);
    bring_rest(depth, slot);
  }

 private:
  static constexpr int kPer = kPerWord<Element<T>>;

  __device__ static int line_of(int chunk, int thread) {
    return chunk * Tl::kLines + thread / Tl::kPacksOfRow;
  }
  __device__ static int pack_of(int thread) { return thread % Tl::kPacksOfRow * kPack; }

  /// Zeros outside the image.
  __device__ __forceinline__ void read(RawPack<T>& raw, int line, int column, int depth) const {
    const Line at = lines_[line];
    const int channels = unsigned(depth) < unsigned(p_.in_depth) ? at.to % kPack : 0;
    const int plane = p_.in_height * p_.in_width, w = column_ + column;
    const T* const from = x_ + (at.from + column + depth * plane);
#pragma unroll
    for (int j = 0; j < kPer; ++j) {
      raw.channel[j] = {};
      if (p_.in_packs) {
        if (j < channels && unsigned(w) < unsigned(p_.in_width))
          raw.channel[j] = *reinterpret_cast<const Pack<T, kPack>*>(from + j * p_.in_depth * plane);
      } else {
#pragma unroll
        for (int i = 0; i < kPack; ++i)
          if (j < channels && unsigned(w + i) < unsigned(p_.in_width))
            raw.channel[j].at[i] = from[j * p_.in_depth * plane + i];
      }
    }
  }
  __device__ __forceinline__ void write(const RawPack<T>& raw, int line, int column,
                                        int slot) const {
    Pack<uint32_t, kPack> words{};
#pragma unroll
    for (int i = 0; i < kPack; ++i)
#pragma unroll
      for (int j = 0; j < kPer; ++j) words.at[i] |= word_of<T, kSplit>(raw.channel[j].at[i], j);
    const int to = lines_[line].to / kPack * kPack + slot * p_.quads * 4 * Tl::kPlane;
    *reinterpret_cast<Pack<uint32_t, kPack>*>(ring_ + to + column) = words;
  }

  const Problem& p_;
  const Line* const lines_;
  uint32_t* const ring_;
  const T* const x_;  // of the image
  const int column_;  // of the input, where the block's begin
  const bool has_rest_;
  RawPack<T> raw_[kHeld];
};

}  // namespace fg::cuda::conv3d
