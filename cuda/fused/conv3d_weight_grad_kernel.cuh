// The kernel of conv3d_weight_grad.cuh. The weight's gradient is a product of matrices,
//
//   grad_weight[co, (ci, tap)] = sum over positions p of grad_z[co, p] x[ci, p + tap],
//
// which the tensor cores sum 8 words of positions at a time. grad_z = chain'(z) grad_y lives in shared memory only.
//
// A block takes 32 output and 8 input channels, all 27 taps of a 3 x 3 x 3 kernel (of smaller ones some are
// computed in vain), and walks along depth over tiles of 8 rows (16-bit types: 16) by 64 columns. While its warps
// multiply one depth's grad_z by the three planes of x above it, they load, differentiate and round the next
// depth's grad_z and copy x's next plane. A warp multiplies for one tap along depth and a quarter of the columns:
// 9 taps x 32 x 8 sums in 72 registers of each lane.
//
// With word t of the summed dim at position 2t and word t + 4 at 2t + 1 (in words), a lane reads neighbours in one
// access, and its four words of x serve all three taps of a row. Shared memory is laid out so that no access
// conflicts: channels of x lie 8 banks apart, pairs of channels of grad_z 16.
//
// Bytes: z and grad_y once per 8 input channels, x 1.25 times (16-bit types: 1.13) per 32 output channels, and the
// blocks' sums. Deterministic: fixed shares of the positions for each block, each summed in one order.
#pragma once

#include "cuda/async_copy.cuh"
#include "cuda/fused/chain_value.cuh"
#include "cuda/fused/conv3d_weight_grad_tiles.cuh"
#include "cuda/kernels/typed_access.cuh"
#include "cuda/kernels/word_packs.cuh"
#include "cuda/shared.cuh"
#include "tensor/kernels/chain.h"

namespace fg::cuda::weight_grad {

template <class T, class G, class E, bool kSplit, class C>
class Block {
  static constexpr int kOperands = C::num_channel_operands;

 public:
  __device__ Block(const C& chain, const Operands<T, G, kOperands>& in, const Sizes& sizes)
      : chain_(chain), in_(in), s_(sizes) {
    grads_ = dynamic_shared<uint32_t>();
    planes_ = grads_ + 2 * L::kGradWords;
    first_in_ = int(blockIdx.y) % s_.in_parts * kIn;
    first_out_ = int(blockIdx.y) / s_.in_parts * kOut;
#pragma unroll
    for (int own = 0; own < 2; ++own)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int k = 0; k < kOperands; ++k)
          operands_[own][half][k] =
              has(own, half)
                  ? V(load_as<float>(in.channel[k].data, in.channel[k].type, channel(own, half)))
                  : V(0.f);
  }

  /// `count` steps from number `first` on.
  __device__ void run(int64_t first, int count) {
    if (count == 0) return;
    Step step = step_at(first);
    load_planes(step, step.depth, kSide);
    differentiate_all(step);
    finish_planes(step.depth, kSide);
    __syncthreads();
    for (int buffer = 0; count > 0; --count, buffer ^= 1) {
      const Step now = step;
      const bool more = count > 1;
      if (more) step = following(step);
      const bool same_tile = more && step.depth != 0;
      if (same_tile) load_planes(step, step.depth + kSide - 1, 1);
      run_step(now, step, buffer, more);
      if (same_tile) finish_planes(step.depth + kSide - 1, 1);
      __syncthreads();
      if (more && !same_tile) {
        load_planes(step, 0, kSide);
        finish_planes(0, kSide);
        __syncthreads();
      }
    }
  }

  /// Writes the block's sums. Behind run().
  __device__ void store(float* partial) {
    float* const staged = dynamic_shared<float>();
    const int row = lane() / 4, column = lane() % 4 * 2;
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int tap = 0; tap < 9; ++tap)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int co = m * 16 + row + i / 2 * 8, ci = column + i % 2;
          staged[group() * kBlockWeights + (co * kIn + ci) * kTaps + tap_depth() * 9 + tap] =
              sums_[m][tap][i];
        }
    float* const channels = staged + kGroups * kBlockWeights;
