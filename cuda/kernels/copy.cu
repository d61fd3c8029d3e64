// Copies on one device. Equal layouts go through the copy engine's path; transposes pass through 32 x 32 tiles
// in shared memory, so that both sides are accessed along their contiguous dim; casts between floating types
// of equal layout move 16-byte vectors; the rest is the elementwise driver's strided kernel.
#include "cuda/kernels/elementwise.cuh"
#include "cuda/kernels/elementwise_plan.h"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/elementwise_forms.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/sequence.h"
#include "tensor/shape.h"
#include "tensor/transposed_copy.h"

namespace fg::cuda {
namespace {

constexpr unsigned kTileSide = 32;
constexpr unsigned kTileRows = 8;  // rows of a tile that the block's threads cover at once

/// Tile by tile (grid x: tiles of all matrices): block (32, 8).
template <class Bits>
__global__ void __launch_bounds__(kTileSide* kTileRows)
    transpose_kernel(Bits* __restrict__ out, const Bits* __restrict__ source, int64_t rows,
                     int64_t cols, int64_t out_row_stride, int64_t source_col_stride,
                     OffsetTable<2> matrices, int64_t row_tiles, int64_t tiles) {
  __shared__ Bits
      tile[kTileSide][kTileSide + 1];  // the extra column spreads a column over the banks
  const int64_t col_tiles = (cols + kTileSide - 1) / kTileSide;
  for (int64_t at = blockIdx.x; at < tiles; at += gridDim.x) {
    const int64_t col0 = at % col_tiles * kTileSide;
    const int64_t row0 = at / col_tiles % row_tiles * kTileSide;
    int64_t starts[2];
    matrices.locate(uint32_t(at / col_tiles / row_tiles), starts);
    for (unsigned y = threadIdx.y; y < kTileSide; y += kTileRows) {
      const int64_t row = row0 + threadIdx.x, col = col0 + y;
      if (row < rows && col < cols)
        tile[y][threadIdx.x] = source[starts[1] + row + col * source_col_stride];
    }
    __syncthreads();
    for (unsigned y = threadIdx.y; y < kTileSide; y += kTileRows) {
      const int64_t row = row0 + y, col = col0 + threadIdx.x;
      if (row < rows && col < cols)
        out[starts[0] + row * out_row_stride + col] = tile[threadIdx.x][y];
    }
    __syncthreads();
  }
}

OffsetTable<2> matrix_table(const TransposedCopy& plan) {
  OffsetTable<2> table;
  const size_t rank = plan.outer_sizes.size();
  table.dims = int(std::max<size_t>(1, rank));
  table.strides[0][0] = table.strides[0][1] = 0;
  for (size_t d = 0; d < rank; ++d) {
    const size_t from = rank - 1 - d;
    table.sizes[d] = Divider(uint32_t(plan.outer_sizes[from]));
    table.strides[d][0] = plan.out_outer_strides[from];
    table.strides[d][1] = plan.source_outer_strides[from];
  }
  return table;
}

template <class Bits>
void run_transposed(const Tensor& out, const Tensor& source, const TransposedCopy& plan) {
  const int64_t row_tiles = (plan.rows + kTileSide - 1) / kTileSide;
  const int64_t col_tiles = (plan.cols + kTileSide - 1) / kTileSide;
  const int64_t tiles = row_tiles * col_tiles * numel_of(plan.outer_sizes);
  launch(transpose_kernel<Bits>,
         {dim3(unsigned(std::min(tiles, kMaxGrid))), dim3(kTileSide, kTileRows)},
         static_cast<Bits*>(out.data_ptr()), static_cast<const Bits*>(source.data_ptr()), plan.rows,
         plan.cols, plan.out_row_stride, plan.source_col_stride, matrix_table(plan), row_tiles,
         tiles);
}

bool copy_transposed(const Tensor& out, const Tensor& source) {
  if (out.dtype() != source.dtype() || out.dim() < 2 || out.size(-1) < 2) return false;
  const optional<TransposedCopy> plan = transposed_copy(out, source);
  const int64_t matrices = plan ? numel_of(plan->outer_sizes) : 0;
  if (!plan || plan->outer_sizes.size() > kMaxDims || matrices > kMaxElements) return false;
  dispatch_width(out.element_size(),
                 [&]<class Bits>() { run_transposed<Bits>(out, source, *plan); });
  return true;
}

/// float from and to the 16-bit types, the casts of mixed precision.
bool cast_packs(const Tensor& out, const Tensor& source) {
  const forms::Identity same;
  const ScalarType to = out.dtype(), from = source.dtype();
  if (to == kBFloat16 && from == kFloat)
    return ElementwiseDriver::run_packs<BFloat16, float>(same, out, source);
  if (to == kFloat && from == kBFloat16)
    return ElementwiseDriver::run_packs<float, BFloat16>(same, out, source);
  if (to == kHalf && from == kFloat)
    return ElementwiseDriver::run_packs<Half, float>(same, out, source);
  if (to == kFloat && from == kHalf)
    return ElementwiseDriver::run_packs<float, Half>(same, out, source);
  return false;
}

template <class T, class Element>
__global__ void sequence_kernel(T* __restrict__ out, int64_t n, Element element) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step)
    out[i] = element(i);
}

template <class T, class Element>
void fill_sequence(const Tensor& out, const Element& element) {
  launch(sequence_kernel<T, Element>, one_thread_each(out.numel()), out.data_ptr<T>(), out.numel(),
         element);
}

}  // namespace

void copy(const Tensor& out, const Tensor& source) {
  if (out.numel() == 0) return;
  const bool same_layout = out.sizes() == source.sizes() && out.strides() == source.strides();
  if (same_layout && out.dtype() == source.dtype() && is_non_overlapping_and_dense(out)) {
    check_reports();
    if (out.data_ptr() == source.data_ptr()) return;
    CUDA_CHECK(cudaMemcpyAsync(out.data_ptr(), source.data_ptr(), size_t(out.nbytes()),
                               cudaMemcpyDeviceToDevice, current_stream().native()));
    return;
  }
  if (copy_transposed(out, source) || cast_packs(out, source)) return;
  forms::copy<ElementwiseDriver>(out, source);
}

void arange(const Tensor& out, const Scalar& start, const Scalar& step) {
  dispatch_all(out.dtype(), "arange",
               [&]<class T>() { fill_sequence<T>(out, ArangeElement<T>(start, step)); });
}

void linspace(const Tensor& out, const Scalar& start, const Scalar& end) {
  dispatch_all(out.dtype(), "linspace", [&]<class T>() {
    fill_sequence<T>(out, LinspaceElement<T>(start, end, out.numel()));
  });
}

}  // namespace fg::cuda
