// Loops over the lines of a contiguous tensor along one dim.
#pragma once

#include "tensor/cpu/parallel.h"
#include "tensor/tensor.h"

namespace fg::cpu {

/// The lines of a contiguous tensor along `dim`: element i of line (outer, inner) lies at
/// (outer * extent + i) * stride + inner.
struct Lines {
  Lines(const Tensor& x, int64_t dim) : extent(x.dim() ? x.size(dim) : 1) {
    for (int64_t d = dim + 1; d < x.dim(); ++d) stride *= x.size(d);
    count = extent == 0 ? 0 : x.numel() / extent;
  }
  int64_t first(int64_t line) const { return line / stride * extent * stride + line % stride; }

  int64_t extent;
  int64_t stride = 1;
  int64_t count;
};

/// Calls body(offset, lanes) for groups of at most kLanes neighbouring lines, which start at
/// offset, offset + 1, ...: one pass over a group reads whole cache lines.
inline constexpr int64_t kLanes = 64;
template <class Body>
void for_each_line_group(const Lines& lines, const Body& body) {
  if (lines.count == 0) return;
  const int64_t groups = (lines.stride + kLanes - 1) / kLanes;
  const int64_t outer = lines.count / lines.stride;
  const int64_t work = lines.extent * std::min(lines.stride, kLanes);
  parallel_for(0, outer * groups, std::max<int64_t>(1, kGrain / work),
               [&](int64_t begin, int64_t end) {
                 for (int64_t unit = begin; unit < end; ++unit) {
                   const int64_t inner = unit % groups * kLanes;
                   body(unit / groups * lines.extent * lines.stride + inner,
                        std::min(kLanes, lines.stride - inner));
                 }
               });
}

}  // namespace fg::cpu
