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
    slot_.report->value = value;
    slot_.report->low = low;
    slot_.report->high = high;
    end();
  }
  /// "op: argument must lie in [0, 1], got value".
  __device__ void not_a_probability(double value) const {
    if (!begin(ReportKind::not_a_probability)) return;
    slot_.report->number = value;
    end();
  }
  /// "op: argument must be finite and not negative, got value".
  __device__ void not_a_weight(double value) const {
    if (!begin(ReportKind::not_a_weight)) return;
    slot_.report->number = value;
    end();
  }
  /// "op: argument must have a positive sum in each row, got 0 in row row".
  __device__ void weightless_row(int64_t row) const {
    if (!begin(ReportKind::weightless_row)) return;
    slot_.report->value = row;
    end();
  }

 private:
  __device__ bool begin(ReportKind kind) const {
    // Launches that follow a report see the same round until the host has thrown it, and lose.
    const uint32_t round = *const_cast<const volatile uint32_t*>(&slot_.report->round);
    if (atomicMax(slot_.claimed, round + 1) > round) return false;
    slot_.report->kind = kind;
    slot_.report->op = op_;
    slot_.report->argument = argument_;
    return true;
  }
  __device__ void end() const {
    __threadfence_system();
    *const_cast<volatile int32_t*>(&slot_.report->is_complete) = 1;
  }

  ReportSlot slot_;
  const char* op_;
  const char* argument_;
};

}  // namespace fg::cuda
