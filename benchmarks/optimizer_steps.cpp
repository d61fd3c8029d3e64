// Optimizer steps: one pass over parameter, gradient and state, so held against the copy bandwidth.
#include "benchmarks/yardsticks.h"
#include "optim/optim.h"
#include "tensor/factories.h"

namespace fg::bench {
namespace {

/// 16 Mi float32 parameters in tensors of a transformer's sizes, with gradients.
std::vector<Tensor> parameters() {
  std::vector<Tensor> result;
  for (int64_t i = 0; i < 16; ++i) {
    result.push_back(rand({1023, 1024}).requires_grad_());
    result.push_back(rand({1024}).requires_grad_());
  }
  for (const Tensor& parameter : result) parameter.mutable_grad() = rand(parameter.sizes());
  return result;
}

template <class Optimizer, class Options>
void run(benchmark::State& state, Options options, double bytes_per_element) {
  const std::vector<Tensor> params = parameters();
  Optimizer optimizer(params, options);
  optimizer.step();  // makes the state
  for (auto _ : state) optimizer.step();
  int64_t numel = 0;
  for (const Tensor& param : params) numel += param.numel();
  count_bytes(state, bytes_per_element * double(numel));
}

void sgd(benchmark::State& state) { run<optim::SGD>(state, optim::SGDOptions(1e-3), 12); }
void sgd_momentum(benchmark::State& state) {
  run<optim::SGD>(state, optim::SGDOptions(1e-3).momentum(0.9), 20);
}
void adamw(benchmark::State& state) { run<optim::AdamW>(state, optim::AdamWOptions(1e-3), 28); }
void rmsprop(benchmark::State& state) {
  run<optim::RMSprop>(state, optim::RMSpropOptions(1e-3), 20);
}
void clip_grad_norm(benchmark::State& state) {
  const std::vector<Tensor> params = parameters();
  for (auto _ : state) benchmark::DoNotOptimize(optim::clip_grad_norm_(params, 1e9));
  count_bytes(state, 4 * 16 * 1024 * 1024);
}
BENCHMARK(sgd)->UseRealTime();
BENCHMARK(sgd_momentum)->UseRealTime();
BENCHMARK(adamw)->UseRealTime();
BENCHMARK(rmsprop)->UseRealTime();
BENCHMARK(clip_grad_norm)->UseRealTime();

}  // namespace
}  // namespace fg::bench
