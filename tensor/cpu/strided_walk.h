// StridedWalk: several operands over one iteration space, each with its own strides.
#pragma once

#include "tensor/array_ref.h"

namespace fg::cpu {

/// Visits an iteration space in row-major order, one call per innermost run. Extents of 1 are
/// dropped and neighbouring dims that are evenly spaced for every operand become one.
class StridedWalk {
 public:
  /// `strides[k]` are operand k's, in elements, one per dim of `sizes`.
  StridedWalk(IntArrayRef sizes, const std::vector<DimVector>& strides)
      : operands_(strides.size()) {
    strides_.resize(operands_);
    for (size_t d = 0; d < sizes.size(); ++d) {
      if (sizes[d] == 0) empty_ = true;
      if (sizes[d] == 1) continue;
      if (mergeable(sizes[d], strides, d)) {
        sizes_.back() *= sizes[d];
      } else {
        sizes_.push_back(sizes[d]);
        for (DimVector& s : strides_) s.push_back(0);
      }
      for (size_t k = 0; k < operands_; ++k) strides_[k].back() = strides[k][d];
    }
    if (!sizes_.empty()) return;
    sizes_.push_back(1);
    for (DimVector& s : strides_) s.push_back(0);
  }

  int64_t inner_stride(size_t operand) const { return strides_[operand].back(); }

  /// Calls body(offsets, count) for each run: offsets[k] is operand k's offset of its first element.
  template <class Body>
  void run(Body&& body) const {
    if (empty_) return;
    std::vector<int64_t> offsets(operands_, 0);
    DimVector index(sizes_.size());
    while (true) {
      body(static_cast<const int64_t*>(offsets.data()), sizes_.back());
      size_t d = sizes_.size() - 1;
      while (true) {
        if (d == 0) return;
        --d;
        if (++index[d] < sizes_[d]) break;
        index[d] = 0;
        for (size_t k = 0; k < operands_; ++k) offsets[k] -= (sizes_[d] - 1) * strides_[k][d];
      }
      for (size_t k = 0; k < operands_; ++k) offsets[k] += strides_[k][d];
    }
  }

 private:
  bool mergeable(int64_t size, const std::vector<DimVector>& strides, size_t d) const {
    if (sizes_.empty()) return false;
    for (size_t k = 0; k < operands_; ++k)
      if (strides_[k].back() != strides[k][d] * size) return false;
    return true;
  }

  size_t operands_;
  bool empty_ = false;
  DimVector sizes_;
  std::vector<DimVector> strides_;  // per operand
};

}  // namespace fg::cpu
