// EntryReader: index entries as offsets, checked, inside kernels.
#pragma once

#include "cuda/kernels/index_plan.h"
#include "cuda/report.cuh"

namespace fg::cuda {

struct EntryReader {
  const int64_t* index;
  EntryRule rule;
  Reporter reporter;

  explicit EntryReader(const IndexPlan& plan)
      : index(plan.index), rule(plan.rule), reporter("index", "index") {}

  /// The offset that the entry at `at` means; EntryRule::kNowhere, after a report, for one out of range.
  __device__ __forceinline__ int64_t offset(int64_t at) const {
    const int64_t entry = index[at];
    if (rule.combined) return entry == EntryRule::kNowhere ? entry : entry >> rule.shift;
    if (entry < rule.low || entry >= rule.extent) {
      reporter.out_of_range(entry, rule.low, rule.extent);
      return EntryRule::kNowhere;
    }
    return (entry < 0 ? entry + rule.extent : entry) * rule.stride;
  }
};

}  // namespace fg::cuda
