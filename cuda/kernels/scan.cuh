// Scans along one dim, for any associative op.
//
// Lines of neighbouring elements: a block of 64 threads takes a line in tiles of 256 elements, four neighbours
// per thread, and carries the state from tile to tile. Lines whose elements lie apart, and short ones: one thread
// per line, so that neighbouring threads read neighbouring elements. Few long lines are cut into chunks: a first
// launch folds each chunk, a second folds the chunks before its own and goes on from there.
// How lines are cut depends on the shape only, so results are deterministic. Bytes: inputs once (twice in
// chunks), outputs once.
//
// An Op has a State, identity(), combine(earlier, later), load(offset, i) and store(offset, state), where i
// counts along the line in the scan's direction.
#pragma once

#include "cuda/kernels/block_scan.cuh"
#include "cuda/launch.h"
#include "tensor/factories.h"

namespace fg::cuda {

/// The lines of a contiguous tensor along a dim, and their chunks.
struct ScanLines {
  int64_t extent;
  int64_t stride = 1;
  int64_t count;
  bool reverse;
  int64_t chunk_length = 0;
  int64_t chunks = 1;

  ScanLines(const Tensor& x, int64_t dim, bool reversed)
      : extent(x.dim() ? x.size(dim) : 1), reverse(reversed) {
    for (int64_t d = dim + 1; d < x.dim(); ++d) stride *= x.size(d);
    count = extent == 0 ? 0 : x.numel() / extent;
    chunk_length = extent;
  }
  /// Cuts into at most `most` chunks of at least `least` elements.
  void cut(int64_t least, int64_t most) {
    chunks = std::clamp<int64_t>(extent / least, 1, most);
    chunk_length = (extent + chunks - 1) / chunks;
    chunks = (extent + chunk_length - 1) / chunk_length;
  }
  bool by_thread() const { return stride > 1 || extent <= 32; }

