// Bad values that only a kernel can see (an index outside its range, a probability outside [0, 1]): the kernel
// writes a report into pinned memory, skips the access and goes on, and the host throws it as an error at the
// next launch, synchronisation or copy to the host. So no op waits for the GPU in order to check its input, and
// the context survives, unlike with a device-side assertion. The first report wins. Kernels use report.cuh.
#pragma once

#include <cstdint>

namespace fg::cuda {

enum class ReportKind : int32_t {
  out_of_range,
  not_a_probability,
  not_a_weight,
  weightless_row,
};

/// The pinned slot. `state`: 0 empty, 1 being written, 2 complete.
struct Report {
  int32_t state;
  ReportKind kind;
  const char* op;  // string literals of the host, which the kernel only hands back
  const char* argument;
  int64_t value, low, high;
  double number;
};

namespace detail {
extern volatile Report* report;  // null until the first call of report_slot
}  // namespace detail

/// Where kernels write: pinned, one for the program's life.
Report* report_slot();

/// Throws what a kernel has reported, and empties the slot.
[[noreturn]] void throw_report();
/// Throws if a kernel has reported something. Costs one read of host memory.
inline void check_reports() {
  if (detail::report && detail::report->state == 2) [[unlikely]]
    throw_report();
}

}  // namespace fg::cuda
