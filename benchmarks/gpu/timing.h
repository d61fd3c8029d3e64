// How the GPU benchmarks measure: by events, on the device alone, with data much larger than the L2 cache, held
// against a copy or a reference measured in the same run.
#pragma once

#include <functional>

#include <benchmark/benchmark.h>

namespace fg::bench::gpu {

/// Bytes per second, read and written, of a 1 GiB copy on the device; median of several.
double copy_bandwidth();

/// Median milliseconds of `body` between two events; each sample runs it `batch` times, after warming up. The
/// launches of a batch overlap, so launch latency is not in the figure when `body` keeps the device busy.
double median_ms(const std::function<void()>& body, int samples = 15, int batch = 4);

/// One figure: `body` moves at least `bytes`. Counters: ms, GB/s, of_copy (fraction of copy_bandwidth()), and
/// `bar`, the least that of_copy should be.
void report_bytes(benchmark::State& state, const std::function<void()>& body, double bytes,
                  double bar);

/// Two figures, measured in turns: ours and the library called directly. Counters: ms, direct_ms, `ratio`
/// (direct over ours; 1 is equal, the bar is 0.97) and TFLOP/s of ours.
void report_ratio(benchmark::State& state, const std::function<void()>& ours,
                  const std::function<void()>& direct, double flops);

}  // namespace fg::bench::gpu
