// Reporter: how a kernel complains about its input; see report.h.
#pragma once

#include <cuda_runtime.h>

#include "cuda/report.h"

namespace fg::cuda {

/// What a kernel that checks its input gets, by value.
class Reporter {
 public:
  /// `op` and `argument` must be string literals.
  Reporter(const char* op, const char* argument)
      : slot_(report_slot()), op_(op), argument_(argument) {}

  /// "op: argument must lie in [low, high), got value", an IndexError.
  __device__ void out_of_range(int64_t value, int64_t low, int64_t high) const {
    if (!begin(ReportKind::out_of_range)) return;
    slot_->value = value;
    slot_->low = low;
    slot_->high = high;
    end();
  }
  /// "op: argument must lie in [0, 1], got value".
  __device__ void not_a_probability(double value) const {
    if (!begin(ReportKind::not_a_probability)) return;
    slot_->number = value;
    end();
  }
  /// "op: argument must be finite and not negative, got value".
  __device__ void not_a_weight(double value) const {
    if (!begin(ReportKind::not_a_weight)) return;
    slot_->number = value;
    end();
  }
  /// "op: argument must have a positive sum in each row, got 0 in row row".
  __device__ void weightless_row(int64_t row) const {
    if (!begin(ReportKind::weightless_row)) return;
    slot_->value = row;
    end();
  }

 private:
  __device__ bool begin(ReportKind kind) const {
    if (atomicCAS_system(&slot_->state, 0, 1) != 0) return false;
    slot_->kind = kind;
    slot_->op = op_;
    slot_->argument = argument_;
    return true;
  }
  __device__ void end() const {
    __threadfence_system();
    *const_cast<volatile int32_t*>(&slot_->state) = 2;
  }

  Report* slot_;
  const char* op_;
  const char* argument_;
};

}  // namespace fg::cuda
