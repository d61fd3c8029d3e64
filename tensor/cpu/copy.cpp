#include <cstring>

#include "tensor/cpu/elementwise.h"
#include "tensor/cpu/parallel.h"
#include "tensor/kernels/fill.h"
#include "tensor/shape.h"

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

// Copies when the last dim is contiguous in `out` and some other dim is contiguous in `source`.
bool copy_transposed(const Tensor& out, const Tensor& source, const DimVector& src_strides) {
  const int64_t last = out.dim() - 1;
  if (out.dim() < 2 || out.stride(last) != 1 || src_strides[size_t(last)] < 2) return false;
  int64_t row = last - 1;
  while (row >= 0 && !(src_strides[size_t(row)] == 1 && out.size(row) > 1)) --row;
  if (row < 0) return false;
  DimVector outer_sizes, outer_dst, outer_src;
  for (int64_t d = 0; d < last; ++d) {
    if (d == row) continue;
    outer_sizes.push_back(out.size(d));
    outer_dst.push_back(out.stride(d));
    outer_src.push_back(src_strides[size_t(d)]);
  }
  const int64_t rows = out.size(row);
  const int64_t cols = out.size(last);
  const int64_t bands = (rows + kTile - 1) / kTile;
  const int64_t matrices = numel_of(outer_sizes);
  char* const dst = static_cast<char*>(out.data_ptr());
  const char* const src = static_cast<const char*>(source.data_ptr());
  parallel_for(0, matrices * bands, std::max<int64_t>(1, kGrain / (kTile * cols)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t unit = begin; unit < end; ++unit) {
                   const int64_t r0 = unit % bands * kTile;
                   int64_t rest = unit / bands;
                   int64_t dst_at = r0 * out.stride(row);
                   int64_t src_at = r0;
                   for (size_t d = outer_sizes.size(); d-- > 0; rest /= outer_sizes[d]) {
                     dst_at += rest % outer_sizes[d] * outer_dst[d];
                     src_at += rest % outer_sizes[d] * outer_src[d];
                   }
                   copy_transposed_tile(out, source, dst + dst_at * out.element_size(),
                                        out.stride(row), src + src_at * source.element_size(),
                                        src_strides[size_t(last)], std::min(kTile, rows - r0),
                                        cols);
                 }
               });
  return true;
}

struct Identity {
  template <class T>
  T operator()(T x) const {
    return x;
  }
};

}  // namespace

void copy(const Tensor& out, const Tensor& source) {
  if (out.numel() == 0) return;
  if (copy_transposed(out, source, broadcast_strides(source, out.sizes()))) return;
  // The driver converts while it stages the source.
  dispatch_all(out.dtype(), "copy", [&]<class T>() { elementwise<T, T>(Identity(), out, source); });
}

void arange(const Tensor& out, const Scalar& start, const Scalar& step) {
  dispatch_all(out.dtype(), "arange", [&]<class T>() {
    using Wide = std::conditional_t<std::is_integral_v<T>, int64_t, double>;
    const Wide first = start.to<Wide>();
    const Wide stride = step.to<Wide>();
    T* const p = out.data_ptr<T>();
    parallel_for(0, out.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) p[i] = static_cast<T>(first + Wide(i) * stride);
    });
  });
}

void linspace(const Tensor& out, const Scalar& start, const Scalar& end) {
  const int64_t n = out.numel();
  dispatch_all(out.dtype(), "linspace", [&]<class T>() {
    using Wide = std::conditional_t<std::is_same_v<T, float>, float, double>;
    // The ends are values of the dtype: 2.5 starts an integral sequence at 2.
    const Wide first = Wide(start.to<T>());
    const Wide last = Wide(end.to<T>());
    const Wide step = n > 1 ? (last - first) / Wide(n - 1) : Wide(0);
    T* const p = out.data_ptr<T>();
    // From both ends, so that the last value is exact and the sequence symmetric.
    for (int64_t i = 0; i < n; ++i)
      p[i] = static_cast<T>(i < n / 2 || n == 1 ? first + step * Wide(i)
                                                : last - step * Wide(n - 1 - i));
  });
}

}  // namespace fg::cpu
