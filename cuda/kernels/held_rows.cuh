// Rows of a [rows, columns] array held in registers, so that a kernel can pass over a row several times and
// reads it once. A team of 4 or 32 lanes or a whole block takes a row; each thread holds a few packs of it.
// Rows of any length that fit: a row is cut at the array's pack borders, whatever its own start, and places
// outside of the row hold a fill value. The layout depends on the shape alone.
#pragma once

#include "cuda/kernels/block_reduce.cuh"
#include "cuda/kernels/row_packs.cuh"
#include "cuda/launch.h"

namespace fg::cuda {

/// Threads of a block whose teams are parts of warps.
inline constexpr int kTeamThreads = 256;

/// Which row a thread works on, and as which of how many lanes.
template <int kTeam>
struct RowTeam {
  static constexpr int kTeams = kTeam > 0 ? kTeamThreads / kTeam : 1;  // per block
  int lane, lanes, team;

  __device__ RowTeam() {
    lanes = kTeam > 0 ? kTeam : int(blockDim.x);
    lane = int(threadIdx.x) % lanes;
    team = int(threadIdx.x) / lanes;
  }
};

template <class T, int kTeam, int kPacks>
struct HeldRow {
  using C = Compute<T>;
  static constexpr int kWidth = kFullPack<T>;
  C at[kPacks][kWidth];
  int64_t begin, end;  // the row's elements in the array
  int64_t first;       // this lane's first pack, in elements
  int step;            // from one of its packs to the next, in elements

  /// A row at or behind `rows` is empty.
  __device__ HeldRow(const RowTeam<kTeam>& team, int64_t row, int64_t rows, int64_t columns) {
    begin = row * columns;
    end = row < rows ? begin + columns : begin;
    first = (begin / kWidth + team.lane) * kWidth;
    step = team.lanes * kWidth;
  }
  __device__ int64_t place(int k) const { return first + int64_t(k) * step; }
  __device__ bool is_whole(int64_t place) const { return place >= begin && place + kWidth <= end; }
  /// Whether any of the pack's elements is the row's.
  __device__ bool is_any(int64_t place) const { return place < end && place + kWidth > begin; }
  __device__ bool holds(int64_t i) const { return i >= begin && i < end; }

  __device__ void load(const T* x, bool aligned, C fill) {
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int64_t i = place(k);
      if (is_whole(i)) {
        const Pack<T, kWidth> pack = load_pack<kWidth>(x + i, aligned);
#pragma unroll
        for (int j = 0; j < kWidth; ++j) at[k][j] = C(pack.at[j]);
      } else {
#pragma unroll
        for (int j = 0; j < kWidth; ++j) at[k][j] = holds(i + j) ? C(x[i + j]) : fill;
      }
    }
  }
  /// out[i] = f(k, j) for the held elements.
  template <class F>
  __device__ void store(T* out, bool aligned, F f) const {
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int64_t i = place(k);
      if (is_whole(i)) {
        Pack<T, kWidth> pack;
#pragma unroll
        for (int j = 0; j < kWidth; ++j) pack.at[j] = T(f(k, j));
        store_pack(out + i, pack, aligned);
      } else {
#pragma unroll
        for (int j = 0; j < kWidth; ++j)
          if (holds(i + j)) out[i + j] = T(f(k, j));
      }
    }
  }
  /// f(k, j) for every place, those that hold the fill value included.
  template <class F>
  __device__ void for_each(F f) const {
#pragma unroll
    for (int k = 0; k < kPacks; ++k)
#pragma unroll
      for (int j = 0; j < kWidth; ++j) f(k, j);
  }
  /// f(k, j) for the row's elements.
  template <class F>
  __device__ void for_each_held(F f) const {
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int64_t i = place(k);
      const bool whole = is_whole(i);
#pragma unroll
      for (int j = 0; j < kWidth; ++j)
        if (whole || holds(i + j)) f(k, j);
    }
  }
};

/// Packs of T whose values take `bytes` of a thread's registers.
template <class T>
constexpr int packs_in(int bytes) {
  const int packs = bytes / int(sizeof(Compute<T>)) / kFullPack<T>;
  return packs > 0 ? packs : 1;
}

/// Calls body.operator()<kTeam, kPacks>(launch shape) with the smallest layout that holds rows of `columns`
/// elements in `kBytes` of registers per thread, blocks having at most `max_threads`; false if there is none.
template <class T, int kBytes, class Body>
bool with_held_rows(int64_t rows, int64_t columns, int max_threads, Body&& body) {
  constexpr int kFew = packs_in<T>(32), kMany = packs_in<T>(kBytes);
  const int64_t width = kFullPack<T>;
  const int64_t packs = columns % width == 0 ? columns / width : (columns + 2 * width - 2) / width;
  const auto teams = [&](int team) {
    return one_block_each((rows * team + kTeamThreads - 1) / kTeamThreads, kTeamThreads);
  };
  if (packs <= 4 * kFew)
    body.template operator()<4, kFew>(teams(4));
  else if (packs <= kWarp * kFew)
    body.template operator()<kWarp, kFew>(teams(kWarp));
  else if (packs <= kWarp * kMany)
    body.template operator()<kWarp, kMany>(teams(kWarp));
  else if (packs <= int64_t(max_threads) * kMany)
    body.template operator()<0, kMany>(
        one_block_each(rows, unsigned((packs + kMany * kWarp - 1) / (kMany * kWarp) * kWarp)));
  else
    return false;
  return true;
}

}  // namespace fg::cuda
