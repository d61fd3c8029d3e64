// Ranges on the timeline of Nsight Systems.
#pragma once

#include <nvtx3/nvToolsExt.h>

namespace fg::cuda {

/// Names what this thread does during its lifetime, for profilers. Ranges nest; without a profiler one costs
/// two calls through a null pointer. `name` is copied.
class Range {
 public:
  explicit Range(const char* name) { nvtxRangePushA(name); }
  ~Range() { nvtxRangePop(); }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

}  // namespace fg::cuda
