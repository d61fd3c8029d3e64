#include "tensor/iteration.h"

#include <algorithm>

#include "tensor/shape.h"

namespace fg {
namespace {

// Dims of extent > 1, in the output's memory order, outermost first.
SmallVector<int64_t, 5> memory_order(const Tensor& out) {
  SmallVector<int64_t, 5> order;
  for (int64_t d = 0; d < out.dim(); ++d)
    if (out.size(d) != 1) order.push_back(d);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return out.stride(a) > out.stride(b); });
  return order;
}

}  // namespace

IterationSpace::IterationSpace(std::span<const Tensor* const> operands) {
  ENSURE(operands.size() <= kMaxOperands, "elementwise: at most ", kMaxOperands, " operands, got ",
         operands.size());
  const Tensor& out = *operands[0];
  const size_t count = operands.size();
  numel = out.numel();
  std::array<DimVector, kMaxOperands> unmerged;
  for (size_t k = 0; k < count; ++k)
    unmerged[k] = operands[k] ? broadcast_strides(*operands[k], out.sizes())
                              : DimVector(size_t(out.dim()), 0);
  for (const int64_t dim : memory_order(out)) {
    const size_t d = size_t(dim);
    const int64_t extent = out.size(dim);
    bool merges = !sizes.empty();
    for (size_t k = 0; k < count && merges; ++k)
      merges = strides[k].back() == unmerged[k][d] * extent;
    if (merges)
      sizes.back() *= extent;
    else
      sizes.push_back(extent);
    for (size_t k = 0; k < count; ++k) {
      if (merges)
        strides[k].back() = unmerged[k][d];
      else
        strides[k].push_back(unmerged[k][d]);
    }
  }
  if (!sizes.empty()) return;
  sizes.push_back(1);
  for (size_t k = 0; k < count; ++k) strides[k].push_back(operands[k] ? 1 : 0);
}

}  // namespace fg
