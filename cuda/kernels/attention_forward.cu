// Attention forward with online softmax (Milakov and Gimelshein, 2018; Dao et al., FlashAttention, 2022), on
// CUDA cores in float.
//
// A block makes 64 rows of the output of one head: its queries stay in shared memory, keys and values pass
// through it 64 at a time, scores live in registers. Each thread keeps the running maximum and its part of the
// running sum for 4 rows, and rescales its part of the output when the maximum grows. Query and output move
// once, keys and values once per 64 queries (from L2), scores never. Work is 2 L S (E + Ev) per head, under
// `causal` about half. Any L, S, heads and batch; E and Ev up to 128, padded with zeros to 32, 64 or 128.
// Deterministic: keys in rising order, no atomics. Dropout, in float, draws its words per query and tile of keys.
#include "cuda/kernels/attention_tiles.cuh"
#include "cuda/launch.h"
#include "cuda/shared.cuh"

namespace fg::cuda {
namespace {

using namespace attention;

template <int kWidth>
constexpr size_t forward_shared_bytes() {
  return sizeof(float) * size_t(3 * kTileFloats<kWidth> + kTile * kScoreLd);
}

/// Softmax of kOwn rows as their scores come in; the 16 lanes of a row call it together.
struct OnlineSoftmax {
  float largest[kOwn], sum[kOwn];  // `sum` is the thread's part

  __device__ OnlineSoftmax() {
    for (int i = 0; i < kOwn; ++i) largest[i] = -INFINITY, sum[i] = 0;
  }
  /// Scores become weights relative to the largest so far; returns in `rescale` what older ones are worth.
  __device__ __forceinline__ void take(Scores& scores, float (&rescale)[kOwn]) {
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      float top = scores[i][0];
#pragma unroll
      for (int j = 1; j < kOwn; ++j) top = MaxOp{}(scores[i][j], top);
      top = MaxOp{}(warp_reduce<kSide>(top, MaxOp{}), largest[i]);
      const float base = top == -INFINITY ? 0.f : top;  // -inf - -inf would be NaN
      rescale[i] = expf(largest[i] - base);
      sum[i] *= rescale[i];
      largest[i] = top;
#pragma unroll
      for (int j = 0; j < kOwn; ++j) {
        scores[i][j] = expf(scores[i][j] - base);
        sum[i] += scores[i][j];
      }
    }
  }
};

template <int kWidth, bool kDrops, class T>
__global__ void __launch_bounds__(kThreads)
    attention_forward_kernel(Rows<T> out, float* __restrict__ logsumexp, Rows<const T> query,
                             Rows<const T> key, Rows<const T> value, Problem p, int64_t tiles) {
  float* const q_tile = dynamic_shared<float>();
  float* const k_tile = q_tile + kTileFloats<kWidth>;
  float* const v_tile = k_tile + kTileFloats<kWidth>;
  float* const weights = v_tile + kTileFloats<kWidth>;
  const int ty = int(threadIdx.x) / kSide, tx = int(threadIdx.x) % kSide;
  for (int64_t item = blockIdx.x; item < p.batch * p.heads * tiles; item += gridDim.x) {
    const Place place(p, item, tiles, true);
    const int64_t first = place.first();
    __syncthreads();  // all are done with the item before
    load_tile<kWidth>(q_tile, query.from(place.batch, place.head, first), query.row_stride,
                      p.queries - first, p.width);
    OnlineSoftmax softmax;
    Sums<kWidth> sums;
    const int64_t end = p.causal && first + kTile < p.keys ? first + kTile : p.keys;
    for (int64_t start = 0; start < end; start += kTile) {
      __syncthreads();  // all are done with the tiles before
      load_tile<kWidth>(k_tile, key.from(place.batch, place.head, start), key.row_stride,
                        p.keys - start, p.width);
      load_tile<kWidth>(v_tile, value.from(place.batch, place.head, start), value.row_stride,
                        p.keys - start, p.value_width);
      __syncthreads();
      Scores scores;
      multiply_rows<kWidth>(scores, q_tile, k_tile, ty, tx);
#pragma unroll
      for (int i = 0; i < kOwn; ++i)
#pragma unroll
        for (int j = 0; j < kOwn; ++j)
          scores[i][j] = masked_score<T>(p, place, first + ty + kSide * i, start + tx + kSide * j,
                                         scores[i][j]);
      float rescale[kOwn];
      softmax.take(scores, rescale);
      if constexpr (kDrops) {
#pragma unroll
        for (int i = 0; i < kOwn; ++i) {
          float factor[kOwn];
          drop_factors(factor, p, place.stack(p) * p.queries + first + ty + kSide * i, start, tx);
#pragma unroll
          for (int j = 0; j < kOwn; ++j) scores[i][j] *= factor[j];
        }
      }
#pragma unroll
      for (int i = 0; i < kOwn; ++i)
#pragma unroll
        for (int c = 0; c < kColumns<kWidth>; ++c) sums.at[i][c] *= rescale[i];
      share(weights, scores, ty, tx);
      sums.add(weights, v_tile, ty, tx);
    }
    float factor[kOwn];
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      const float sum = warp_reduce<kSide>(softmax.sum[i]);
      const int64_t row = first + ty + kSide * i;
      // Only a mask leaves a query without keys; scores of -inf alone are 0 / 0, as in softmax.
      factor[i] = sum == 0 && p.mask.data ? 0.f : 1 / sum;
      if (tx == 0 && row < p.queries)
        logsumexp[place.stack(p) * p.queries + row] =
            sum == 0 ? INFINITY : softmax.largest[i] + logf(sum);
    }
    sums.store(out.from(place.batch, place.head, first), out.row_stride, p.queries - first,
               p.value_width, factor, ty, tx);
  }
}

