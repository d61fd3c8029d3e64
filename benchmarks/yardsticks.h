// What this machine can do, measured at start: the figures that the benchmarks are held against.
#pragma once

#include <cstdint>

#include <benchmark/benchmark.h>

namespace fg::bench {

/// Bytes per second, read and written, of a large copy by all threads; best of several.
double copy_bandwidth();
/// Floating-point operations per second of Eigen's float product of 1024 x 1024 matrices, all threads.
double eigen_gemm_rate();

/// Reports the bytes that one iteration has to move at least, and the fraction of copy_bandwidth().
void count_bytes(benchmark::State& state, double bytes_per_iteration);
/// Reports the operations of one iteration, and the fraction of eigen_gemm_rate().
void count_flops(benchmark::State& state, double flops_per_iteration);

}  // namespace fg::bench
