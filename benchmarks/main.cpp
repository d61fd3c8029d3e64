// fusegrad_bench: Google Benchmark's table, with each figure's fraction of the machine's own limit.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

#include <Eigen/Core>

#include "benchmarks/yardsticks.h"
#include "tensor/cpu/parallel.h"

namespace fg::bench {
namespace {

template <class Body>
double best_seconds(int repetitions, const Body& body) {
  double best = 1e30;
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::min(best, elapsed.count());
  }
  return best;
}

double measure_copy() {
  constexpr int64_t kBytes = int64_t{1} << 28;  // far beyond the last-level cache
  const auto source = std::make_unique<char[]>(kBytes);
  const auto target = std::make_unique<char[]>(kBytes);
  std::memset(source.get(), 1, kBytes);
  const auto copy = [&] {
    cpu::parallel_for(0, kBytes, kBytes / get_num_threads(), [&](int64_t begin, int64_t end) {
      std::memcpy(target.get() + begin, source.get() + begin, size_t(end - begin));
    });
  };
  return 2.0 * double(kBytes) / best_seconds(7, copy);
}

double measure_gemm() {
  constexpr int kSize = 1024;
  Eigen::setNbThreads(get_num_threads());
  const Eigen::MatrixXf a = Eigen::MatrixXf::Random(kSize, kSize);
  const Eigen::MatrixXf b = Eigen::MatrixXf::Random(kSize, kSize);
  Eigen::MatrixXf c(kSize, kSize);
  const double seconds = best_seconds(7, [&] { c.noalias() = a * b; });
  return 2.0 * kSize * kSize * kSize / seconds;
}

}  // namespace

double copy_bandwidth() {
  static const double value = measure_copy();
  return value;
}
double eigen_gemm_rate() {
  static const double value = measure_gemm();
  return value;
}

void count_bytes(benchmark::State& state, double bytes) {
  const double total = bytes * double(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(total / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_copy"] =
      benchmark::Counter(total / copy_bandwidth(), benchmark::Counter::kIsRate);
}

void count_flops(benchmark::State& state, double flops) {
  const double total = flops * double(state.iterations());
  state.counters["GFLOP/s"] = benchmark::Counter(total / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_eigen"] =
      benchmark::Counter(total / eigen_gemm_rate(), benchmark::Counter::kIsRate);
}

}  // namespace fg::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  std::printf(
      "threads %d, copy %.1f GB/s (read + written), Eigen float GEMM %.0f GFLOP/s\n"
      "of_copy: least bytes the op must move over time, as a fraction of that copy\n"
      "of_eigen: operations over time, as a fraction of that GEMM\n",
      fg::get_num_threads(), fg::bench::copy_bandwidth() / 1e9, fg::bench::eigen_gemm_rate() / 1e9);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
