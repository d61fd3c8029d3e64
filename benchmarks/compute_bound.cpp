// Products and convolutions: limited by arithmetic, so held against Eigen's GEMM.
#include "autograd/engine.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "benchmarks/yardsticks.h"
#include "tensor/factories.h"

namespace fg::bench {
namespace {

void product(benchmark::State& state) {
  NoGradGuard guard;
  const int64_t m = state.range(0), k = state.range(1), n = state.range(2);
  const Tensor a = randn({m, k}), b = randn({k, n});
  for (auto _ : state) benchmark::DoNotOptimize(mm(a, b).data_ptr());
  count_flops(state, 2.0 * double(m * k * n));
}
BENCHMARK(product)
    ->ArgNames({"m", "k", "n"})
    ->Args({64, 784, 256})
    ->Args({256, 256, 256})
    ->Args({1024, 1024, 1024})
    ->Args({2048, 2048, 2048})
    ->UseRealTime();

// Batch, input channels, output channels, extent, kernel.
void convolution_args(benchmark::internal::Benchmark* b) {
  b->ArgNames({"batch", "in", "out", "extent", "kernel"})
      ->Args({64, 1, 10, 28, 5})
      ->Args({64, 10, 20, 12, 5})
      ->Args({32, 64, 64, 32, 3})
      ->Args({32, 256, 256, 8, 3})
      ->UseRealTime();
}

struct Case {
  Tensor x, weight, bias;
  double flops;
  explicit Case(const benchmark::State& state)
      : x(randn({state.range(0), state.range(1), state.range(3), state.range(3)})),
        weight(randn({state.range(2), state.range(1), state.range(4), state.range(4)})),
        bias(randn({state.range(2)})) {
    const double out_extent = double(state.range(3) - state.range(4) + 1);
    flops = 2.0 * double(state.range(0)) * out_extent * out_extent * double(weight.numel());
  }
};

void conv2d_forward(benchmark::State& state) {
  NoGradGuard guard;
  const Case c(state);
  for (auto _ : state) benchmark::DoNotOptimize(conv2d(c.x, c.weight, c.bias).data_ptr());
  count_flops(state, c.flops);
}
BENCHMARK(conv2d_forward)->Apply(convolution_args);

void conv2d_backward(benchmark::State& state) {
  const Case c(state);
  for (const Tensor& t : {c.x, c.weight, c.bias}) t.requires_grad_(true);
  const Tensor y = conv2d(c.x, c.weight, c.bias);
  const Tensor g = randn(y.sizes());
  for (auto _ : state) autograd::grad({y}, {c.x, c.weight, c.bias}, {g}, true);
  count_flops(state, 2 * c.flops);
}
BENCHMARK(conv2d_backward)->Apply(convolution_args);

}  // namespace
}  // namespace fg::bench
