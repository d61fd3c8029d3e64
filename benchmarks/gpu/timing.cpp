#include "benchmarks/gpu/timing.h"

#include <algorithm>
#include <vector>

#include "cuda/device.h"
#include "cuda/event.h"
#include "tensor/factories.h"

namespace fg::bench::gpu {
namespace {

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + int64_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double sample_ms(const std::function<void()>& body, int batch) {
  cuda::Event start(true), end(true);
  start.record();
  for (int i = 0; i < batch; ++i) body();
  end.record();
  end.synchronize();
  return double(start.elapsed_time(end)) / batch;
}

// The figures are medians of their own; Google Benchmark's loop runs once and only prints them.
void run_once(benchmark::State& state, double ms) {
  for (auto _ : state) state.SetIterationTime(ms / 1e3);
  state.counters["ms"] = ms;
}

}  // namespace

double median_ms(const std::function<void()>& body, int samples, int batch) {
  for (int i = 0; i < 3; ++i) body();
  cuda::synchronize();
  std::vector<double> times;
  for (int i = 0; i < samples; ++i) times.push_back(sample_ms(body, batch));
  return median(times);
}

double copy_bandwidth() {
  static const double value = [] {
    const Tensor source = full({int64_t(1) << 30}, 1, TensorOptions(kByte).device(kCUDA));
    const Tensor target = empty(source.sizes(), source.options());
    return 2.0 * double(source.nbytes()) / (median_ms([&] { target.copy_(source); }) / 1e3);
  }();
  return value;
}

void report_bytes(benchmark::State& state, const std::function<void()>& body, double bytes,
                  double bar) {
  const double ms = median_ms(body);
  run_once(state, ms);
  state.counters["GB/s"] = bytes / ms / 1e6;
  state.counters["of_copy"] = bytes / (ms / 1e3) / copy_bandwidth();
  state.counters["bar"] = bar;
}

void report_ratio(benchmark::State& state, const std::function<void()>& ours,
                  const std::function<void()>& direct, double flops) {
  std::vector<double> ours_ms, direct_ms;
  for (int i = 0; i < 5; ++i) {
    ours_ms.push_back(median_ms(ours, 5));
    direct_ms.push_back(median_ms(direct, 5));
  }
  const double ms = median(ours_ms);
  run_once(state, ms);
  state.counters["direct_ms"] = median(direct_ms);
  state.counters["ratio"] = median(direct_ms) / ms;
  state.counters["bar"] = 0.97;
  state.counters["TFLOP/s"] = flops / ms / 1e9;
}

}  // namespace fg::bench::gpu
