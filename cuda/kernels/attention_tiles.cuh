// What the forward and the backward kernels of attention share: a block of 256 threads and tiles of 64 rows.
//
// A tile is float, row-major in shared memory, kTile rows of kWidth columns, rows kWidth + 4 apart: 16-byte
// accesses of 8 neighbouring rows then fall on different banks. Thread (ty, tx) of 16 x 16 owns the elements
// (ty + 16 i, tx + 16 j) of a 64 x 64 product, and of a 64 x kWidth sum the rows ty + 16 i and the columns
// (tx + 16 g) kPack ... + kPack - 1. So a row of either belongs to 16 neighbouring lanes, and what one step
// leaves in a row of shared memory the next reads after __syncwarp.
#pragma once

#include "cuda/kernels/attention_dropout.cuh"
#include "cuda/kernels/block_reduce.cuh"
#include "cuda/vector.cuh"
#include "tensor/kernels/attention.h"

namespace fg::cuda::attention {

inline constexpr int kTile = 64;
inline constexpr int kSide = 16;            // threads of a block along each side
inline constexpr int kOwn = kTile / kSide;  // rows of a thread
inline constexpr int kScoreLd = kTile + 4;
inline constexpr unsigned kThreads = kSide * kSide;

template <int kWidth>
inline constexpr int kLd = kWidth + 4;
template <int kWidth>
inline constexpr int kTileFloats = kTile* kLd<kWidth>;

/// Rows of a (batch, heads, rows, width) tensor whose last stride is 1.
template <class T>
struct Rows {
  T* data = nullptr;
  int64_t batch_stride = 0, head_stride = 0, row_stride = 0;

  Rows() = default;
  explicit Rows(const Tensor& t)
      : data(t.data_ptr<std::remove_const_t<T>>()),
        batch_stride(t.stride(0)),
        head_stride(t.stride(1)),
        row_stride(t.stride(2)) {}
  /// The rows of one head, from `row` on.
  __device__ T* from(int64_t batch, int64_t head, int64_t row) const {
    return data + batch * batch_stride + head * head_stride + row * row_stride;
  }
};

struct Mask {
  const void* data = nullptr;
  bool is_bool = false;
  int64_t strides[4] = {};

  explicit Mask(const Tensor& t) {
    if (!t.defined()) return;
    data = t.data_ptr();
    is_bool = t.dtype() == kBool;
    for (int64_t d = 0; d < 4; ++d) strides[d] = t.stride(d);
  }
};

struct Problem {
  int64_t batch, heads, queries, keys;
  int width, value_width;
  float scale;
  bool causal;
  Mask mask;
  Dropout dropout;

  Problem(const AttentionOperands& in, const AttentionOptions& options)
      : batch(in.query.size(0)),
        heads(in.query.size(1)),
        queries(in.query.size(2)),
        keys(in.value.size(2)),
        width(int(in.query.size(3))),
        value_width(int(in.value.size(3))),
        scale(float(options.scale)),
        causal(options.causal),
        mask(in.mask),
        dropout(options) {}
  __host__ __device__ int64_t query_tiles() const { return (queries + kTile - 1) / kTile; }
  __host__ __device__ int64_t key_tiles() const { return (keys + kTile - 1) / kTile; }
};

/// A head of the problem, and where a block works.
struct Place {
  int64_t batch, head, tile;

  /// Item `item` of heads * tiles. `last_first`: a head's tiles in falling order, so that under `causal` the
  /// tiles of queries that have most to do do not come last.
  __device__ Place(const Problem& p, int64_t item, int64_t tiles, bool last_first)
      : batch(item / tiles / p.heads),
        head(item / tiles % p.heads),
        tile(last_first ? tiles - 1 - item % tiles : item % tiles) {}
  __device__ int64_t first() const { return tile * kTile; }
  __device__ int64_t stack(const Problem& p) const { return batch * p.heads + head; }
};

/// The score of query i and key j as softmax sees it; -inf where they do not meet.
template <class T>
__device__ __forceinline__ float masked_score(const Problem& p, const Place& place, int64_t i,
                                              int64_t j, float product) {
  if (i >= p.queries || j >= p.keys || (p.causal && j > i)) return -INFINITY;
  const float score = product * p.scale;
  const Mask& m = p.mask;
  if (!m.data) return score;
  const int64_t at =
      place.batch * m.strides[0] + place.head * m.strides[1] + i * m.strides[2] + j * m.strides[3];
  if (m.is_bool) return static_cast<const bool*>(m.data)[at] ? score : -INFINITY;
  return score + float(static_cast<const T*>(m.data)[at]);
}

/// Dropout's factors of the weights of query `row` of all heads' queries for the keys `lane` + 16 j of the tile of
/// keys from `first_key` on.
__device__ __forceinline__ void drop_factors(float (&factor)[kOwn], const Problem& p, int64_t row,
                                             int64_t first_key, int lane) {
  static_assert(kSide == Dropout::kLanes);
  p.dropout.factors(factor, row * p.key_tiles() + first_key / kTile, lane);
}

/// Fills a tile with `rows` rows of `width` elements; zeros beyond both. Every thread must call it.
template <int kWidth, class T>
__device__ __forceinline__ void load_tile(float* tile, const T* from, int64_t row_stride,
                                          int64_t rows, int width) {
  for (int i = int(threadIdx.x); i < kTile * kWidth; i += int(kThreads)) {
    const int row = i / kWidth, col = i % kWidth;
    tile[row * kLd<kWidth> + col] =
        row < rows && col < width ? float(from[row * row_stride + col]) : 0.f;
  }
}

using Scores = float[kOwn][kOwn];

/// result = a b^T for the thread's elements.
template <int kWidth>
__device__ __forceinline__ void multiply_rows(Scores& result, const float* a, const float* b,
                                              int ty, int tx) {
#pragma unroll
  for (int i = 0; i < kOwn; ++i)
#pragma unroll
    for (int j = 0; j < kOwn; ++j) result[i][j] = 0;
  using Pack4 = Pack<float, 4>;
#pragma unroll 4
  for (int d = 0; d < kWidth; d += 4) {
    Pack4 x[kOwn], y[kOwn];
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      x[i] = *reinterpret_cast<const Pack4*>(a + (ty + kSide * i) * kLd<kWidth> + d);
      y[i] = *reinterpret_cast<const Pack4*>(b + (tx + kSide * i) * kLd<kWidth> + d);
    }
#pragma unroll
    for (int i = 0; i < kOwn; ++i)
#pragma unroll
      for (int j = 0; j < kOwn; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) result[i][j] += x[i].at[e] * y[j].at[e];
  }
}

