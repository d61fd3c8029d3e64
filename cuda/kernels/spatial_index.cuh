// Positions of a contiguous tensor of planes, from element numbers.
#pragma once

#include "cuda/divider.h"
#include "tensor/kernels/spatial.h"

namespace fg::cuda {

struct SpatialPosition {
  int64_t plane;
  int64_t at[3];
};

/// Turns element numbers into positions: by multiplications where 31 bits hold all numbers, else by 64-bit
/// divisions.
class SpatialIndex {
 public:
  SpatialIndex(int64_t planes, const Extents& extents)
      : height_(extents[1]), width_(extents[2]), plane_(numel_of(extents)) {
    narrow_ = planes * plane_ < int64_t(1) << 31;
    if (!narrow_) return;
    by_width_ = Divider(uint32_t(width_));
    by_height_ = Divider(uint32_t(height_));
    by_depth_ = Divider(uint32_t(extents[0]));
  }

  __device__ __forceinline__ SpatialPosition locate(int64_t i) const {
    if (narrow_) {
      const uint32_t lines = by_width_.quotient(uint32_t(i));
      const uint32_t areas = by_height_.quotient(lines);
      const uint32_t plane = by_depth_.quotient(areas);
      return {plane,
              {areas - plane * by_depth_.divisor(), lines - areas * by_height_.divisor(),
               uint32_t(i) - lines * by_width_.divisor()}};
    }
    const int64_t plane = i / plane_, rest = i - plane * plane_, line = rest / width_;
    return {plane, {line / height_, line % height_, rest % width_}};
  }

 private:
  Divider by_width_, by_height_, by_depth_;
  int64_t height_, width_, plane_;
  bool narrow_;
};

}  // namespace fg::cuda
