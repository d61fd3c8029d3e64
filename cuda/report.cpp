#include "cuda/report.h"

#include "cuda/check.h"

namespace fg::cuda {
namespace detail {

volatile Report* report = nullptr;

}  // namespace detail

Report* report_slot() {
  // Never freed: kernels may still write to it while the program ends.
  static Report* const pinned = [] {
    void* memory = nullptr;
    CUDA_CHECK(cudaHostAlloc(&memory, sizeof(Report), cudaHostAllocPortable | cudaHostAllocMapped));
    auto* const result = new (memory) Report{};
    detail::report = result;
    return result;
  }();
  return pinned;
}

void throw_report() {
  volatile Report& r = *detail::report;
  const std::string prefix =
      str(static_cast<const char*>(r.op), ": ", static_cast<const char*>(r.argument));
  const ReportKind kind = r.kind;
  const std::string range =
      str(" must lie in [", int64_t(r.low), ", ", int64_t(r.high), "), got ", int64_t(r.value));
  const std::string probability = str(" must lie in [0, 1], got ", double(r.number));
  r.state = 0;
  if (kind == ReportKind::out_of_range) throw IndexError(prefix + range);
  throw Error(prefix + probability);
}

}  // namespace fg::cuda
