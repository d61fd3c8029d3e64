// What an eager op costs the host: a chain of tiny ops, recorded. launch_us is the part of it that is the CUDA
// runtime's: the same number of bare launches.
#include <algorithm>
#include <chrono>
#include <vector>

#include "autograd/engine.h"
#include "autograd/ops/elementwise.h"
#include "benchmarks/gpu/bare_launch.h"
#include "benchmarks/gpu/timing.h"
#include "cuda/device.h"
#include "tensor/factories.h"

namespace fg::bench::gpu {
namespace {

constexpr int kOps = 10'000;

/// Host microseconds that `body` takes, over kOps.
template <class Body>
double microseconds_per_op(const Body& body) {
  cuda::synchronize();
  const auto start = std::chrono::steady_clock::now();
  body();
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
  return time.count() / kOps;
}

// benchmarks/gpu/eager_host_time.py runs the same chain in PyTorch.
void host_time_per_op(benchmark::State& state) {
  const Tensor x = ones({16}, TensorOptions(kFloat).device(kCUDA)).requires_grad_(true);
  std::vector<double> forward, backward, launch;
  for (int round = 0; round < 7; ++round) {
    Tensor y = x;
    forward.push_back(microseconds_per_op([&] {
      for (int i = 0; i < kOps; ++i) y = y * 1.0001;
    }));
    backward.push_back(microseconds_per_op([&] { y.backward(ones_like(y)); }));
    launch.push_back(microseconds_per_op([] {
      for (int i = 0; i < kOps; ++i) bare_launch();
    }));
  }
  for (std::vector<double>* times : {&forward, &backward, &launch})
    std::sort(times->begin(), times->end());
  for (auto _ : state) state.SetIterationTime(forward[3] * kOps / 1e6);
  state.counters["us_per_op"] = forward[3];
  state.counters["backward_us_per_op"] = backward[3];
  state.counters["launch_us"] = launch[3];
  state.counters["bar_us"] = 3;
}
BENCHMARK(host_time_per_op)->UseManualTime()->Iterations(1);

}  // namespace
}  // namespace fg::bench::gpu
