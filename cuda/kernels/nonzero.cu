// nonzero: the positions of a mask's true elements, in order.
//
// Three launches: each block counts the flags of its tile; one block turns the counts into first rows; each
// block writes its rows. The host waits in between for the total, since the result's shape depends on it.
// Bytes: the mask twice, each row once.

#include "cuda/kernels/block_scan.cuh"
#include "cuda/kernels/index_plan.h"
#include "cuda/launch.h"
#include "cuda/vector.cuh"
#include "tensor/factories.h"
#include "tensor/kernels/capture.h"

namespace fg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kFlags = kVectorBytes;  // per thread
constexpr int64_t kTile = kThreads * kFlags;

struct Mask {
  const bool* flags;
  int64_t count;
  bool aligned;

  __device__ Pack<bool, kFlags> load(int64_t first) const {
    if (aligned && first + kFlags <= count)
      return *reinterpret_cast<const Pack<bool, kFlags>*>(flags + first);
    Pack<bool, kFlags> pack;
    for (int k = 0; k < kFlags; ++k) pack.at[k] = first + k < count && flags[first + k];
    return pack;
  }
};

__device__ int count_true(const Pack<bool, kFlags>& pack) {
  int count = 0;
#pragma unroll
  for (int k = 0; k < kFlags; ++k) count += pack.at[k];
  return count;
}

__global__ void __launch_bounds__(kThreads)
    count_kernel(int64_t* counts, Mask mask, int64_t tiles) {
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int count = count_true(mask.load(tile * kTile + threadIdx.x * kFlags));
    const int total = block_reduce<kThreads>(count);
    if (threadIdx.x == 0) counts[tile] = total;
  }
}

/// counts[i] = the sum of all counts before i; counts[tiles] = the total.
__global__ void __launch_bounds__(kThreads) first_rows_kernel(int64_t* counts, int64_t tiles) {
  int64_t before = 0;
  for (int64_t first = 0; first < tiles; first += kThreads) {
    const int64_t i = first + threadIdx.x;
    const int64_t count = i < tiles ? counts[i] : 0;
    const Scanned<int64_t> scanned = block_scan<kThreads>(count, int64_t(0));
    if (i < tiles) counts[i] = before + scanned.before;
    before += scanned.total;
  }
  if (threadIdx.x == 0) counts[tiles] = before;
}

struct Shape {
  int rank;
  int64_t sizes[kMaxDims];
};

__global__ void __launch_bounds__(kThreads)
    write_kernel(int64_t* rows, const int64_t* first_rows, Mask mask, Shape shape, int64_t tiles) {
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int64_t first = tile * kTile + threadIdx.x * kFlags;
    const Pack<bool, kFlags> pack = mask.load(first);
    const int before = block_scan<kThreads>(count_true(pack), 0).before;
    int64_t* row = rows + (first_rows[tile] + before) * shape.rank;
    for (int k = 0; k < kFlags; ++k) {
      if (!pack.at[k]) continue;
      int64_t rest = first + k;
      for (int d = shape.rank - 1; d >= 0; --d) {
        row[d] = rest % shape.sizes[d];
        rest /= shape.sizes[d];
      }
      row += shape.rank;
    }
  }
}

}  // namespace

Tensor nonzero(const Tensor& mask) {
  const int64_t numel = mask.numel(), rank = mask.dim();
  const TensorOptions options = TensorOptions(kLong).device(mask.device());
  if (numel == 0) return empty({0, rank}, options);
  ENSURE(rank <= int64_t(kMaxDims), "nonzero: tensor must have at most ", kMaxDims, " dims, got ",
         rank);
  refuse_in_capture("nonzero", "the host would wait for the number of its rows");
  const Mask flags{mask.data_ptr<bool>(), numel, is_aligned(mask.data_ptr())};
  Shape shape{int(rank), {}};
  std::copy(mask.sizes().begin(), mask.sizes().end(), shape.sizes);

  const int64_t tiles = (numel + kTile - 1) / kTile;
  const Tensor counts = empty({tiles + 1}, options);
  int64_t* const first_rows = counts.data_ptr<int64_t>();
  launch(count_kernel, one_block_each(tiles, kThreads), first_rows, flags, tiles);
  launch(first_rows_kernel, one_block_each(1, kThreads), first_rows, tiles);
  const Tensor rows = empty({counts.select(0, tiles).item<int64_t>(), rank}, options);
  if (rows.numel() > 0)
    launch(write_kernel, one_block_each(tiles, kThreads), rows.data_ptr<int64_t>(), first_rows,
           flags, shape, tiles);
  return rows;
}

}  // namespace fg::cuda
