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
  const int64_t value = r.value, low = r.low, high = r.high;
  const double number = r.number;
  r.state = 0;
  switch (kind) {
    case ReportKind::out_of_range:
      throw IndexError(str(prefix, " must lie in [", low, ", ", high, "), got ", value));
    case ReportKind::not_a_probability:
      throw Error(str(prefix, " must lie in [0, 1], got ", number));
    case ReportKind::not_a_weight:
      throw Error(str(prefix, " must be finite and not negative, got ", number));
    case ReportKind::weightless_row:
      throw Error(str(prefix, " must have a positive sum in each row, got 0 in row ", value));
  }
  throw Error(prefix);
}

}  // namespace fg::cuda