template <int kWidth>
inline constexpr int kColumns = kWidth / kSide;  // columns of a thread
template <int kWidth>
inline constexpr int kPack = kColumns<kWidth> < 4 ? kColumns<kWidth> : 4;

/// kOwn rows of kColumns sums.
template <int kWidth>
struct Sums {
  float at[kOwn][kColumns<kWidth>] = {};

  /// Column of the thread's element c.
  __device__ static int column(int tx, int c) {
    constexpr int kP = kPack<kWidth>;
    return (tx + kSide * (c / kP)) * kP + c % kP;
  }

  /// += factors rows, where `factors` is 64 x 64 with rows kScoreLd apart and `rows` a tile.
  __device__ __forceinline__ void add(const float* factors, const float* rows, int ty, int tx) {
    constexpr int kP = kPack<kWidth>;
    using Pack4 = Pack<float, 4>;
    using PackP = Pack<float, kP>;
#pragma unroll 2
    for (int k = 0; k < kTile; k += 4) {
      Pack4 x[kOwn];
#pragma unroll
      for (int i = 0; i < kOwn; ++i)
        x[i] = *reinterpret_cast<const Pack4*>(factors + (ty + kSide * i) * kScoreLd + k);
#pragma unroll
      for (int e = 0; e < 4; ++e) {
#pragma unroll
        for (int c = 0; c < kColumns<kWidth>; c += kP) {
          const PackP y =
              *reinterpret_cast<const PackP*>(rows + (k + e) * kLd<kWidth> + column(tx, c));
#pragma unroll
          for (int i = 0; i < kOwn; ++i)
#pragma unroll
            for (int v = 0; v < kP; ++v) at[i][c + v] += x[i].at[e] * y.at[v];
        }
      }
    }
  }

  /// Stores `rows` rows of `width` columns, each row times its factor.
  template <class T>
  __device__ __forceinline__ void store(T* to, int64_t row_stride, int64_t rows, int width,
                                        const float (&factor)[kOwn], int ty, int tx) const {
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      const int row = ty + kSide * i;
      if (row >= rows) continue;
#pragma unroll
      for (int c = 0; c < kColumns<kWidth>; ++c) {
        const int col = column(tx, c);
        if (col < width) to[row * row_stride + col] = T(at[i][c] * factor[i]);
      }
    }
  }
};

/// Leaves the thread's elements in a 64 x 64 array, for the 16 lanes of the same rows to read.
__device__ __forceinline__ void share(float* scores, const Scores& values, int ty, int tx) {
  __syncwarp();  // what was there has been read
#pragma unroll
  for (int i = 0; i < kOwn; ++i)
#pragma unroll
    for (int j = 0; j < kOwn; ++j)
      scores[(ty + kSide * i) * kScoreLd + tx + kSide * j] = values[i][j];
  __syncwarp();
}

/// body.template operator()<kWidth>() with the least of 32, 64 and 128 that is not below either width.
template <class Body>
void dispatch_width(const Problem& p, const Body& body) {
  const int width = p.width > p.value_width ? p.width : p.value_width;
  if (width <= 32) return body.template operator()<32>();
  if (width <= 64) return body.template operator()<64>();
  body.template operator()<128>();
}

/// body.template operator()<T>() for float, Half and BFloat16.
template <class Body>
void dispatch_type(ScalarType type, const Body& body) {
  if (type == kFloat) return body.template operator()<float>();
  if (type == kHalf) return body.template operator()<Half>();
  if (type == kBFloat16) return body.template operator()<BFloat16>();
  ::fg::detail::fail_dtype("attention", "Float, Half or BFloat16", type);
}

}  // namespace fg::cuda::attention