  __device__ int64_t first(int64_t line) const {
    return line / stride * extent * stride + line % stride;
  }
  __device__ int64_t offset(int64_t first, int64_t i) const {
    return first + (reverse ? extent - 1 - i : i) * stride;
  }
  __device__ int64_t chunk_end(int64_t chunk) const {
    const int64_t end = (chunk + 1) * chunk_length;
    return end < extent ? end : extent;
  }
};

namespace scan_detail {

inline constexpr int kThreads = 64;       // of a block that scans a line
inline constexpr int kItems = 4;          // neighbouring elements per thread
inline constexpr int kLineThreads = 128;  // of a block whose threads scan lines
inline constexpr int64_t kMaxChunks = 256;

template <class Op>
struct Combine {
  template <class State>
  __device__ State operator()(const State& earlier, const State& later) const {
    return Op::combine(earlier, later);
  }
};

/// Folds the states before `chunk` of a line's chunks, in order. The whole block calls it.
template <class Op>
__device__ typename Op::State fold_chunks(const typename Op::State* folds, int64_t chunk) {
  using State = typename Op::State;
  static_assert(kMaxChunks == kThreads * kItems);
  State own = Op::identity();
  for (int64_t c = threadIdx.x * kItems; c < (threadIdx.x + 1) * kItems && c < chunk; ++c)
    own = Op::combine(own, folds[c]);
  return block_scan<kThreads>(own, Op::identity(), Combine<Op>{}).total;
}

/// A block per chunk of a line. kFold: stores the chunk's fold; else scans it.
template <class Op, bool kFold>
__global__ void __launch_bounds__(kThreads)
    scan_blocks_kernel(Op op, ScanLines lines, typename Op::State* folds) {
  using State = typename Op::State;
  for (int64_t unit = blockIdx.x; unit < lines.count * lines.chunks; unit += gridDim.x) {
    const int64_t line = unit / lines.chunks, chunk = unit % lines.chunks;
    const int64_t first = lines.first(line), end = lines.chunk_end(chunk);
    State carry = Op::identity();
    if (!kFold && chunk > 0) carry = fold_chunks<Op>(folds + line * lines.chunks, chunk);
    for (int64_t tile = chunk * lines.chunk_length; tile < end; tile += kThreads * kItems) {
      const int64_t begin = tile + threadIdx.x * kItems;
      State items[kItems], own = Op::identity();
#pragma unroll
      for (int k = 0; k < kItems; ++k)
        items[k] =
            begin + k < end ? op.load(lines.offset(first, begin + k), begin + k) : Op::identity();
#pragma unroll
      for (int k = 0; k < kItems; ++k) own = Op::combine(own, items[k]);
      const auto scanned = block_scan<kThreads>(own, Op::identity(), Combine<Op>{});
      if constexpr (!kFold) {
        State state = Op::combine(carry, scanned.before);
#pragma unroll
        for (int k = 0; k < kItems; ++k) {
          if (begin + k >= end) break;
          state = Op::combine(state, items[k]);
          op.store(lines.offset(first, begin + k), state);
        }
      }
      carry = Op::combine(carry, scanned.total);
    }
    if (kFold && threadIdx.x == 0) folds[unit] = carry;
  }
}

/// A thread per chunk of a line.
template <class Op, bool kFold>
__global__ void __launch_bounds__(kLineThreads)
    scan_lines_kernel(Op op, ScanLines lines, typename Op::State* folds) {
  using State = typename Op::State;
  const int64_t units = lines.count * lines.chunks;
  for (int64_t unit = int64_t(blockIdx.x) * kLineThreads + threadIdx.x; unit < units;
       unit += int64_t(gridDim.x) * kLineThreads) {
    const int64_t chunk = unit / lines.count, line = unit % lines.count;
    const int64_t first = lines.first(line), end = lines.chunk_end(chunk);
    State state = Op::identity();
    for (int64_t c = 0; !kFold && c < chunk; ++c)
      state = Op::combine(state, folds[c * lines.count + line]);
    for (int64_t i = chunk * lines.chunk_length; i < end; i += kItems) {
      State items[kItems];
#pragma unroll
      for (int k = 0; k < kItems; ++k)
        if (i + k < end) items[k] = op.load(lines.offset(first, i + k), i + k);
#pragma unroll
      for (int k = 0; k < kItems; ++k) {
        if (i + k >= end) break;
        state = Op::combine(state, items[k]);
        if (!kFold) op.store(lines.offset(first, i + k), state);
      }
    }
    if (kFold) folds[unit] = state;
  }
}

}  // namespace scan_detail

/// Runs `op` along `dim` of tensors shaped as `like`.
template <class Op>
void run_scan(const Op& op, const Tensor& like, int64_t dim, bool reverse) {
  namespace detail = scan_detail;
  using State = typename Op::State;
  ScanLines lines(like, dim, reverse);
  if (lines.count == 0) return;
  if (lines.by_thread()) {
    if (lines.count < 16384 && lines.extent >= 128) lines.cut(64, 64);
  } else if (lines.count < 256 && lines.extent >= 16384) {
    lines.cut(4096, detail::kMaxChunks);
  }
  const int64_t units = lines.count * lines.chunks;
  const bool cut = lines.chunks > 1;
  const Tensor scratch =
      empty({cut ? units * int64_t(sizeof(State)) : 0}, TensorOptions(kByte).device(like.device()));
  auto* const folds = static_cast<State*>(scratch.data_ptr());
  if (lines.by_thread()) {
    const LaunchShape shape = one_thread_each(units, detail::kLineThreads);
    if (cut) launch(detail::scan_lines_kernel<Op, true>, shape, op, lines, folds);
    launch(detail::scan_lines_kernel<Op, false>, shape, op, lines, folds);
  } else {
    const LaunchShape shape = one_block_each(units, detail::kThreads);
    if (cut) launch(detail::scan_blocks_kernel<Op, true>, shape, op, lines, folds);
    launch(detail::scan_blocks_kernel<Op, false>, shape, op, lines, folds);
  }
}

}  // namespace fg::cuda
