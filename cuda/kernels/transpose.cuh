// Matrix transposes between memory orders: out[row][col] = source[col][row], both contiguous along their last
// index. A block of 256 threads moves one tile of kSide x kSide elements through shared memory: full 128-byte
// lines on both sides, 16 bytes per access where the strides and starts allow it. Each element is read and
// written once; a tile's chunks of 16 bytes are permuted (XOR) so that neither way meets a bank conflict.
#pragma once

#include <bit>

#include "cuda/divider.h"
#include "cuda/kernels/elementwise_plan.h"
#include "cuda/launch.h"
#include "cuda/vector.cuh"

namespace fg::cuda {

/// One matrix per position of `places`; strides in elements.
struct TransposeTask {
  int64_t rows, cols;
  int64_t out_row_stride, source_col_stride;
  OffsetTable<2> places;  // of the matrices, in out and source
  Divider col_tiles, row_tiles;
  bool packs;  // on both sides, every line starts on a pack's border
};

namespace transpose_detail {

inline constexpr int kThreads = 256;
inline constexpr int kLanes = 8;  // threads side by side along a source line: 128 bytes

/// A tile of elements of `Bits`, in chunks of one pack.
template <class Bits>
struct Tile {
  static constexpr int kWidth = kVectorBytes / int(sizeof(Bits));
  static constexpr int kSide = sizeof(Bits) == 1 ? 128 : sizeof(Bits) == 8 ? 32 : 64;
  static constexpr int kChunks = kSide / kWidth;

  using Chunk = Pack<Bits, kWidth>;

  Chunk chunks[kSide][kChunks];

  // Threads store down a column, kWidth rows apart, and load along a row: 8 chunks of different banks each.
  __device__ __forceinline__ Chunk& chunk(int row, int index) {
    return chunks[row][index ^ (row / kWidth % kLanes)];
  }
  __device__ __forceinline__ Bits& at(int row, int col) {
    return chunk(row, col / kWidth).at[col % kWidth];
  }
};

/// Reads chunks of the source's lines, and spreads each over kWidth rows of the tile. kWhole: nothing to check.
template <bool kWhole, class Bits>
__device__ __forceinline__ void load_tile(Tile<Bits>& tile, const Bits* source, int rows, int cols,
                                          int64_t col_stride, bool packs) {
  constexpr int kWidth = Tile<Bits>::kWidth, kSide = Tile<Bits>::kSide;
  constexpr int kAcross = kSide / (kLanes * kWidth), kCols = kThreads / kLanes;
  constexpr int kCount = kAcross * (kSide / kCols);
  const int first_row = threadIdx.x % kLanes * kWidth, first_col = threadIdx.x / kLanes;
  typename Tile<Bits>::Chunk chunks[kCount];
#pragma unroll
  for (int k = 0; k < kCount; ++k) {
    const int row = first_row + k % kAcross * kLanes * kWidth,
              col = first_col + k / kAcross * kCols;
    const Bits* const from = source + col * col_stride + row;
    if (kWhole || (packs && col < cols && row + kWidth <= rows)) {
      chunks[k] = *reinterpret_cast<const typename Tile<Bits>::Chunk*>(from);
    } else {
#pragma unroll
      for (int j = 0; j < kWidth; ++j)
        if (col < cols && row + j < rows) chunks[k].at[j] = from[j];
    }
  }
#pragma unroll
  for (int k = 0; k < kCount; ++k) {
    const int row = first_row + k % kAcross * kLanes * kWidth,
              col = first_col + k / kAcross * kCols;
#pragma unroll
    for (int j = 0; j < kWidth; ++j) tile.at(row + j, col) = chunks[k].at[j];
  }
}

/// Stores a chunk in one access: nvcc 13.0 makes several of an assignment whose value comes from shared memory.
template <class Bits, int kWidth>
__device__ __forceinline__ void store_whole(Bits* to, const Pack<Bits, kWidth>& chunk) {
#ifdef __CUDA_ARCH__
  const auto words = std::bit_cast<Pack<uint32_t, 4>>(chunk);
  asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(to)),
               "r"(words.at[0]), "r"(words.at[1]), "r"(words.at[2]), "r"(words.at[3])
               : "memory");
#else
  *reinterpret_cast<Pack<Bits, kWidth>*>(to) = chunk;
#endif
}

template <bool kWhole, class Bits>
__device__ __forceinline__ void store_tile(Tile<Bits>& tile, Bits* out, int rows, int cols,
                                           int64_t row_stride, bool packs) {
  constexpr int kWidth = Tile<Bits>::kWidth, kSide = Tile<Bits>::kSide;
  constexpr int kChunks = Tile<Bits>::kChunks;
  const int index = threadIdx.x % kChunks, col = index * kWidth;
#pragma unroll
  for (int k = 0; k < kSide * kChunks / kThreads; ++k) {
    const int row = int(threadIdx.x) / kChunks + k * (kThreads / kChunks);
    const auto chunk = tile.chunk(row, index);
    Bits* const to = out + row * row_stride + col;
    if (kWhole || (packs && row < rows && col + kWidth <= cols)) {
      store_whole(to, chunk);
    } else {
#pragma unroll
      for (int j = 0; j < kWidth; ++j)
        if (row < rows && col + j < cols) to[j] = chunk.at[j];
    }
  }
}

/// One tile per block, in the output's order: walking in squarer bands was slower, 0.84 of the copy for 0.90.
template <class Bits>
__global__ void __launch_bounds__(kThreads)
    transpose_kernel(Bits* __restrict__ out, const Bits* __restrict__ source,
                     const TransposeTask task) {
  __shared__ Tile<Bits> tile;
  constexpr int kSide = Tile<Bits>::kSide;
  const uint32_t tile_row = task.col_tiles.quotient(blockIdx.x);
  const uint32_t matrix = task.row_tiles.quotient(tile_row);
  const int64_t col = int64_t(blockIdx.x - tile_row * task.col_tiles.divisor()) * kSide;
  const int64_t row = int64_t(tile_row - matrix * task.row_tiles.divisor()) * kSide;
  const int rows = int(std::min<int64_t>(kSide, task.rows - row));
  const int cols = int(std::min<int64_t>(kSide, task.cols - col));
  int64_t starts[2];
  task.places.locate(matrix, starts);
  source += starts[1] + col * task.source_col_stride + row;
  out += starts[0] + row * task.out_row_stride + col;
  const bool whole = task.packs && rows == kSide && cols == kSide;
  if (whole)
    load_tile<true>(tile, source, rows, cols, task.source_col_stride, true);
  else
    load_tile<false>(tile, source, rows, cols, task.source_col_stride, task.packs);
  __syncthreads();
  if (whole)
    store_tile<true>(tile, out, rows, cols, task.out_row_stride, true);
  else
    store_tile<false>(tile, out, rows, cols, task.out_row_stride, task.packs);
}

}  // namespace transpose_detail
}  // namespace fg::cuda
