// Whole training steps of the examples' nets: forward, loss, backward, optimizer.
#include "autograd/ops/elementwise.h"
#include "autograd/ops/loss.h"
#include "benchmarks/yardsticks.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "tensor/factories.h"

namespace fg::bench {
namespace {

template <class Model>
void train(benchmark::State& state, Model model, const Tensor& x, int64_t classes) {
  const Tensor target = randint(classes, {x.size(0)});
  optim::AdamW optimizer(model->parameters(), optim::AdamWOptions(1e-3));
  for (auto _ : state) {
    optimizer.zero_grad();
    cross_entropy(model->forward(x), target).backward();
    optimizer.step();
  }
  state.SetItemsProcessed(state.iterations() * x.size(0));
}

void mlp_784_256_10(benchmark::State& state) {
  train(state, nn::Sequential(nn::Linear(784, 256), nn::ReLU(), nn::Linear(256, 10)),
        rand({state.range(0), 784}), 10);
}
BENCHMARK(mlp_784_256_10)->ArgName("batch")->Arg(64)->UseRealTime();

void two_convolutions(benchmark::State& state) {
  train(state,
        nn::Sequential(nn::Conv2d(1, 10, 5), nn::MaxPool2d(2), nn::ReLU(), nn::Conv2d(10, 20, 5),
                       nn::MaxPool2d(2), nn::ReLU(), nn::Flatten(), nn::Linear(320, 50), nn::ReLU(),
                       nn::Linear(50, 10)),
        rand({state.range(0), 1, 28, 28}), 10);
}
BENCHMARK(two_convolutions)->ArgName("batch")->Arg(64)->UseRealTime();

// Host time of a recorded op, forward and backward: a chain of tiny ones.
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
