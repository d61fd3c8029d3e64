// Optimizer steps and gradient clipping on the GPU against the CPU: all updates, types and numbers of tensors.
#include <cmath>

#include "autograd/ops/compare.h"
#include "autograd/ops/view.h"
#include "cuda/launch.h"
#include "optim/optim.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

using Parameters = std::vector<Tensor>;
using MakeOptimizer = std::function<std::unique_ptr<optim::Optimizer>(const Parameters&)>;

const std::vector<DimVector> kSizes = {{1},    {0},    {3},      {4},       {5},
                                       {8192}, {8193}, {33, 41}, {2, 3, 4}, {20000}};

Parameters make_parameters(ScalarType type, Device device) {
  Generator generator;
  generator.manual_seed(3);
  Parameters parameters;
  for (const DimVector& sizes : kSizes) {
    Tensor x = empty(sizes, kDouble);
    x.uniform_(-1, 1, generator);
    x = x.to(device, type);
    if (x.dim() == 2) x = x.t().contiguous().t();
    parameters.push_back(x.detach().requires_grad_());
  }
  return parameters;
}

void set_gradients(const Parameters& parameters, int step) {
  Generator generator;
  generator.manual_seed(uint64_t(100 + step));
  for (const Tensor& p : parameters) {
    Tensor grad = empty(p.sizes(), kDouble);
    grad.uniform_(-1, 1, generator);
    grad = grad.to(p.device(), p.dtype());
    p.mutable_grad() = p.is_contiguous() ? grad : grad.t().contiguous().t();
  }
}

void check_steps(const MakeOptimizer& make, ScalarType type) {
  const Parameters on_cpu = make_parameters(type, kCPU), on_gpu = make_parameters(type, kCUDA);
  const auto cpu_optimizer = make(on_cpu), gpu_optimizer = make(on_gpu);
  for (int step = 0; step < 4; ++step) {
    set_gradients(on_cpu, step);
    set_gradients(on_gpu, step);
    cpu_optimizer->step();
    gpu_optimizer->step();
  }
  for (size_t i = 0; i < on_cpu.size(); ++i) {
    CAPTURE(kSizes[i]);
    // Fused multiply-adds round a step differently, and a quotient of two roundings a little more so.
    const double tolerance = 64 * unit_roundoff(type);
    CHECK(allclose(to_double(on_gpu[i]), to_double(on_cpu[i]), tolerance, tolerance));
  }
}

template <class Optimizer, class Options>
MakeOptimizer with(const Options& options) {
  return [options](const Parameters& parameters) {
    return std::make_unique<Optimizer>(parameters, options);
  };
}

}  // namespace

TEST_CASE("cuda optim: every rule steps as on the CPU") {
  if (!require_gpu()) return;
  using namespace optim;
  const std::vector<MakeOptimizer> rules = {
      with<SGD>(SGDOptions(0.1)),
      with<SGD>(SGDOptions(0.1).momentum(0.9).nesterov(true).weight_decay(0.01)),
      with<Adam>(AdamOptions(0.01).weight_decay(0.1)),
      with<Adam>(AdamOptions(0.01).amsgrad(true)),
      with<AdamW>(AdamWOptions(0.01)),
      with<RMSprop>(RMSpropOptions(0.01)),
      with<RMSprop>(RMSpropOptions(0.01).centered(true)),
      with<RMSprop>(RMSpropOptions(0.01).momentum(0.5)),
      with<RMSprop>(RMSpropOptions(0.01).centered(true).momentum(0.5)),
      with<Adagrad>(AdagradOptions(0.05).lr_decay(0.1)),
  };
  for (size_t i = 0; i < rules.size(); ++i) {
    CAPTURE(i);
    for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
      CAPTURE(type);
      check_steps(rules[i], type);
    }
  }
}

