#include "cuda/report.h"

#include <mutex>

#include "cuda/check.h"
#include "cuda/relaxed_capture.h"

namespace fg::cuda {
namespace detail {

std::array<volatile Report*, kMaxDevices> reports{};

}  // namespace detail

namespace {

ReportSlot make_slot() {
  const RelaxedCapture relaxed;
  void *report = nullptr, *claimed = nullptr;
  CUDA_CHECK(cudaHostAlloc(&report, sizeof(Report), cudaHostAllocPortable | cudaHostAllocMapped));
  CUDA_CHECK(cudaMalloc(&claimed, sizeof(uint32_t)));
  const uint32_t none = 0;
  CUDA_CHECK(cudaMemcpy(claimed, &none, sizeof none, cudaMemcpyHostToDevice));
  return {new (report) Report{}, static_cast<uint32_t*>(claimed)};
}

}  // namespace

ReportSlot report_slot() {
  // Never freed: kernels may still write to it while the program ends.
  static std::array<ReportSlot, kMaxDevices> slots;
  static std::array<std::once_flag, kMaxDevices> made;
  const size_t device = size_t(current_device());
  std::call_once(made[device], [device] {
    slots[device] = make_slot();
    detail::reports[device] = slots[device].report;
  });
  return slots[device];
}

void throw_report(volatile Report& r) {
  const std::string prefix =
      str(static_cast<const char*>(r.op), ": ", static_cast<const char*>(r.argument));
  const ReportKind kind = r.kind;
  const int64_t value = r.value, low = r.low, high = r.high;
  const double number = r.number;
  r.is_complete = 0;
  r.round = r.round + 1;
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