#pragma unroll
    for (int own = 0; own < 2; ++own)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int k = 0; k <= kOperands; ++k) {
          const float sum = warp_reduce(channel_sums_[own][half][k]);
          if (lane() == 0) channels[((k * 2 + half) * 2 + own) * kWarps + warp()] = sum;
        }
    __syncthreads();
    for (int i = int(threadIdx.x); i < kBlockWeights; i += kThreads) {
      float sum = staged[i];
#pragma unroll
      for (int g = 1; g < kGroups; ++g) sum += staged[g * kBlockWeights + i];
      partial[i] = sum;
    }
    for (int i = int(threadIdx.x); i < (1 + kOperands) * kOut; i += kThreads) {
      const int pair = i % kPairs, half = i / kPairs % 2, k = i / kOut;
      const float* const own = channels + (k * 2 + half) * 2 * kWarps;
      float sum = own[pair];  // of a shared pair: the first of its warps' sums
      if (pair >= kWarps)
        for (int j = 1; j < kSharers; ++j) sum += own[pair + j * (kWarps / kSharers)];
      partial[kBlockWeights + k * kOut + first_of_pair(pair) + half * 8] = sum;
    }
  }

 private:
  using L = TileLayout<E>;
  static constexpr int kPer = kPerWord<E>;
  static constexpr bool kRounds = std::is_same_v<E, TensorFloat32> && !kSplit;
  using V = ChainValue<T, kSplit, C>;

  /// Two elements of each channel of a pair, in one row.
  struct RawRow {
    WordPack<T, 2> z[2];
    WordPack<G, 2> grad_y[2];
  };
  /// What a lane reads for a chunk of a step: kPer rows of its warp's own pair, and perhaps one of the shared pair.
  struct Raw {
    RawRow own[kPer], shared;
  };

  __device__ static int lane() { return int(threadIdx.x) % kWarp; }
  __device__ static int warp() { return int(threadIdx.x) / kWarp; }
  __device__ static int group() { return warp() / kSide; }
  __device__ static int tap_depth() { return warp() % kSide; }
  /// The warp's own pair of channels, or that which it shares.
  __device__ static int pair_of(int shared) {
    return shared ? kWarps + warp() % (kWarps / kSharers) : warp();
  }
  /// The row of the shared pair that falls to this warp in a chunk, if there is one.
  __device__ static int shared_row(int chunk) {
    return kSharers * chunk + warp() / (kWarps / kSharers);
  }
  __device__ bool shares(int chunk) const { return shared_row(chunk) < L::kRows && has(1, 0); }
  __device__ int channel(int shared, int half) const {
    return first_out_ + first_of_pair(pair_of(shared)) + half * 8;
  }
  __device__ bool has(int shared, int half) const {
    return channel(shared, half) < s_.out_channels;
  }

  /// Steps walk along depth, then along the tiles of a plane, then along the samples.
  __device__ Step step_at(int64_t number) const {
    const int64_t tile = number / s_.output[0], high = tile / s_.tiles_wide;
    return {int(high / s_.tiles_high), int(number % s_.output[0]),
            int(high % s_.tiles_high) * L::kRows, int(tile % s_.tiles_wide) * kColumns};
  }
  __device__ Step following(Step step) const {
    if (++step.depth < s_.output[0]) return step;
    step.depth = 0;
    if ((step.column += kColumns) < s_.output[2]) return step;
    step.column = 0;
    if ((step.row += L::kRows) < s_.output[1]) return step;
    return {step.sample + 1, 0, 0, 0};
  }

  // x

  /// Starts copying `count` planes of x from `plane` on, numbered from the padding on, to where they belong.
  __device__ __forceinline__ void load_planes(const Step& step, int plane, int count) {
    if (!s_.multiplies) return;
    for (int p = plane; p < plane + count; ++p) load_plane(step, p);
    close_copies();
  }
  __device__ __forceinline__ void load_plane(const Step& step, int plane) {
    constexpr int kVector = 4 * kPer;  // elements
    const CopyPolicy policy(false);
    const int depth = plane - s_.padding[0];
    const bool has_depth = unsigned(depth) < unsigned(s_.input[0]);
    uint32_t* const to = planes_ + plane % kPlanes * L::kXPlane;
    const int64_t height = s_.input[1], width = s_.input[2];
    const T* const from =
        in_.x + ((int64_t(step.sample) * s_.in_channels + first_in_) * s_.input[0] + depth) *
                    height * width;
#pragma unroll 1
    for (int v = int(threadIdx.x); v < kVectors; v += kThreads) {
      const int c = v / (L::kXRows * L::kXVectors), vector = v % L::kXVectors;
      const int r = v / L::kXVectors % L::kXRows;
      const int row = step.row + r - s_.padding[1];
      const int column = step.column + vector * kVector - s_.padding[2];
      const bool has_row =
          has_depth && unsigned(row) < unsigned(height) && first_in_ + c < s_.in_channels;
      uint32_t* const words = to + place_of(v);
      const T* const elements = from + (c * s_.input[0] * height + row) * width + column;
      if (s_.aligned) {
        if (has_row && column < width)
          copy_async<16>(words, elements, policy);
        else
          *reinterpret_cast<uint4*>(words) = uint4{};
      } else {
        Pack<T, kVector> each{};
#pragma unroll
        for (int i = 0; i < kVector; ++i)
          if (has_row && unsigned(column + i) < unsigned(width)) each.at[i] = elements[i];
        *reinterpret_cast<uint4*>(words) = std::bit_cast<uint4>(each);
      }
    }
  }
  /// Waits for this thread's copies, and rounds them.
  __device__ __forceinline__ void finish_planes(int plane, int count) {
    if (!s_.multiplies) return;
    wait_for_copies<0>();
    if constexpr (kRounds) {
      for (int p = plane; p < plane + count; ++p)
#pragma unroll 1
        for (int v = int(threadIdx.x); v < kVectors; v += kThreads) {
          auto* const words =
              reinterpret_cast<uint4*>(planes_ + p % kPlanes * L::kXPlane + place_of(v));
          const auto round = [](uint32_t word) { return to_tf32(std::bit_cast<float>(word)); };
          const uint4 four = *words;
          *words = uint4{round(four.x), round(four.y), round(four.z), round(four.w)};
        }
    }
  }
  static constexpr int kVectors = kIn * L::kXRows * L::kXVectors;
  /// Where vector v of a plane begins.
  __device__ static int place_of(int v) {
    constexpr int kPerChannel = L::kXRows * L::kXVectors;
    return v / kPerChannel * L::kXPitch + v % kPerChannel * 4;
  }

  // grad_z

  /// The same pointer. From what it is made of, the compiler would make it again for every read.
  template <class S>
  __device__ static const S* opaque(const S* pointer) {
#ifdef __CUDA_ARCH__
    asm("" : "+l"(pointer));
    __builtin_assume(__isGlobal(pointer));
#endif
    return pointer;
  }
  /// Where a lane reads in a step, and how many rows its two elements have there.
  __device__ void begin_reading(const Step& step) {
#pragma unroll
    for (int shared = 0; shared < 2; ++shared) {
      const int64_t plane =
          (int64_t(step.sample) * s_.out_channels + channel(shared, 0)) * s_.output[0] + step.depth;
      const int64_t first =
          (plane * s_.output[1] + step.row) * s_.output[2] + step.column + 2 * lane();
      z_[shared] = opaque(in_.z + first);
      grad_y_[shared] = opaque(in_.grad_y + first);
    }
    const int columns = s_.output[2] - step.column - 2 * lane(), rows = s_.output[1] - step.row;
    rows_[0] = columns > 0 ? rows : 0;
    rows_[1] = columns > 1 ? rows : 0;
  }
  template <bool kPaired>
  __device__ __forceinline__ void load_row(RawRow& raw, int shared, int row) const {
    // A pair's second channel that does not exist is read as the first: nothing is made of it.
    const int to_second = has(shared, 1) ? 8 * s_.channel_size : 0;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int at = row * s_.output[2] + half * to_second;
      raw.z[half] = load_pair<kPaired>(z_[shared] + at, row);
      raw.grad_y[half] = load_pair<kPaired>(grad_y_[shared] + at, row);
    }
  }
  template <bool kPaired>
  __device__ __forceinline__ void load_rows(Raw& raw, int chunk) const {
    if (has(0, 0))
#pragma unroll
      for (int j = 0; j < kPer; ++j) load_row<kPaired>(raw.own[j], 0, chunk * kPer + j);
    if (shares(chunk)) load_row<kPaired>(raw.shared, 1, shared_row(chunk));
  }
  __device__ __forceinline__ void load_raw(Raw& raw, int chunk) const {
    if (s_.paired)
      load_rows<true>(raw, chunk);
    else
      load_rows<false>(raw, chunk);
  }
  template <bool kPaired, class S>
  __device__ __forceinline__ WordPack<S, 2> load_pair(const S* from, int row) const {
    using Pair = WordPack<S, 2>;
    if constexpr (kPaired) return row < rows_[0] ? *reinterpret_cast<const Pair*>(from) : Pair{};
    Pack<S, 2> pair{};
#pragma unroll
    for (int e = 0; e < 2; ++e)
      if (row < rows_[e]) pair.at[e] = from[e];
    return std::bit_cast<Pair>(pair);
  }

  /// A row of grad_z for a pair of channels, into shared memory and the channels' sums.
  __device__ __forceinline__ void differentiate(const RawRow& raw, int shared, int buffer,
                                                int row) {
    float result[2][2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float z[2], g[2];
      unpack<T, 2>(raw.z[half], z);
      unpack<G, 2>(raw.grad_y[half], g);
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        V contributions[kOperands + 1];
        const float grad =
            float(chain_.backward(V(g[e]), V(z[e]), operands_[shared][half], contributions));
        float* const sums = channel_sums_[shared][half];
        result[half][e] = row < rows_[e] ? grad : 0.f;
        sums[0] += result[half][e];
#pragma unroll
        for (int k = 0; k < kOperands; ++k)
          sums[1 + k] += row < rows_[e] ? float(contributions[k]) : 0.f;
      }
    }
    uint32_t* const to =
        grads_ + buffer * L::kGradWords + pair_of(shared) * L::kPairPitch + row * L::kPairRow;
    if constexpr (kPer == 1) {
      const auto word = [](float x) { return kRounds ? to_tf32(x) : std::bit_cast<uint32_t>(x); };
      reinterpret_cast<uint4*>(to)[lane()] =
          uint4{word(result[0][0]), word(result[1][0]), word(result[0][1]), word(result[1][1])};
    } else {
      reinterpret_cast<uint2*>(to)[lane()] = uint2{packed_pair<T>(result[0][0], result[0][1]),
                                                   packed_pair<T>(result[1][0], result[1][1])};
    }
  }
  __device__ __forceinline__ void differentiate_chunk(const Raw& raw, int buffer, int chunk) {
    if (has(0, 0))
#pragma unroll
      for (int j = 0; j < kPer; ++j) differentiate(raw.own[j], 0, buffer, chunk * kPer + j);
    if (shares(chunk)) differentiate(raw.shared, 1, buffer, shared_row(chunk));
  }
  __device__ void differentiate_all(const Step& step) {
    begin_reading(step);
#pragma unroll 1
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      Raw raw;
      load_raw(raw, chunk);
      differentiate_chunk(raw, 0, chunk);
    }
  }

  // Products

  /// Multiplies `step` out of `buffer`, and if there is more makes grad_z of `next` in the other one.
  __device__ __forceinline__ void run_step(const Step& step, const Step& next, int buffer,
                                           bool more) {
    begin_reading(next);
#pragma unroll 1
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      Raw raw;
      if (more) load_raw(raw, chunk);  // arrives while the tensor cores are busy
      multiply_chunk(step, buffer, chunk);
      if (more) differentiate_chunk(raw, buffer ^ 1, chunk);
    }
  }

  /// Two rows of 8 words. The rows behind the output's end and whole words of such columns are zero.
  __device__ __forceinline__ void multiply_chunk(const Step& step, int buffer, int chunk) {
    constexpr int kRowPairs = L::kRows / 2;
    const int row = chunk % kRowPairs * 2;
    const int word = (chunk / kRowPairs * kGroups + group()) * 8;
    if (!s_.multiplies || step.row + row >= s_.output[1] ||
        step.column + word * kPer >= s_.output[2])
      return;
    const int g = lane() / 4, t = lane() % 4;
    const uint32_t* const grads = grads_ + buffer * L::kGradWords + g * L::kPairPitch +
                                  row * L::kPairRow + 2 * (word + 2 * t);
    const uint32_t* const x = planes_ + (step.depth + tap_depth()) % kPlanes * L::kXPlane +
                              g * L::kXPitch + row * L::kXRowWords + word + 2 * t;
#pragma unroll 1
    for (int r = 0; r < 2; r += kRowsAtOnce)
      multiply_rows(grads + r * L::kPairRow, x + r * L::kXRowWords);
  }
  /// Both parts of split factors fit into the registers for one row at a time.
  static constexpr int kRowsAtOnce = kSplit ? 1 : 2;
  __device__ __forceinline__ void multiply_rows(const uint32_t* grads, const uint32_t* x) {
    Fragment<4, kSplit> a[kRowsAtOnce][2];
#pragma unroll
    for (int r = 0; r < kRowsAtOnce; ++r)
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        const uint4 four =
            *reinterpret_cast<const uint4*>(grads + m * 8 * L::kPairPitch + r * L::kPairRow);
        a[r][m].set(0, four.x), a[r][m].set(1, four.y);
        a[r][m].set(2, four.z), a[r][m].set(3, four.w);
      }
