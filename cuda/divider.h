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

}  // namespace fg::cuda
