// Attention backward (Dao et al., FlashAttention, 2022): the weights are computed anew from the logsumexp.
//
// With weights P, out = P V and, for each query i, delta_i = out_i . grad_out_i:
//   grad_V = P^T grad_out,  G = P * (grad_out V^T - delta) * scale,  grad_Q = G K,  grad_K = G^T Q.
// Dropout's factors F, drawn again, turn P in grad_V into P F and grad_out V^T into F * (grad_out V^T).
// Three launches: delta, a warp per query; grad_K and grad_V, where a block keeps 64 keys of one head and
// queries pass through shared memory 64 at a time; grad_Q, the other way round. Each of the two makes the
// scores and grad_out V^T again, 7 products of L S E where 5 would do, so that every sum stays within a block:
// deterministic, no atomics. Each operand moves once per 64 rows of the other side. Limits as in the forward.
#include "cuda/kernels/attention_tiles.cuh"
#include "cuda/launch.h"
#include "cuda/shared.cuh"
#include "tensor/factories.h"

namespace fg::cuda {
namespace {

using namespace attention;

/// Four tiles, 64 x 64 scores, and logsumexp and delta of 64 queries.
template <int kWidth>
constexpr size_t backward_shared_bytes() {
  return sizeof(float) * size_t(4 * kTileFloats<kWidth> + kTile * kScoreLd + 2 * kTile);
}

template <class T>
struct Operands {
  Rows<const T> query, key, value, grad_out;
  const float* __restrict__ logsumexp;
  const float* __restrict__ delta;
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    attention_delta_kernel(float* __restrict__ delta, Rows<const T> out, Rows<const T> grad_out,
                           Problem p) {
  const int64_t rows = p.batch * p.heads * p.queries, warps = kThreads / kWarp;
  const int lane = int(threadIdx.x) % kWarp;
  for (int64_t row = blockIdx.x * warps + threadIdx.x / kWarp; row < rows;
       row += gridDim.x * warps) {
    const int64_t batch = row / p.queries / p.heads, head = row / p.queries % p.heads;
    const T* const y = out.from(batch, head, row % p.queries);
    const T* const g = grad_out.from(batch, head, row % p.queries);
    float sum = 0;
    for (int d = lane; d < p.value_width; d += kWarp) sum += float(y[d]) * float(g[d]);
    sum = warp_reduce(sum);
    if (lane == 0) delta[row] = sum;
  }
}

/// Scores and products become weights, after dropout, and their gradients with respect to the products.
/// `kRowsAreQueries`: rows of the 64 x 64 arrays are queries and columns keys, else the reverse. The statistics are
/// of the queries from `first_query` on.
template <bool kRowsAreQueries, bool kDrops, class T>
__device__ __forceinline__ void differentiate(Scores& weights, Scores& grads, const Problem& p,
                                              const Place& place, int64_t first_query,
                                              int64_t first_key, const float* logsumexp,
                                              const float* delta, int ty, int tx) {
#pragma unroll
  for (int a = 0; a < kOwn; ++a) {
    const int query = (kRowsAreQueries ? ty : tx) + kSide * a;
    const int lane = kRowsAreQueries ? tx : ty;
    float factor[kOwn];
    if constexpr (kDrops)
      drop_factors(factor, p, place.stack(p) * p.queries + first_query + query, first_key, lane);
#pragma unroll
    for (int b = 0; b < kOwn; ++b) {
      float& weight = kRowsAreQueries ? weights[a][b] : weights[b][a];
      float& grad = kRowsAreQueries ? grads[a][b] : grads[b][a];
      const float kept = kDrops ? factor[b] : 1.f;
      const float score =
          masked_score<T>(p, place, first_query + query, first_key + lane + kSide * b, weight);
      weight = expf(score - logsumexp[query]);
      grad = weight * (kept * grad - delta[query]) * p.scale;
      weight *= kept;
    }
  }
}

/// logsumexp and delta of 64 queries to shared memory; those that do not exist get no weight. Every thread must
/// call it.
__device__ __forceinline__ void load_statistics(float* statistics, const float* logsumexp,
                                                const float* delta, const Problem& p,
                                                const Place& place, int64_t first_query) {
  const int i = int(threadIdx.x);
  if (i >= kTile) return;
  const bool exists = first_query + i < p.queries;
  const int64_t at = place.stack(p) * p.queries + first_query + i;
  statistics[i] = exists ? logsumexp[at] : INFINITY;
  statistics[kTile + i] = exists ? delta[at] : 0.f;
}

template <int kWidth, bool kDrops, class T>
__global__ void __launch_bounds__(kThreads)
    attention_key_grad_kernel(Rows<T> grad_key, Rows<T> grad_value, Operands<T> in, Problem p,
                              int64_t tiles) {
  float* const k_tile = dynamic_shared<float>();
  float* const v_tile = k_tile + kTileFloats<kWidth>;
  float* const q_tile = v_tile + kTileFloats<kWidth>;
  float* const g_tile = q_tile + kTileFloats<kWidth>;
  float* const shared_scores = g_tile + kTileFloats<kWidth>;
  float* const statistics = shared_scores + kTile * kScoreLd;
  const int ty = int(threadIdx.x) / kSide, tx = int(threadIdx.x) % kSide;
  for (int64_t item = blockIdx.x; item < p.batch * p.heads * tiles; item += gridDim.x) {
    const Place place(p, item, tiles, false);
    const int64_t first = place.first(), rows = p.keys - first;
    __syncthreads();  // all are done with the item before
    load_tile<kWidth>(k_tile, in.key.from(place.batch, place.head, first), in.key.row_stride, rows,
                      p.width);
    load_tile<kWidth>(v_tile, in.value.from(place.batch, place.head, first), in.value.row_stride,
                      rows, p.value_width);
    Sums<kWidth> key_sums, value_sums;
    for (int64_t start = p.causal ? first : 0; start < p.queries; start += kTile) {
      __syncthreads();  // all are done with the tiles before
      load_tile<kWidth>(q_tile, in.query.from(place.batch, place.head, start), in.query.row_stride,
                        p.queries - start, p.width);
      load_tile<kWidth>(g_tile, in.grad_out.from(place.batch, place.head, start),
                        in.grad_out.row_stride, p.queries - start, p.value_width);
      load_statistics(statistics, in.logsumexp, in.delta, p, place, start);
      __syncthreads();
      Scores weights, grads;
      multiply_rows<kWidth>(weights, k_tile, q_tile, ty, tx);
      multiply_rows<kWidth>(grads, v_tile, g_tile, ty, tx);
      differentiate<false, kDrops, T>(weights, grads, p, place, start, first, statistics,
                                      statistics + kTile, ty, tx);
      share(shared_scores, weights, ty, tx);
      value_sums.add(shared_scores, g_tile, ty, tx);
      share(shared_scores, grads, ty, tx);
      key_sums.add(shared_scores, q_tile, ty, tx);
    }
    const float one[kOwn] = {1, 1, 1, 1};
    key_sums.store(grad_key.from(place.batch, place.head, first), grad_key.row_stride, rows,
                   p.width, one, ty, tx);
    value_sums.store(grad_value.from(place.batch, place.head, first), grad_value.row_stride, rows,
                     p.value_width, one, ty, tx);
  }
}

template <int kWidth, bool kDrops, class T>
__global__ void __launch_bounds__(kThreads)
    attention_query_grad_kernel(Rows<T> grad_query, Operands<T> in, Problem p, int64_t tiles) {
  float* const q_tile = dynamic_shared<float>();
  float* const g_tile = q_tile + kTileFloats<kWidth>;
  float* const k_tile = g_tile + kTileFloats<kWidth>;
  float* const v_tile = k_tile + kTileFloats<kWidth>;
  float* const shared_scores = v_tile + kTileFloats<kWidth>;
  float* const statistics = shared_scores + kTile * kScoreLd;
  const int ty = int(threadIdx.x) / kSide, tx = int(threadIdx.x) % kSide;
  for (int64_t item = blockIdx.x; item < p.batch * p.heads * tiles; item += gridDim.x) {
    const Place place(p, item, tiles, true);
    const int64_t first = place.first(), rows = p.queries - first;
    __syncthreads();  // all are done with the item before
    load_tile<kWidth>(q_tile, in.query.from(place.batch, place.head, first), in.query.row_stride,
                      rows, p.width);
    load_tile<kWidth>(g_tile, in.grad_out.from(place.batch, place.head, first),
                      in.grad_out.row_stride, rows, p.value_width);
    load_statistics(statistics, in.logsumexp, in.delta, p, place, first);
    Sums<kWidth> sums;
    const int64_t end = p.causal && first + kTile < p.keys ? first + kTile : p.keys;
    for (int64_t start = 0; start < end; start += kTile) {
      __syncthreads();  // all are done with the tiles before
      load_tile<kWidth>(k_tile, in.key.from(place.batch, place.head, start), in.key.row_stride,
                        p.keys - start, p.width);
      load_tile<kWidth>(v_tile, in.value.from(place.batch, place.head, start), in.value.row_stride,
                        p.keys - start, p.value_width);
      __syncthreads();
      Scores weights, grads;
      multiply_rows<kWidth>(weights, q_tile, k_tile, ty, tx);
      multiply_rows<kWidth>(grads, g_tile, v_tile, ty, tx);
      differentiate<true, kDrops, T>(weights, grads, p, place, first, start, statistics,
                                     statistics + kTile, ty, tx);
      share(shared_scores, grads, ty, tx);
      sums.add(shared_scores, k_tile, ty, tx);
    }
    const float one[kOwn] = {1, 1, 1, 1};
    sums.store(grad_query.from(place.batch, place.head, first), grad_query.row_stride, rows,
               p.width, one, ty, tx);
  }
}

}  // namespace

void attention_backward(const AttentionGrads& grads, const Tensor& grad_out,
                        const AttentionOperands& in, const Tensor& out, const Tensor& logsumexp,
                        const AttentionOptions& options) {
  const Problem p(in, options);
  const int64_t stacks = p.batch * p.heads;
  const Tensor delta = empty(logsumexp.sizes(), logsumexp.options());
  dispatch_type(in.query.dtype(), [&]<class T>() {
    launch(attention_delta_kernel<T>, one_thread_each(stacks * p.queries * kWarp, kThreads),
           delta.data_ptr<float>(), Rows<const T>(out), Rows<const T>(grad_out), p);
    const Operands<T> operands{Rows<const T>(in.query),     Rows<const T>(in.key),
                               Rows<const T>(in.value),     Rows<const T>(grad_out),
                               logsumexp.data_ptr<float>(), delta.data_ptr<float>()};
    dispatch_dropout<T>(options, [&]<bool kDrops>() {
      dispatch_width(p, [&]<int kWidth>() {
        constexpr size_t kBytes = backward_shared_bytes<kWidth>();
        if (grads.key.defined()) {
          launch(attention_key_grad_kernel<kWidth, kDrops, T>,
                 one_block_each(stacks * p.key_tiles(), kThreads, kBytes), Rows<T>(grads.key),
                 Rows<T>(grads.value), operands, p, p.key_tiles());
        }
        if (grads.query.defined()) {
          launch(attention_query_grad_kernel<kWidth, kDrops, T>,
                 one_block_each(stacks * p.query_tiles(), kThreads, kBytes), Rows<T>(grads.query),
                 operands, p, p.query_tiles());
        }
      });
    });
  });
}

}  // namespace fg::cuda
