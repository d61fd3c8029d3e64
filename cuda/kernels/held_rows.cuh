// Kernels that normalise rows pass over each row twice and read it once: the row stays in registers, of 4 lanes, a warp
// or a block, or else (cached_rows.cuh) in shared memory. Both are classes Row that do what a struct S says:
//   using T, Acc, Context, Total;   T* out;
//   Context begin(int64_t index, bool live);               what it has to know of a row; not live: there is no such row
//   Acc identity() const;
//   Acc with(const Context&, Acc, const RowBatch&);         adds the terms of a thread's packs
//   Total total<kTeam>(const Context&, Acc, int64_t index, bool leads);   joins a team's; one lane of a live row leads
//   WordPack<T, W> results(const Context&, const Total&, int k, int64_t column, const WordPack<T, W> (&)[N]);
//   void end(int64_t index);
// so that one kernel serves all lengths. Rows whose length is a multiple of the full pack are moved in such packs,
// others element by element; a pack is never cut. The layout depends on the shape alone.
#pragma once

#include "cuda/kernels/block_reduce.cuh"
#include "cuda/kernels/word_packs.cuh"
#include "cuda/launch.h"

namespace fg::cuda {

/// Threads of a block whose teams are parts of warps, and of any block.
inline constexpr int kTeamThreads = 256, kRowThreads = 1024;

/// N arrays of [rows, columns], of which kernels read one row of each together.
template <class T, int N>
struct Rows {
  const T* arrays[N];
  int64_t rows, columns;
  bool aligned;       // every array starts on a pack's border
  bool packs = true;  // full packs may be used, if the length allows
  int kept = 0;       // packs of each row that a block keeps in shared memory
};

/// Which row a thread works on, and as which of how many lanes.
template <int kTeam>
struct RowTeam {
  static constexpr int kTeams = kTeam > 0 ? kTeamThreads / kTeam : 1;  // per block
  int lane, lanes, team;

  __device__ RowTeam() {
    lanes = kTeam > 0 ? kTeam : int(blockDim.x);
    lane = kTeam > 0 ? int(threadIdx.x) % lanes : int(threadIdx.x);
    team = kTeam > 0 ? int(threadIdx.x) / lanes : 0;
  }
};

/// Packs of a row that a thread has in registers, every `lanes`-th of N arrays' row. kFull: the row has them all.
template <class T, int N, int W, int kPacks, bool kFull = false>
struct RowBatch {
  static constexpr int kWidth = W;
  WordPack<T, W> at[kPacks][N];
  int64_t first;    // column of the first pack's first element
  int lanes, left;  // packs from the first one to the row's end

  __device__ bool has(int k) const { return kFull || k * lanes < left; }
  __device__ int64_t column(int k) const { return first + int64_t(k * lanes) * W; }
  /// f(k, column, packs) for the packs that are the row's.
  template <class F>
  __device__ void each(F f) const {
#pragma unroll
    for (int k = 0; k < kPacks; ++k)
      if (has(k)) f(k, column(k), at[k]);
  }
  /// The results of S for them, in the row that begins at `begin`.
  template <bool kStreaming, class S, class Context, class Total>
  __device__ void store(S& s, const Context& context, const Total& total, int64_t begin,
                        bool aligned) const {
    const auto to = s.out + (begin + first);
    each([&](int k, int64_t column, const WordPack<T, W>(&packs)[N]) {
      const auto results = s.results(context, total, k, column, packs);
      if constexpr (kStreaming)
        store_words<W, true>(to + k * lanes * W, results, aligned);
      else
        store_whole(to + k * lanes * W, results, aligned);
    });
  }
};

template <class Element, int N, int W, int kTeamLanes, int kTeamPacks>
class HeldRow {
 public:
  using T = Element;
  static constexpr int kOperands = N, kWidth = W, kTeam = kTeamLanes, kPacks = kTeamPacks;
  static constexpr int kThreads = kTeam > 0 ? kTeamThreads : kRowThreads;
  // Per multiprocessor: 64 registers per thread where blocks may be large, else 80, or 128 for doubles.
  static constexpr int kBlocks = kTeam == 0 ? 1 : sizeof(T) == 8 ? 2 : 3;

