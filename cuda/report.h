// Bad values that only a kernel can see (an index outside its range, a probability outside [0, 1]): the kernel
// writes a report into pinned memory, skips the access and goes on, and the host throws it as an error at the
// next launch, synchronisation or copy to the host. So no op waits for the GPU in order to check its input, and
// the context survives, unlike with a device-side assertion. The first report wins. Kernels use report.cuh.
#pragma once

#include <array>
#include <cstdint>

#include "cuda/device.h"

namespace fg::cuda {

enum class ReportKind : int32_t {
  out_of_range,
  not_a_probability,
  not_a_weight,
  weightless_row,
};

/// A device's pinned slot. Which thread may fill it is settled in device memory, since GPUs have no atomics on
/// the host's.
struct Report {
  int32_t is_complete;
  uint32_t round;  // how many reports have been thrown
  ReportKind kind;
  const char* op;  // string literals of the host, which the kernel only hands back
  const char* argument;
  int64_t value, low, high;
  double number;
};

namespace detail {
extern std::array<volatile Report*, kMaxDevices>
    reports;  // null until the first call of report_slot
}  // namespace detail

/// Where the current device's kernels report, for the program's life: `report` is pinned, `claimed` lies in
/// device memory and counts the rounds that a thread has taken.
struct ReportSlot {
  Report* report;
  uint32_t* claimed;
};
ReportSlot report_slot();

/// Throws what a kernel has reported, and empties the slot.
[[noreturn]] void throw_report(volatile Report& report);
/// Throws if a kernel of the current device has reported something. Costs one read of host memory.
inline void check_reports() {
  volatile Report* const report = detail::reports[size_t(current_device())];
  if (report && report->is_complete) [[unlikely]]
    throw_report(*report);
}

}  // namespace fg::cuda