__global__ void __launch_bounds__(kThreads)
    attention_dropout_factors_kernel(float* __restrict__ factors, Problem p) {
  const int64_t step = int64_t(gridDim.x) * kThreads;
  const int64_t count = p.batch * p.heads * p.queries * p.key_tiles() * kSide;
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step) {
    const int64_t row = i / kSide / p.key_tiles(), first = i / kSide % p.key_tiles() * kTile;
    float factor[kOwn];
    drop_factors(factor, p, row, first, int(i % kSide));
#pragma unroll
    for (int j = 0; j < kOwn; ++j)
      if (const int64_t key = first + i % kSide + kSide * j; key < p.keys)
        factors[row * p.keys + key] = factor[j];
  }
}

__global__ void __launch_bounds__(kThreads)
    close_blind_queries_kernel(float* __restrict__ logsumexp, int64_t count) {
  const int64_t step = int64_t(gridDim.x) * kThreads;
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step)
    if (!(logsumexp[i] > -1e38f)) logsumexp[i] = INFINITY;
}

}  // namespace

void close_blind_queries(const Tensor& logsumexp) {
  launch(close_blind_queries_kernel, one_thread_each(logsumexp.numel(), kThreads),
         logsumexp.data_ptr<float>(), logsumexp.numel());
}

void attention_dropout_factors(const Tensor& factors, const AttentionOperands& in,
                               const AttentionOptions& options) {
  const Problem p(in, options);
  launch(attention_dropout_factors_kernel,
         one_thread_each(p.batch * p.heads * p.queries * p.key_tiles() * kSide, kThreads),
         factors.data_ptr<float>(), p);
}

void attention_forward(const Tensor& out, const Tensor& logsumexp, const AttentionOperands& in,
                       const AttentionOptions& options) {
  const Problem p(in, options);
  const int64_t tiles = p.query_tiles();
  dispatch_type(in.query.dtype(), [&]<class T>() {
    dispatch_dropout<T>(options, [&]<bool kDrops>() {
      dispatch_width(p, [&]<int kWidth>() {
        launch(attention_forward_kernel<kWidth, kDrops, T>,
               one_block_each(p.batch * p.heads * tiles, kThreads, forward_shared_bytes<kWidth>()),
               Rows<T>(out), logsumexp.data_ptr<float>(), Rows<const T>(in.query),
               Rows<const T>(in.key), Rows<const T>(in.value), p, tiles);
      });
    });
  });
}

}  // namespace fg::cuda