  /// A grid has a team for each row, which is all there is memory for, unless the kernel `walks`.
  template <bool kWalks, class S>
  static __device__ void run(const Rows<T, N>& rows, const RowTeam<kTeam>& team, S& s) {
    for (int64_t first = int64_t(blockIdx.x) * team.kTeams; first < rows.rows;
         first += int64_t(gridDim.x) * team.kTeams) {
      const int64_t index = first + team.team;
      const bool live = index < rows.rows;
      auto batch = load(rows, team, index, live);
      const auto context = s.begin(index, live);
      const auto acc = s.with(context, s.identity(), batch);
      const auto total = s.template total<kTeam>(context, acc, index, live && team.lane == 0);
      forget(batch);
      batch.template store<false>(s, context, total, index * rows.columns, rows.aligned);
      s.end(index);
      if constexpr (!kWalks) break;  // without a loop nothing is kept for the next row
    }
  }

 private:
  using Batch = RowBatch<T, N, W, kPacks>;

  static __device__ Batch load(const Rows<T, N>& rows, const RowTeam<kTeam>& team, int64_t index,
                               bool live) {
    Batch batch;
    batch.first = int64_t(team.lane) * W;
    batch.lanes = team.lanes;
    batch.left = live ? int(rows.columns / W) - team.lane : 0;
#pragma unroll
    for (int k = 0; k < kPacks; ++k)
      if (batch.has(k)) {
#pragma unroll
        for (int n = 0; n < N; ++n)
          batch.at[k][n] =
              load_words<W>(rows.arrays[n] + index * rows.columns + batch.column(k), rows.aligned);
      }
    return batch;
  }
  /// Nothing else that has been made of the packs or read for them is to be held in registers.
  static __device__ void forget(Batch& batch) {
#ifdef __CUDA_ARCH__
    asm volatile("" ::: "memory");
#endif
#pragma unroll
    for (auto& packs : batch.at)
#pragma unroll
      for (auto& pack : packs) pack = forgotten(pack);
  }
};

/// Elements of each of N arrays for which a thread has registers: 128 bytes, but 96 for two where blocks may be large.
/// Single elements take more, for their places.
template <class T, int N, int W>
constexpr int held_elements(bool in_block) {
  const int count = (in_block && N > 1 ? 96 : 128) / N / (W == 1 ? 8 : int(sizeof(T)));
  return count < 32 ? count : 32;
}

/// Calls body.operator()<Row>(launch shape) with the smallest HeldRow of packs of W that holds `columns`, of at most
/// so many elements per thread of a warp or block; false if there is none.
template <class T, int N, int W, int kInWarp, int kInBlock, class Body>
bool with_held_packs(int64_t rows, int64_t columns, Body&& body) {
  constexpr int kFew = 8 / W, kMany = kInWarp / W, kMost = kInBlock / W;
  const int64_t packs = columns / W;
  const auto teams = [&](int team) {
    return one_block_each((rows * team + kTeamThreads - 1) / kTeamThreads, kTeamThreads);
  };
  if (packs <= 4 * kFew)
    body.template operator()<HeldRow<T, N, W, 4, kFew>>(teams(4));
  else if (packs <= kWarp * kFew)
    body.template operator()<HeldRow<T, N, W, kWarp, kFew>>(teams(kWarp));
  else if (packs <= kWarp * kMany)
    body.template operator()<HeldRow<T, N, W, kWarp, kMany>>(teams(kWarp));
  else if (packs <= int64_t(kRowThreads) * kMost)
    body.template operator()<HeldRow<T, N, W, 0, kMost>>(
        one_block_each(rows, unsigned((packs + kMost * kWarp - 1) / (kMost * kWarp) * kWarp)));
  else
    return false;
  return true;
}

/// body.operator()<W>() with the width of the packs in which such rows are moved.
template <class T, int N, class Body>
decltype(auto) with_row_width(const Rows<T, N>& rows, Body&& body) {
  return rows.packs && rows.columns % kFullPack<T> == 0 ? body.template operator()<kFullPack<T>>()
                                                        : body.template operator()<1>();
}

/// with_held_packs of that width.
template <class T, int N, class Body>
bool with_held_rows(const Rows<T, N>& rows, Body&& body) {
  return with_row_width(rows, [&]<int W>() {
    return with_held_packs<T, N, W, held_elements<T, N, W>(false), held_elements<T, N, W>(true)>(
        rows.rows, rows.columns, body);
  });
}

}  // namespace fg::cuda
