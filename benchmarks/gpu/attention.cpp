// Attention. In 16-bit types: the public op, with or without its backward pass, against cuDNN called directly, which
// is the fastest of all engines that it offers for the same problem, as deterministic, with its memory laid out once.
// The op runs with setBenchmarkCuDNN(true); `heuristic_ms` is it without, `varying_ms` with
// setDeterministicCuDNN(false). In Float: the own kernels, which keep no scores, against
// the composed form, whose products run on cuBLASLt.
#include "autograd/ops/attention.h"

#include <cmath>

#include "autograd/composed.h"
#include "autograd/engine.h"
#include "benchmarks/gpu/cudnn_direct.h"
#include "cuda/allocator.h"
#include "cuda/cudnn/attention_run.h"
#include "cuda/precision.h"

namespace fg::bench::gpu {
namespace {

struct Case {
  int64_t batch, heads, length, width;
  bool causal;
  double dropout_p = 0;
  /// Query, key and value are slices of one projection, as in a transformer.
  bool packed = false;
};
constexpr Case kCases[] = {
    {16, 12, 512, 64, true},      {16, 12, 512, 64, true, 0, true}, {4, 16, 2048, 64, true},
    {4, 16, 2048, 64, true, 0.1}, {4, 16, 2048, 128, false},        {4, 16, 2048, 128, true},
    {1, 16, 8192, 64, true},
};

struct Inputs {
  Tensor query, key, value, grad;

  Inputs(const Case& c, ScalarType type) {
    const TensorOptions gpu = TensorOptions(type).device(kCUDA);
    const auto heads = [&](const Tensor& t) { return t.transpose(1, 2).requires_grad_(true); };
    const DimVector sizes{c.batch, c.length, c.heads, c.width};
    if (!c.packed) {
      for (Tensor* t : {&query, &key, &value})
        *t = randn({c.batch, c.heads, c.length, c.width}, gpu).requires_grad_(true);
      grad = randn(query.sizes(), gpu);
      return;
    }
    const Tensor all = randn({c.batch, c.length, 3, c.heads, c.width}, gpu);
    query = heads(all.select(2, 0)), key = heads(all.select(2, 1)), value = heads(all.select(2, 2));
    grad = randn(sizes, gpu).transpose(1, 2);
  }
};

std::function<void()> our_call(const Case& c, const Inputs& in, bool with_backward) {
  return [=] {
    const AutoGradMode guard(with_backward);
    const Tensor y =
        scaled_dot_product_attention(in.query, in.key, in.value, {}, c.dropout_p, c.causal);
    if (with_backward) autograd::grad({y}, {in.query, in.key, in.value}, {in.grad});
  };
}

/// What cuDNN reads and writes.
struct Memory {
  cuda::AttentionOperands in;
  Tensor out, logsumexp, grad_out, delta;
  cuda::AttentionGrads grads;

  Memory(const Case& c, const Inputs& inputs)
      : in{inputs.query.detach(), inputs.key.detach(), inputs.value.detach(), {}},
        out(empty_like(inputs.grad)),
        logsumexp(empty({c.batch, c.heads, c.length}, out.options().dtype(kFloat))),
        grad_out(inputs.grad),
        delta(empty_like(logsumexp)),
        grads{empty_like(out), empty_like(out), empty_like(out)} {}
};

/// cuDNN's plans for the forward pass or both passes.
std::function<void()> direct_call(const Case& c, const Inputs& in, bool with_backward) {
  using namespace cuda;
  using namespace cuda::cudnn;
  const Memory m(c, in);
  const AttentionOptions options{1 / std::sqrt(double(c.width)), c.causal, c.dropout_p, {1, 2}};
  const AttentionProblem forward = *make_attention_problem(m.in, m.out, options);
  const auto fastest = [&](const AttentionProblem& problem) {
    const auto run = std::make_shared<AttentionRun>(problem, m.out, m.logsumexp, m.in, options);
    if (problem.pass == AttentionPass::Backward)
      run->bind_backward(m.grads, m.grad_out, m.delta, {});
    const Target target = Session().target();  // the session's lock ends here
    return fastest_direct(attention_graph(problem, target), problem,
                          [run, m](cudnnHandle_t handle, const Plan& plan, void* workspace) {
                            (*run)(handle, plan, workspace);
                          });
  };
  const auto first = fastest(forward);
  if (!with_backward) return first;
  AttentionProblem backward = *make_attention_problem(forward, m.grad_out, m.grads);
  backward.deterministic = true;
  return [first, second = fastest(backward)] {
    first();
    second();
  };
}

void attention(benchmark::State& state, const Case& c, ScalarType type, bool with_backward) {
  const Inputs in(c, type);
  const double products = with_backward ? 14 : 4;
  const double flops = products * double(c.batch * c.heads) *
                       double(c.length * c.length * c.width) * (c.causal ? 0.5 : 1);
  const auto ours = our_call(c, in, with_backward);
  const std::function<void()> composed = [=] {
    const ComposedGuard guard;
    ours();
  };
  if (type == kFloat) return report_ratio(state, ours, composed, flops);
  Context& context = globalContext();
  const double heuristic_ms = median_ms(ours, 5);
  context.setBenchmarkCuDNN(true);
  report_ratio(state, ours, direct_call(c, in, with_backward), flops);
  state.counters["heuristic_ms"] = heuristic_ms;
  if (with_backward) {
    context.setDeterministicCuDNN(false);
    state.counters["varying_ms"] = median_ms(ours, 5);
    context.setDeterministicCuDNN(true);
  }
  context.setBenchmarkCuDNN(false);
  cuda::empty_cache();
}

[[maybe_unused]] const bool registered = [] {
  for (const ScalarType type : {kFloat, kBFloat16}) {
    for (const bool with_backward : {false, true}) {
      for (const Case& c : kCases) {
        const std::string name =
            str("attention", with_backward ? ", with backward/" : "/", c.batch, "x", c.heads, "x",
                c.length, "x", c.width, c.causal ? " causal" : "", c.packed ? " packed" : "",
                c.dropout_p > 0 ? " dropout/" : "/", type);
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
