// Products of int64 matrices, modulo 2^64, for any strides.
//
// A block makes one 16 x 16 tile of one matrix of the batch, a thread one element; tiles of a and b pass through
// shared memory, 16 of the summed dim at a time. Each element of a is read once per 16 columns of out, each of
// b once per 16 rows. Integer sums are exact modulo 2^64, so any order gives the same bits.
#include "cuda/kernels/matmul_integers.h"
#include "cuda/launch.h"

namespace fg::cuda {
namespace {

constexpr int kTile = 16;

struct Operand {
  const int64_t* data;
  int64_t step, row_stride, col_stride;

  explicit Operand(const Tensor& t)
      : data(t.data_ptr<int64_t>()),
        step(t.dim() == 3 ? t.stride(0) : 0),
        row_stride(t.stride(-2)),
        col_stride(t.stride(-1)) {}
  __device__ uint64_t at(int64_t i, int64_t row, int64_t col) const {
    return uint64_t(data[i * step + row * row_stride + col * col_stride]);
  }
};

struct Extents {
  int64_t batch, m, n, k;
  int64_t row_tiles, col_tiles;
};

__global__ void __launch_bounds__(kTile* kTile)
    multiply_integers_kernel(int64_t* __restrict__ out, Operand a, Operand b, Extents extents,
                             uint64_t alpha, uint64_t beta) {
  __shared__ uint64_t a_tile[kTile][kTile], b_tile[kTile][kTile + 1];
  const auto [batch, m, n, k, row_tiles, col_tiles] = extents;
  const int64_t tiles = batch * row_tiles * col_tiles;
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int64_t i = tile / (row_tiles * col_tiles);
    const int64_t row = tile / col_tiles % row_tiles * kTile + threadIdx.y;
    const int64_t col = tile % col_tiles * kTile + threadIdx.x;
    uint64_t sum = 0;
    for (int64_t start = 0; start < k; start += kTile) {
      const int64_t a_col = start + threadIdx.x, b_row = start + threadIdx.y;
      a_tile[threadIdx.y][threadIdx.x] = row < m && a_col < k ? a.at(i, row, a_col) : 0;
      b_tile[threadIdx.y][threadIdx.x] = b_row < k && col < n ? b.at(i, b_row, col) : 0;
      __syncthreads();
      for (int p = 0; p < kTile; ++p) sum += a_tile[threadIdx.y][p] * b_tile[p][threadIdx.x];
      __syncthreads();  // all are done with the tiles
    }
    if (row >= m || col >= n) continue;
    int64_t& target = out[(i * m + row) * n + col];
    target = int64_t(alpha * sum + (beta == 0 ? 0 : beta * uint64_t(target)));
  }
}

}  // namespace

void multiply_integers(const Tensor& out, const Tensor& a, const Tensor& b, int64_t alpha,
                       int64_t beta) {
  Extents e{out.dim() == 3 ? out.size(0) : 1, out.size(-2), out.size(-1), a.size(-1), 0, 0};
  e.row_tiles = (e.m + kTile - 1) / kTile;
  e.col_tiles = (e.n + kTile - 1) / kTile;
  LaunchShape shape = one_block_each(e.batch * e.row_tiles * e.col_tiles, 0);
  shape.block = dim3(kTile, kTile);
  launch(multiply_integers_kernel, shape, out.data_ptr<int64_t>(), Operand(a), Operand(b), e,
         uint64_t(alpha), uint64_t(beta));
}

}  // namespace fg::cuda
