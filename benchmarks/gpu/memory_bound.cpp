// Ops that memory limits, at 1e8 elements or about as many bytes: their least traffic against the copy's.
#include "autograd/engine.h"
#include "autograd/fused/builtin.h"
#include "autograd/ops/copy.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/embedding.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/view.h"
#include "benchmarks/gpu/timing.h"
#include "optim/optim.h"
#include "tensor/factories.h"

namespace fg::bench::gpu {
namespace {

constexpr int64_t kElements = 100'000'000;
constexpr double kChainBar = 0.85, kLayerBar = 0.8;

Tensor values(IntArrayRef sizes, ScalarType type = kFloat) {
  return rand(sizes, TensorOptions(type).device(kCUDA));
}
double bytes_of(ScalarType type, double accesses) {
  return accesses * double(element_size(type)) * double(kElements);
}

using T = const Tensor&;

/// An op without parameters; others are makers: functions of x that return the op.
template <class Op>
auto plain(Op op) {
  return [op](T) { return op; };
}
auto make_layer_norm(T x) {
  const Tensor weight = ones({x.size(-1)}, x.options()), bias = zeros({x.size(-1)}, x.options());
  return [weight, bias](T in) { return layer_norm(in, {in.size(-1)}, weight, bias); };
}
auto make_group_norm(T x) {
  const Tensor weight = ones({x.size(1)}, x.options()), bias = zeros({x.size(1)}, x.options());
  return [weight, bias](T in) { return group_norm(in, 8, weight, bias); };
}
auto make_cross_entropy(T x) {
  const Tensor target = randint(x.size(1), {x.size(0)}, TensorOptions(kLong).device(kCUDA));
  return [target](T in) { return cross_entropy(in, target); };
}

/// What an op is measured on, and the least that it moves, in tensors of 1e8 elements read or written.
struct Case {
  ScalarType type;
  DimVector sizes;
  double accesses, bar;
};

template <class Maker>
void forward(benchmark::State& state, Maker make, const Case& c) {
  NoGradGuard guard;
  const Tensor x = values(c.sizes, c.type);
  const auto op = make(x);
  report_bytes(
      state, [&] { op(x); }, bytes_of(c.type, c.accesses), c.bar);
}

// The backward pass alone, from a recorded forward.
template <class Maker>
void backward(benchmark::State& state, Maker make, const Case& c) {
  const Tensor x = values(c.sizes, c.type).requires_grad_(true);
  const Tensor y = make(x)(x), g = values(y.sizes(), c.type);
  report_bytes(
      state, [&] { autograd::grad({y}, {x}, {g}, true); }, bytes_of(c.type, c.accesses), c.bar);
}

void register_type(const std::string& suffix, ScalarType type) {
  const auto add = [&](const std::string& name, auto body) {
    benchmark::RegisterBenchmark((name + "/" + suffix).c_str(), body)
        ->UseManualTime()
        ->Iterations(1);
  };
  const auto fwd = [&](const std::string& name, auto make, double accesses, DimVector sizes,
                       double bar) {
    add(name, [=](benchmark::State& s) { forward(s, make, {type, sizes, accesses, bar}); });
  };
  const auto bwd = [&](const std::string& name, auto make, double accesses, DimVector sizes,
                       double bar) {
    add(name, [=](benchmark::State& s) { backward(s, make, {type, sizes, accesses, bar}); });
  };
  const DimVector flat{kElements}, rows{100'000, 1000}, wide{1000, 100'000}, images{250, 64, 6250};
  const auto gelu_op = plain([](T x) { return gelu(x); });
  const auto chain = plain([](T x) { return leaky_relu2_gelu2(x); });
  const auto softmax_op = plain([](T x) { return softmax(x, 1); });

  fwd("relu", plain([](T x) { return x.relu(); }), 2, flat, kChainBar);
  fwd("gelu", gelu_op, 2, flat, kChainBar);
  bwd("gelu backward", gelu_op, 3, flat, kChainBar);
  fwd("add number", plain([](T x) { return x + 1.5; }), 2, flat, kChainBar);
  fwd("add row", plain([](T x) { return x + x.select(0, 0); }), 2, rows, kChainBar);
  fwd("multiply column", plain([](T x) { return x * x.narrow(1, 0, 1); }), 2, rows, kChainBar);
  fwd("transpose", plain([](T x) { return x.t().contiguous(); }), 2, {10'000, 10'000}, kChainBar);
  fwd("chain of five", chain, 2, flat, kChainBar);
  bwd("chain of five backward", chain, 3, flat, kChainBar);
  fwd("sum", plain([](T x) { return x.sum(); }), 1, flat, kChainBar);
  fwd("sum of rows", plain([](T x) { return x.sum(1); }), 1, rows, kChainBar);
  fwd("sum of columns", plain([](T x) { return x.sum(0); }), 1, rows, kChainBar);
  fwd("max of rows", plain([](T x) { return std::get<0>(x.max(1)); }), 1, rows, kChainBar);
  fwd("softmax", softmax_op, 2, rows, kLayerBar);
  fwd("softmax, long rows", softmax_op, 2, wide, kLayerBar);
  bwd("softmax backward", softmax_op, 3, rows, kLayerBar);
  fwd("layer_norm", make_layer_norm, 2, rows, kLayerBar);
  bwd("layer_norm backward", make_layer_norm, 3, rows, kLayerBar);
  fwd("group_norm", make_group_norm, 2, images, kLayerBar);
  bwd("group_norm backward", make_group_norm, 3, images, kLayerBar);
  fwd("cross_entropy", make_cross_entropy, 1, rows, kLayerBar);
  bwd("cross_entropy backward", make_cross_entropy, 2, rows, kLayerBar);
}

void embedding_backward(benchmark::State& state) {
  const int64_t rows = 50'000, width = 1000, count = kElements / width;
  const Tensor weight = values({rows, width}).requires_grad_(true);
  const Tensor indices = randint(rows, {count}, TensorOptions(kLong).device(kCUDA));
  const Tensor y = embedding(weight, indices), g = values(y.sizes());
  // Reads the gradient, writes the table's.
  report_bytes(
      state, [&] { autograd::grad({y}, {weight}, {g}, true); },
      4.0 * double(kElements + rows * width), kLayerBar);
}

void adamw(benchmark::State& state) {
  std::vector<Tensor> parameters;
  for (int64_t i = 0; i < 100; ++i) parameters.push_back(values({1000, 1000}).requires_grad_(true));
  for (const Tensor& p : parameters) p.mutable_grad() = values(p.sizes());
  optim::AdamW optimizer(parameters, optim::AdamWOptions(1e-3));
  // Reads parameter, gradient and two moments; writes all but the gradient.
  report_bytes(
      state, [&] { optimizer.step(); }, bytes_of(kFloat, 7), kLayerBar);
}

[[maybe_unused]] const bool registered = [] {
  register_type("float", kFloat);
  register_type("bf16", kBFloat16);
  benchmark::RegisterBenchmark("embedding backward/float", embedding_backward)
      ->UseManualTime()
      ->Iterations(1);
  benchmark::RegisterBenchmark("AdamW/float", adamw)->UseManualTime()->Iterations(1);
  return true;
}();

}  // namespace
}  // namespace fg::bench::gpu
