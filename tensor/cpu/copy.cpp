#include <cstring>

#include "tensor/cpu/elementwise.h"
#include "tensor/cpu/parallel.h"
#include "tensor/kernels/elementwise_forms.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/sequence.h"
#include "tensor/shape.h"
#include "tensor/transposed_copy.h"

namespace fg::cpu {
namespace {

constexpr int64_t kTile = 32;

// A transposing copy touches one cache line per element on one side, at steps that often fall into one
// cache set. Each tile therefore passes through a small dense buffer: lines are read whole, once.
// Handles one matrix: rows x cols, where dst is contiguous along cols and src along rows.
void copy_transposed_tile(const Tensor& out, const Tensor& source, char* dst, int64_t dst_row_step,
                          const char* src, int64_t src_col_step, int64_t rows, int64_t cols) {
  const int64_t dst_item = out.element_size();
  const int64_t src_item = source.element_size();
  alignas(64) char tile[kTile * kTile * sizeof(int64_t)];
  for (int64_t r0 = 0; r0 < rows; r0 += kTile) {
    const int64_t height = std::min(kTile, rows - r0);
    for (int64_t c0 = 0; c0 < cols; c0 += kTile) {
      const int64_t width = std::min(kTile, cols - c0);
      for (int64_t c = 0; c < width; ++c)
        std::memcpy(tile + c * kTile * src_item, src + (r0 + (c0 + c) * src_col_step) * src_item,
                    size_t(height * src_item));
      for (int64_t r = 0; r < height; ++r)
        convert_run(out.dtype(), dst + ((r0 + r) * dst_row_step + c0) * dst_item, 1, source.dtype(),
                    tile + r * src_item, kTile, width);
    }
  }
}

void run_transposed(const Tensor& out, const Tensor& source, const TransposedCopy& plan) {
  const int64_t bands = (plan.rows + kTile - 1) / kTile;
  const int64_t matrices = numel_of(plan.outer_sizes);
  char* const dst = static_cast<char*>(out.data_ptr());
  const char* const src = static_cast<const char*>(source.data_ptr());
  parallel_for(0, matrices * bands, std::max<int64_t>(1, kGrain / (kTile * plan.cols)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t unit = begin; unit < end; ++unit) {
                   const int64_t r0 = unit % bands * kTile;
                   int64_t rest = unit / bands;
                   int64_t dst_at = r0 * plan.out_row_stride;
                   int64_t src_at = r0;
                   for (size_t d = plan.outer_sizes.size(); d-- > 0; rest /= plan.outer_sizes[d]) {
                     const int64_t index = rest % plan.outer_sizes[d];
                     dst_at += index * plan.out_outer_strides[d];
                     src_at += index * plan.source_outer_strides[d];
                   }
                   copy_transposed_tile(out, source, dst + dst_at * out.element_size(),
                                        plan.out_row_stride, src + src_at * source.element_size(),
                                        plan.source_col_stride, std::min(kTile, plan.rows - r0),
                                        plan.cols);
                 }
               });
}

template <class T, class Element>
void fill_sequence(const Tensor& out, const Element& element) {
  T* const p = out.data_ptr<T>();
  parallel_for(0, out.numel(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) p[i] = element(i);
  });
}

}  // namespace

void copy(const Tensor& out, const Tensor& source) {
  if (out.numel() == 0) return;
  if (const auto plan = transposed_copy(out, source)) return run_transposed(out, source, *plan);
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

}  // namespace fg::cpu
