// Division of 31-bit numbers by a divisor that is fixed for a launch, as a multiplication and a shift
// (Granlund and Montgomery, "Division by invariant integers using multiplication", 1994).
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace fg::cuda {

class Divider {
 public:
  Divider() = default;
  /// 1 <= divisor < 2^31.
  explicit Divider(uint32_t divisor) : divisor_(divisor) {
    while (shift_ < 32 && (uint64_t(1) << shift_) < divisor) ++shift_;
    multiplier_ =
        uint32_t(((uint64_t(1) << 32) * ((uint64_t(1) << shift_) - divisor)) / divisor + 1);
  }

  /// n / divisor, n < 2^31.
  __host__ __device__ uint32_t quotient(uint32_t n) const {
    return (uint32_t(uint64_t(n) * multiplier_ >> 32) + n) >> shift_;
  }
  __host__ __device__ uint32_t divisor() const { return divisor_; }

 private:
  uint32_t divisor_ = 1;
  uint32_t multiplier_ = 1;
  uint32_t shift_ = 0;
};

/// The same for numbers up to `largest`, which may be beyond 31 bits: then by plain division. Where a divisor is 0,
/// there are no numbers to divide.
class IndexDivider {
 public:
  IndexDivider() = default;
  IndexDivider(int64_t divisor, int64_t largest)
      : divisor_(divisor > 0 ? divisor : 1), narrow_(divisor_ <= kNarrow && largest <= kNarrow) {
    if (narrow_) divider_ = Divider(uint32_t(divisor_));
  }
  __host__ __device__ int64_t quotient(int64_t n) const {
    return narrow_ ? int64_t(divider_.quotient(uint32_t(n))) : n / divisor_;
  }
  __host__ __device__ int64_t divisor() const { return divisor_; }

 private:
  static constexpr int64_t kNarrow = 0x7fffffff;
  int64_t divisor_ = 1;
  bool narrow_ = true;
  Divider divider_;
};

}  // namespace fg::cuda
