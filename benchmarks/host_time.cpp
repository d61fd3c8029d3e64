// Host time of a recorded op, forward and backward: a chain of tiny ones.
#include "autograd/ops/elementwise.h"
#include "benchmarks/yardsticks.h"
#include "tensor/factories.h"

namespace fg::bench {
namespace {

void tiny_op_chain(benchmark::State& state) {
  const Tensor x = ones({1}).requires_grad_(true);
  for (auto _ : state) {
    Tensor y = x;
    for (int64_t i = 0; i < state.range(0); ++i) y = sin(y);
    y.backward();
    x.mutable_grad().reset();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(tiny_op_chain)->Arg(10000)->UseRealTime();

}  // namespace
}  // namespace fg::bench