TEST_CASE("cuda optim: one launch for all parameters, more for more than a table holds") {
  if (!require_gpu()) return;
  const auto launches_of_step = [](size_t count) {
    Parameters parameters;
    for (size_t i = 0; i < count; ++i) {
      parameters.push_back(full({int64_t(i % 9 + 1)}, 1.0, kFloat).to(kCUDA).requires_grad_());
      parameters.back().mutable_grad() = full_like(parameters.back().detach(), 0.5);
    }
    optim::AdamW optimizer(parameters, optim::AdamWOptions(0.1));
    optimizer.step();  // makes the states
    const int64_t before = cuda::launch_count();
    optimizer.step();
    const int64_t launches = cuda::launch_count() - before;
    for (const Tensor& p : parameters)
      CHECK(allclose(p.detach().cpu(), parameters[0].detach().cpu()[0].expand(p.sizes()), 0, 0));
    return launches;
  };
  CHECK(launches_of_step(3) == 1);
  CHECK(launches_of_step(256) == 1);
  CHECK(launches_of_step(257) == 2);
  CHECK(launches_of_step(600) == 3);
}

TEST_CASE("cuda optim: parameters of many learning rates and of several types") {
  if (!require_gpu()) return;
  // One step of SGD on ones whose gradients are ones, each with a learning rate of its own; the launches it takes.
  const auto launches_of_step = [](int64_t count, int64_t doubles_every) {
    std::vector<optim::OptimizerParamGroup> groups;
    Parameters parameters;
    for (int64_t i = 0; i < count; ++i) {
      const ScalarType type = i % doubles_every == doubles_every - 1 ? kDouble : kFloat;
      parameters.push_back(full({i + 1}, 1.0, type).to(kCUDA).requires_grad_());
      parameters.back().mutable_grad() = full_like(parameters.back().detach(), 1.0);
      groups.emplace_back(Parameters{parameters.back()},
                          std::make_unique<optim::SGDOptions>(double(i) / 128));
    }
    optim::SGD optimizer(groups, optim::SGDOptions(1));
    const int64_t before = cuda::launch_count();
    optimizer.step();
    const int64_t launches = cuda::launch_count() - before;
    for (int64_t i = 0; i < count; ++i)
      CHECK(equal(to_double(parameters[size_t(i)]), full({i + 1}, 1 - double(i) / 128, kDouble)));
    return launches;
  };
  CHECK(launches_of_step(40, 4) == 2);    // 30 rates of Float, 10 of Double
  CHECK(launches_of_step(70, 100) == 3);  // 32 rates per launch
}

TEST_CASE("cuda optim: clipping by the global norm") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
    CAPTURE(type);
    const Parameters on_cpu = make_parameters(type, kCPU), on_gpu = make_parameters(type, kCUDA);
    set_gradients(on_cpu, 0);
    set_gradients(on_gpu, 0);
    double squares = 0;
    for (const Tensor& p : on_cpu) squares += to_double(p.grad()).square().sum().item<double>();
    CHECK(optim::get_total_norm({on_gpu[0].grad()}) ==
          doctest::Approx(std::abs(to_double(on_gpu[0].grad()).item<double>())));
    const double norm = optim::clip_grad_norm_(on_gpu, 1.0);
    CHECK(norm == doctest::Approx(std::sqrt(squares)).epsilon(1e-12));
    optim::clip_grad_norm_(on_cpu, 1.0);
    for (size_t i = 0; i < on_cpu.size(); ++i)
      CHECK(allclose(to_double(on_gpu[i].grad()), to_double(on_cpu[i].grad()),
                     2 * unit_roundoff(type), 1e-7));
    CHECK(on_gpu[5].grad()._version() > 0);
  }
  const Parameters parameters = make_parameters(kFloat, kCUDA);
  set_gradients(parameters, 0);
  const int64_t start = cuda::launch_count();
  optim::clip_grad_norm_(parameters, 1.0);
  CHECK(cuda::launch_count() - start == 3);  // squares, their total, the scaling
}
