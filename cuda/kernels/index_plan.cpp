#include "cuda/kernels/index_plan.h"

#include <numeric>

#include "cuda/vector.cuh"
#include "tensor/factories.h"
#include "tensor/shape.h"

namespace fg::cuda {

RowMajorSpace::RowMajorSpace(IntArrayRef all_sizes, const std::vector<DimVector>& all_strides)
    : strides(all_strides.size()) {
  for (size_t d = 0; d < all_sizes.size(); ++d) {
    const int64_t extent = all_sizes[d];
    if (extent == 1) continue;
    bool merges = !sizes.empty();
    for (size_t k = 0; k < strides.size() && merges; ++k)
      merges = strides[k].back() == all_strides[k][d] * extent;
    if (merges)
      sizes.back() *= extent;
    else
      sizes.push_back(extent);
    for (size_t k = 0; k < strides.size(); ++k) {
      if (merges)
        strides[k].back() = all_strides[k][d];
      else
        strides[k].push_back(all_strides[k][d]);
    }
  }
}

int64_t RowMajorSpace::numel() const {
  int64_t product = 1;
  for (const int64_t extent : sizes) product *= extent;
  return product;
}

void RowMajorSpace::check_table() const {
  ENSURE(sizes.size() <= kMaxDims, "index: at most ", kMaxDims, " dims that do not merge, got ",
         sizes.size());
  ENSURE(numel() <= kMaxElements, "index: at most ", kMaxElements, " elements per piece, got ",
         numel());
}

IndexPlan::IndexPlan(const Tensor& target, const Tensor& source, const IndexedAccess& access)
    : self(static_cast<char*>(target.data_ptr())),
      values(static_cast<char*>(source.data_ptr())),
      word_bytes(target.element_size()),
      device(target.device()) {
  Tensor entries;
  if (access.indices.empty()) {
    // The strides alone address it, as in flip: one entry, which moves nothing.
    combined = entries =
        zeros(DimVector(access.sizes.size(), 1), TensorOptions(kLong).device(device));
    rule.extent = 1;
    rule.stride = 0;
  } else if (access.indices.size() == 1) {
    const IndexedAccess::Index& only = access.indices[0];
    entries = only.index;
    rule.low = only.negative ? -only.extent : 0;
    rule.extent = only.extent;
    rule.stride = only.stride;
  } else {
    combined = entries = combine_indices(access);
    rule.combined = true;
    rule.stride = 0;
    for (const IndexedAccess::Index& k : access.indices) {
      rule.stride = std::gcd(rule.stride, k.stride);
      rule.largest += std::max<int64_t>(0, k.extent - 1) * k.stride;
    }
  }
  index = entries.data_ptr<int64_t>();
  space = RowMajorSpace(access.sizes, {access.strides, broadcast_strides(source, access.sizes),
                                       broadcast_strides(entries, access.sizes)});
}

void IndexPlan::widen(int64_t max_bytes) {
  if (space.sizes.empty()) return;
  const size_t last = space.sizes.size() - 1;
  auto& strides = space.strides;
  if (strides[kIndex][last] != 0 || strides[kSelf][last] != 1 || strides[kValues][last] != 1)
    return;
  const auto is_even = [&](int64_t stride) { return stride % 2 == 0; };
  while (2 * word_bytes <= max_bytes && is_even(space.sizes[last]) && is_even(rule.stride) &&
         is_aligned(self, 2 * word_bytes) && is_aligned(values, 2 * word_bytes)) {
    for (size_t d = 0; d < last; ++d)
      if (!is_even(strides[kSelf][d]) || !is_even(strides[kValues][d])) return;
    word_bytes *= 2;
    rule.stride /= 2;
    ++rule.shift;
    space.sizes[last] /= 2;
    for (size_t d = 0; d < last; ++d) strides[kSelf][d] /= 2, strides[kValues][d] /= 2;
  }
}

std::pair<IndexPlan, IndexPlan> IndexPlan::halves() const {
  IndexPlan first = *this, second = *this;
  const int64_t cut = space.sizes[0] / 2;
  first.space.sizes[0] = cut;
  second.space.sizes[0] -= cut;
  second.self += cut * space.strides[kSelf][0] * word_bytes;
  second.values += cut * space.strides[kValues][0] * word_bytes;
  second.index += cut * space.strides[kIndex][0];
  return {first, second};
}

bool IndexPlan::one_value() const {
  for (const int64_t stride : space.strides[kValues])
    if (stride != 0) return false;
  return true;
}

int64_t IndexPlan::largest_chosen() const {
  return rule.combined ? rule.largest >> rule.shift
                       : std::max<int64_t>(0, rule.extent - 1) * rule.stride;
}

RowMajorSpace IndexPlan::part(bool of_entries) const {
  DimVector sizes;
  std::vector<DimVector> strides(3);
  for (size_t d = 0; d < space.sizes.size(); ++d) {
    const bool is_slice = space.strides[kIndex][d] == 0 && space.strides[kSelf][d] != 0;
    if (is_slice == of_entries) continue;
    sizes.push_back(space.sizes[d]);
    for (size_t k = 0; k < 3; ++k) strides[k].push_back(space.strides[k][d]);
  }
  return RowMajorSpace(sizes, strides);
}

}  // namespace fg::cuda