#pragma unroll
    for (int xr = 0; xr < kSide + kRowsAtOnce - 1; ++xr) {
      Fragment<4, kSplit> words;
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const uint2 two = reinterpret_cast<const uint2*>(x + xr * L::kXRowWords)[i];
        words.set(2 * i, two.x);
        words.set(2 * i + 1, two.y);
      }
      Fragment<2, kSplit> b[kSide];
#pragma unroll
      for (int kw = 0; kw < kSide; ++kw) b[kw] = shifted<E>(words, kw);
#pragma unroll
      for (int r = 0; r < kRowsAtOnce; ++r)
        if (xr - r >= 0 && xr - r < kSide) multiply_taps((xr - r) * kSide, a[r], b);
    }
  }
  /// sums_ += a b for the three taps of a row. Tensor cores cut off the bits that their sums have no room for; where
  /// these are to be as exact as float's, they add a few products only, and the rest is rounded.
  __device__ __forceinline__ void multiply_taps(int tap, const Fragment<4, kSplit> (&a)[2],
                                                const Fragment<2, kSplit> (&b)[kSide]) {
    if constexpr (!kSplit) {
#pragma unroll
      for (int kw = 0; kw < kSide; ++kw)
#pragma unroll
        for (int m = 0; m < 2; ++m) mma<E>(sums_[m][tap + kw], a[m].high, b[kw].high);
    } else {
      float few[kSide][2][4] = {};
#pragma unroll
      for (int part = 0; part < 3; ++part)  // neighbours in this order do not wait for each other
#pragma unroll
        for (int kw = 0; kw < kSide; ++kw)
#pragma unroll
          for (int m = 0; m < 2; ++m)
            mma<E>(few[kw][m], part == 0 ? a[m].low : a[m].high,
                   part == 1 ? b[kw].low : b[kw].high);
#pragma unroll
      for (int kw = 0; kw < kSide; ++kw)
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
          for (int i = 0; i < 4; ++i) sums_[m][tap + kw][i] += few[kw][m][i];
    }
  }

  const C& chain_;
  const Operands<T, G, kOperands>& in_;
  const Sizes& s_;
  uint32_t *grads_, *planes_;
  int first_in_, first_out_;
  const T* z_[2];  // of the lane's first element in its warp's two pairs
  const G* grad_y_[2];
  int rows_[2];                      // in which its elements are inside the output
  V operands_[2][2][kOperands + 1];  // of its channels: pair, half
  float channel_sums_[2][2][kOperands + 1] = {};
  float sums_[2][9][4] = {};
};

template <class T, class G, class E, bool kSplit, class C>
__global__ void __launch_bounds__(kThreads, 1)
    conv3d_weight_grad_kernel(C chain, Operands<T, G, C::num_channel_operands> operands,
                              Sizes sizes, float* __restrict__ partial) {
  Block<T, G, E, kSplit, C> block(chain, operands, sizes);
  const int64_t first = sizes.steps * blockIdx.x / gridDim.x;
  block.run(first, int(sizes.steps * (blockIdx.x + 1) / gridDim.x - first));
  block.store(partial + (int64_t(blockIdx.y) * gridDim.x + blockIdx.x) * kPartialSize<C>);
}

}  // namespace fg::cuda::weight_grad
