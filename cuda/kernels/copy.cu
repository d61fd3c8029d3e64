// Copies on one device. Equal layouts go through the copy engine's path; transposes pass through tiles in shared
// memory (transpose.cuh); casts between floating types of equal layout move 16-byte vectors; the rest is the
// elementwise driver's.
#include "cuda/kernels/elementwise.cuh"
#include "cuda/kernels/transpose.cuh"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/elementwise_forms.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/sequence.h"
#include "tensor/shape.h"
#include "tensor/transposed_copy.h"

namespace fg::cuda {
namespace {

// Whether matrices of this line stride, at these distances from each other, have every line on a pack's border.
bool lines_are_packs(const void* data, int64_t line_stride, const DimVector& outer_strides,
                     int64_t width, int64_t bytes) {
  const auto fits = [&](int64_t stride) { return stride % width == 0; };
  return is_aligned(data, width * bytes) && fits(line_stride) &&
         std::all_of(outer_strides.begin(), outer_strides.end(), fits);
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

// False where there are more tiles than a launch has blocks.
template <class Bits>
bool run_transposed(const Tensor& out, const Tensor& source, const TransposedCopy& plan) {
  using Tile = transpose_detail::Tile<Bits>;
  const int64_t row_tiles = (plan.rows + Tile::kSide - 1) / Tile::kSide;
  const int64_t col_tiles = (plan.cols + Tile::kSide - 1) / Tile::kSide;
  const int64_t matrices = numel_of(plan.outer_sizes);
  if (matrices > kMaxElements || row_tiles * col_tiles > kMaxElements / matrices) return false;
  const bool packs = lines_are_packs(out.data_ptr(), plan.out_row_stride, plan.out_outer_strides,
                                     Tile::kWidth, sizeof(Bits)) &&
                     lines_are_packs(source.data_ptr(), plan.source_col_stride,
                                     plan.source_outer_strides, Tile::kWidth, sizeof(Bits));
  const TransposeTask task{plan.rows,
                           plan.cols,
                           plan.out_row_stride,
                           plan.source_col_stride,
                           matrix_table(plan),
                           Divider(uint32_t(col_tiles)),
                           Divider(uint32_t(row_tiles)),
                           packs};
  launch(transpose_detail::transpose_kernel<Bits>,
         {dim3(unsigned(row_tiles * col_tiles * matrices)), dim3(transpose_detail::kThreads)},
         static_cast<Bits*>(out.data_ptr()), static_cast<const Bits*>(source.data_ptr()), task);
  return true;
}

bool copy_transposed(const Tensor& out, const Tensor& source) {
  if (out.dtype() != source.dtype() || out.dim() < 2 || out.size(-1) < 2) return false;
  const optional<TransposedCopy> plan = transposed_copy(out, source);
  if (!plan || plan->outer_sizes.size() > kMaxDims) return false;
  bool done = false;
  dispatch_width(out.element_size(),
                 [&]<class Bits>() { done = run_transposed<Bits>(out, source, *plan); });
  return done;
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
