// Elementwise ops and reductions: limited by memory, so held against the copy bandwidth.
#include "autograd/fused/builtin.h"
#include "autograd/ops/copy.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/view.h"
#include "benchmarks/yardsticks.h"
#include "tensor/factories.h"

namespace fg::bench {
namespace {

constexpr int64_t kElements = int64_t{1} << 24;  // 64 MiB of float32: beyond the caches

using Op = Tensor (*)(const Tensor&, const Tensor&);

// In place of a fresh result, so that the operating system's page faults stay out of the figure.
void run_inplace(benchmark::State& state, Tensor& (*op)(const Tensor&), double bytes_per_element) {
  NoGradGuard guard;
  const Tensor x = rand({kElements});
  for (auto _ : state) {
    op(x);
    benchmark::ClobberMemory();
  }
  count_bytes(state, bytes_per_element * double(kElements));
}

void run(benchmark::State& state, Op op, IntArrayRef sizes, double bytes_per_element) {
  NoGradGuard guard;
  const Tensor x = rand(sizes), y = rand(sizes);
  for (auto _ : state) benchmark::DoNotOptimize(op(x, y).data_ptr());
  count_bytes(state, bytes_per_element * double(x.numel()));
}

void run_backward(benchmark::State& state, Tensor (*op)(const Tensor&), double bytes_per_element) {
  const Tensor x = rand({kElements}).requires_grad_(true);
  const Tensor y = op(x), g = rand({kElements});
  for (auto _ : state) {
    y.backward(g, true);
    x.mutable_grad().reset();
  }
  count_bytes(state, bytes_per_element * double(kElements));
}

#define BENCH_UNARY(op) BENCHMARK_CAPTURE(run_inplace, op, op##_, 8)->UseRealTime()
BENCH_UNARY(relu);
BENCH_UNARY(sigmoid);
BENCH_UNARY(tanh);
BENCH_UNARY(mish);
BENCH_UNARY(neg);
#undef BENCH_UNARY

using T = const Tensor&;
BENCHMARK_CAPTURE(
    run, add, [](T a, T b) { return a + b; }, {kElements}, 12)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, add_in_place, [](T a, T b) -> Tensor { return a.add_(b); }, {kElements}, 12)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, add_row, [](T a, T b) -> Tensor { return a.add_(b[0]); }, {4096, 4096}, 8)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, add_transposed, [](T a, T b) { return a + b.t(); }, {4096, 4096}, 12)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, transpose_copy, [](T a, T b) -> Tensor { return a.copy_(b.t()); }, {4096, 4096}, 8)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, sum, [](T a, T) { return a.sum(); }, {kElements}, 4)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, sum_rows, [](T a, T) { return a.sum({1}); }, {4096, 4096}, 4)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, sum_columns, [](T a, T) { return a.sum({0}); }, {4096, 4096}, 4)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, max, [](T a, T) { return a.max(); }, {kElements}, 4)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, argmax, [](T a, T) { return a.argmax(1); }, {4096, 4096}, 4)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, softmax, [](T a, T) { return softmax(a, 1); }, {16384, 1024}, 8)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, layer_norm, [](T a, T) { return layer_norm(a, {1024}); }, {16384, 1024}, 8)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run, chain_of_5_fused,
    [](T a, T b) { return relu_leaky_relu_gelu_sigmoid_bias(a, b.select(0, 0).select(1, 0)); },
    {64, 16, 16384}, 8)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run_backward, gelu, [](T a) { return gelu(a); }, 12)
    ->UseRealTime();
BENCHMARK_CAPTURE(
    run_backward, sigmoid, [](T a) { return sigmoid(a); }, 12)
    ->UseRealTime();

}  // namespace
}  // namespace fg::bench
