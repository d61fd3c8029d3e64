// Attention by the kernels that keep no scores against the composed form, whose products run on cuBLASLt. Where
// the ratio is below 1 in a 16-bit type or TF32, the op rightly takes the composed form while it fits
// (autograd/ops/attention.cpp, kMaxScoreBytes).
#include "autograd/ops/attention.h"

#include <cmath>

#include "autograd/composed.h"
#include "autograd/engine.h"
#include "benchmarks/gpu/timing.h"
#include "tensor/factories.h"
#include "tensor/kernels/attention.h"

namespace fg::bench::gpu {
namespace {

struct Case {
  int64_t batch, heads, length, width;
  bool causal;
};
constexpr Case kCases[] = {{16, 12, 512, 64, true},
                           {4, 16, 2048, 64, true},
                           {4, 16, 2048, 128, false},
                           {1, 16, 8192, 64, true}};

struct Inputs {
  Tensor query, key, value, grad, out, logsumexp, grad_query, grad_key, grad_value;

  Inputs(const Case& c, ScalarType type) {
    const TensorOptions gpu = TensorOptions(type).device(kCUDA);
    const DimVector sizes{c.batch, c.heads, c.length, c.width};
    for (Tensor* t : {&query, &key, &value, &grad}) *t = randn(sizes, gpu);
    for (Tensor* t : {&out, &grad_query, &grad_key, &grad_value}) *t = empty(sizes, gpu);
    logsumexp = empty({c.batch, c.heads, c.length}, gpu.dtype(kFloat));
  }
};

void attention(benchmark::State& state, const Case& c, ScalarType type, bool with_backward) {
  const Inputs in(c, type);
  const double scale = 1 / std::sqrt(double(c.width));
  const auto kernels = [&] {
    cuda::attention_forward(in.out, in.logsumexp, in.query, in.key, in.value, {}, scale, c.causal);
    if (!with_backward) return;
    cuda::attention_backward(in.grad_query, in.grad_key, in.grad_value, in.grad, in.query, in.key,
                             in.value, {}, in.out, in.logsumexp, scale, c.causal);
  };
  std::vector<Tensor> leaves;
  for (const Tensor& t : {in.query, in.key, in.value})
    leaves.push_back(t.detach().requires_grad_(with_backward));
  const auto composed = [&] {
    const ComposedGuard guard;
    const Tensor y = scaled_dot_product_attention(leaves[0], leaves[1], leaves[2], {}, 0, c.causal);
    if (with_backward) autograd::grad({y}, leaves, {in.grad});
  };
  const double products = with_backward ? 14 : 4;
  report_ratio(state, kernels, composed,
               products * double(c.batch * c.heads) * double(c.length * c.length * c.width) *
                   (c.causal ? 0.5 : 1));
}

[[maybe_unused]] const bool registered = [] {
  for (const ScalarType type : {kFloat, kBFloat16}) {
    for (const bool with_backward : {false, true}) {
      for (const Case& c : kCases) {
        const std::string name =
            str("attention", with_backward ? ", with backward/" : "/", c.batch, "x", c.heads, "x",
                c.length, "x", c.width, c.causal ? " causal/" : "/", type);
        benchmark::RegisterBenchmark(
            name.c_str(), [=](benchmark::State& s) { attention(s, c, type, with_backward); })
            ->UseManualTime()
            ->Iterations(1);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace fg::bench::gpu
