#include "tensor/transposed_copy.h"

#include "tensor/shape.h"

namespace fg {

optional<TransposedCopy> transposed_copy(const Tensor& out, const Tensor& source) {
  const int64_t last = out.dim() - 1;
  if (out.dim() < 2 || out.stride(last) != 1) return nullopt;
  const DimVector source_strides = broadcast_strides(source, out.sizes());
  if (source_strides[size_t(last)] < 2) return nullopt;
  int64_t row = last - 1;
  while (row >= 0 && !(source_strides[size_t(row)] == 1 && out.size(row) > 1)) --row;
  if (row < 0) return nullopt;
  TransposedCopy plan{out.size(row), out.size(last), out.stride(row), source_strides[size_t(last)],
                      DimVector(),   DimVector(),    DimVector()};
  for (int64_t d = 0; d < last; ++d) {
    if (d == row) continue;
    plan.outer_sizes.push_back(out.size(d));
    plan.out_outer_strides.push_back(out.stride(d));
    plan.source_outer_strides.push_back(source_strides[size_t(d)]);
  }
  return plan;
}

}  // namespace fg
