// What an eager op costs the host: a chain of tiny ops, recorded, with the device far from busy.
#include <algorithm>
#include <chrono>
#include <vector>

#include "autograd/engine.h"
#include "autograd/ops/elementwise.h"
#include "benchmarks/gpu/timing.h"
#include "cuda/device.h"
#include "tensor/factories.h"

namespace fg::bench::gpu {
namespace {

constexpr int kOps = 10'000;

double microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

// benchmarks/gpu/eager_host_time.py runs the same chain in PyTorch.
void host_time_per_op(benchmark::State& state) {
  const Tensor x = ones({16}, TensorOptions(kFloat).device(kCUDA)).requires_grad_(true);
  std::vector<double> forward, backward;
  for (int round = 0; round < 7; ++round) {
    cuda::synchronize();
    auto start = std::chrono::steady_clock::now();
    Tensor y = x;
    for (int i = 0; i < kOps; ++i) y = y * 1.0001;
    forward.push_back(microseconds_since(start) / kOps);
    cuda::synchronize();
    start = std::chrono::steady_clock::now();
    y.backward(ones_like(y));
    backward.push_back(microseconds_since(start) / kOps);
  }
  std::sort(forward.begin(), forward.end());
  std::sort(backward.begin(), backward.end());
  for (auto _ : state) state.SetIterationTime(forward[3] * kOps / 1e6);
  state.counters["us_per_op"] = forward[3];
  state.counters["backward_us_per_op"] = backward[3];
  state.counters["bar_us"] = 3;
}
BENCHMARK(host_time_per_op)->UseManualTime()->Iterations(1);

}  // namespace
}  // namespace fg::bench::gpu
