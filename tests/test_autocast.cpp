// autocast: guards, casts and their gradients, kept casts of parameters, backward, checkpoints, fused ops. The dtypes of
// each op's results are in test_fixtures_autocast.cpp.
#include <thread>

#include <doctest/doctest.h>

#include "autograd/autocast.h"
#include "autograd/checkpoint.h"
#include "autograd/composed.h"
#include "autograd/fused/bias_dropout_residual.h"
#include "autograd/fused/pointwise.h"
#include "autograd/fused/stages.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax.h"
#include "nn/models/reference_models.h"
#include "nn/modules.h"
#include "optim/optim.h"
#include "tensor/factories.h"
#include "tests/device_under_test.h"
#include "tests/error_text.h"
#include "tests/fixture.h"

using namespace fg;
using fg::test::device_under_test;
using fg::test::error_of;

namespace {

DeviceType device_type() { return device_under_test().type(); }
Tensor random(IntArrayRef sizes) { return randn(sizes).to(device_under_test()); }
Tensor parameter(IntArrayRef sizes) { return random(sizes).requires_grad_(); }
bool has_dtype(const Tensor& t, ScalarType type) { return t.dtype() == type; }

}  // namespace

TEST_CASE("autocast: guards nest, and end") {
  CHECK_FALSE(autocast::is_enabled(kCPU));
  CHECK(autocast::get_dtype(kCPU) == kBFloat16);
  CHECK(autocast::get_dtype(kCUDA) == kHalf);
  {
    const autocast outer(kCPU, kHalf, true, false);
    CHECK(autocast::is_enabled(kCPU));
    CHECK_FALSE(autocast::is_enabled(kCUDA));
    CHECK(autocast::get_dtype(kCPU) == kHalf);
    CHECK_FALSE(autocast::is_autocast_cache_enabled());
    {
      const autocast off(kCPU, nullopt, false);
      CHECK_FALSE(autocast::is_enabled(kCPU));
      CHECK_FALSE(autocast::is_autocast_cache_enabled());
      const autocast cuda(kCUDA);
      CHECK(autocast::is_enabled(kCUDA));
      CHECK(autocast::get_dtype(kCUDA) == kHalf);
    }
    CHECK(autocast::is_enabled(kCPU));
    CHECK_FALSE(autocast::is_enabled(kCUDA));
    bool elsewhere = true;
    std::thread([&] { elsewhere = autocast::is_enabled(kCPU); }).join();
    CHECK_FALSE(elsewhere);
  }
  CHECK_FALSE(autocast::is_enabled(kCPU));
  CHECK(autocast::get_dtype(kCPU) == kBFloat16);
  CHECK(autocast::is_autocast_cache_enabled());
  CHECK(error_of([] { autocast(kCPU, kFloat); }) ==
        "autocast: dtype must be BFloat16 or Half, got Float");
}

TEST_CASE("autocast: libtorch's names set the state without a guard") {
  const autocast::StateGuard restore(autocast::state());
  autocast::set_autocast_enabled(device_type(), true);
  autocast::set_autocast_dtype(device_type(), kHalf);
  CHECK(has_dtype(mm(random({2, 3}), random({3, 2})), kHalf));
  autocast::set_autocast_gpu_dtype(kBFloat16);
  autocast::set_autocast_cpu_dtype(kBFloat16);
  CHECK(autocast::get_autocast_dtype(device_type()) == kBFloat16);
  CHECK(has_dtype(mm(random({2, 3}), random({3, 2})), kBFloat16));
  autocast::set_autocast_enabled(device_type(), false);
  CHECK(has_dtype(mm(random({2, 3}), random({3, 2})), kFloat));
}

TEST_CASE("autocast: values and gradients are those of casts by hand") {
  const Tensor x = random({5, 7}), w = parameter({4, 7}), b = parameter({4});
  const Tensor target = random({5, 4});
  const auto gradients = [&](const auto& loss_of) {
    for (const Tensor& p : {w, b}) p.mutable_grad().reset();
    const Tensor loss = loss_of();
    loss.backward();
    CHECK(has_dtype(w.grad(), kFloat));
    CHECK(has_dtype(b.grad(), kFloat));
    return std::vector<Tensor>{loss.detach(), w.grad(), b.grad()};
  };
  const auto by_hand = gradients([&] {
    const Tensor y = linear(x.to(kBFloat16), w.to(kBFloat16), b.to(kBFloat16));
    return mse_loss(gelu(y).to(kFloat), target);
  });
  const auto cast = gradients([&] {
    const autocast guard(device_type(), kBFloat16);
    const Tensor y = linear(x, w, b);
    CHECK(has_dtype(y, kBFloat16));
    const Tensor loss = mse_loss(gelu(y), target);
    CHECK(has_dtype(loss, kFloat));
    return loss;
  });
  for (size_t i = 0; i < by_hand.size(); ++i) CHECK(equal(cast[i], by_hand[i]));
}

TEST_CASE("autocast: only what is floating, not Double, and on the guard's device is cast") {
  const autocast guard(device_type(), kBFloat16);
  const Tensor x = random({3, 3}).to(kDouble), i = ones({3, 3}, device_under_test()).to(kLong);
  CHECK(has_dtype(mm(x, x), kDouble));
  CHECK(has_dtype(sum(i), kLong));
  const Tensor y = random({3, 3});
  CHECK(has_dtype(random({3, 3}).add_(y), kFloat));
  CHECK(has_dtype(y.clone().addmm_(y, y), kFloat));
  const autocast other(device_type() == kCPU ? kCUDA : kCPU, kHalf);
  CHECK(has_dtype(mm(y, y), kBFloat16));
  const autocast off(device_type(), nullopt, false);
  CHECK(has_dtype(mm(y, y), kFloat));
}

TEST_CASE("autocast: casts of parameters are kept from step to step") {
  const Tensor w = parameter({4, 7}), x = random({5, 7});
  const auto cast_of_weight = [&](bool cache_enabled) {
    const autocast guard(device_type(), kBFloat16, true, cache_enabled);
    return linear(x, w).grad_fn()->next_edges().at(1).node->name();
  };
  CHECK(cast_of_weight(true) == "AutocastBackward");
  CHECK(cast_of_weight(false) == "ToCopyBackward");
  const void* const kept = autocast::cached_cast(kBFloat16, w).data_ptr();
  cast_of_weight(true);
  CHECK(autocast::cached_cast(kBFloat16, w).data_ptr() == kept);
  {
    // An op that returns its argument gives away the kept copy: what is written into it must not stay.
    const NoGradGuard no_grad;
    const autocast guard(device_type(), kBFloat16);
    autocast::cached_cast(kBFloat16, w).add_(1);
  }
  CHECK(equal(autocast::cached_cast(kBFloat16, w), w.detach().to(kBFloat16)));
}

TEST_CASE("autocast: a backward pass runs with autocast off") {
  const Tensor w = parameter({7, 7}), x = random({5, 7});
  bool enabled_in_hook = true;
  const auto gradient = [&](bool inside) {
    w.mutable_grad().reset();
    optional<autocast> guard(std::in_place, device_type(), kBFloat16);
    const Tensor y = matmul(matmul(x, w), w);
    y.register_hook([&](const Tensor&) { enabled_in_hook = autocast::is_enabled(device_type()); });
    const Tensor loss = y.square().sum();
    if (!inside) guard.reset();
    loss.backward();
    return w.grad();
  };
  const Tensor outside = gradient(false);
  CHECK(equal(gradient(true), outside));
  CHECK_FALSE(enabled_in_hook);
  CHECK(has_dtype(outside, kFloat));
}

TEST_CASE("autocast: a checkpoint runs again as it ran first") {
  const Tensor w = parameter({7, 7}), x = parameter({5, 7});
  const auto run = [&](bool checkpointed) {
    w.mutable_grad().reset();
    x.mutable_grad().reset();
    const auto function = [&](const autograd::variable_list& in) {
      return autograd::variable_list{tanh(matmul(matmul(in[0], w), w))};
    };
    Tensor y;
    {
      const autocast guard(device_type(), kBFloat16);
      y = checkpointed ? autograd::checkpoint(function, {x})[0] : function({x})[0];
    }
    CHECK(has_dtype(y, kBFloat16));
    y.to(kFloat).square().sum().backward();
    return std::vector<Tensor>{w.grad(), x.grad()};
  };
  const auto plain = run(false), again = run(true);
  for (size_t i = 0; i < plain.size(); ++i) CHECK(equal(again[i], plain[i]));
}

TEST_CASE("autocast: what it refuses") {
  const Tensor p = random({4}).sigmoid(), t = random({4}).gt(0).to(kFloat);
  const autocast guard(device_type(), kBFloat16);
  if (device_type() == kCUDA)
    CHECK(
        error_of([&] { binary_cross_entropy(p, t); }) ==
        "binary_cross_entropy: input is unsafe to autocast, as the gradient overflows 16 bits; use "
        "binary_cross_entropy_with_logits on what goes into the sigmoid");
  else
    CHECK(has_dtype(binary_cross_entropy(p.to(kBFloat16), t), kFloat));
  const auto promoting = [&] {
    return device_type() == kCUDA ? atan2(p, t.to(kHalf)) : stack({p, t.to(kHalf)});
  };
  CHECK(error_of(promoting) ==
        std::string(device_type() == kCUDA ? "atan2" : "stack") +
            ": arguments under autocast must be Float or BFloat16, got Half");
}

namespace {

/// Whether the fused ops' results are, in dtype and to rounding, those of the plain ops.
void check_fused(const char* name, const std::function<Tensor()>& fused,
                 const std::function<Tensor()>& plain) {
  CAPTURE(name);
  const autocast guard(device_type(), kBFloat16);
  const Tensor actual = fused(), expected = plain();
  CHECK(actual.dtype() == expected.dtype());
  CHECK((actual.to(kFloat) - expected.to(kFloat)).abs().max().item<double>() < 0.1);
  const ComposedGuard composed;
  CHECK(fused().dtype() == expected.dtype());
}

}  // namespace

TEST_CASE("autocast: fused ops give what their plain ops would") {
  const Tensor x = random({6, 8}), w = parameter({4, 8}), b = parameter({4}), c = parameter({4});
  const Tensor g = parameter({4}), h = parameter({4}), image = random({2, 3, 6, 6});
  const Tensor k = parameter({4, 3, 3, 3}), low = random({6, 4}).to(kBFloat16);
  const Tensor wide = random({6, 4});
  check_fused(
      "linear_gelu", [&] { return linear_gelu(x, w, b); }, [&] { return gelu(linear(x, w, b)); });
  check_fused(
      "linear_swish_scale", [&] { return linear_swish_scale(x, w, b, c); },
      [&] { return silu(linear(x, w, b)) * c; });
  check_fused(
      "linear_logsumexp_leaky_relu2_gelu2",
      [&] { return linear_logsumexp_leaky_relu2_gelu2(x, w, b); },
      [&] {
        const Tensor y = logsumexp(linear(x, w, b), 1, true);
        return gelu(gelu(leaky_relu(leaky_relu(y))));
      });
  check_fused(
      "linear_bias_hardtanh_mish_group_norm",
      [&] { return linear_bias_hardtanh_mish_group_norm(x, w, b, c, 2, g, h); },
      [&] { return group_norm(mish(hardtanh(linear(x, w, b) + c)), 2, g, h); });
  check_fused(
      "conv2d_relu_max_pool2d", [&] { return conv2d_relu_max_pool2d(image, k, b, 2); },
      [&] { return max_pool2d(relu(conv2d(image, k, b)), 2); });
  for (const Tensor& residual : {low, wide}) {
    check_fused(
        "residual_layer_norm", [&] { return residual_layer_norm(low, residual, g, h); },
        [&] { return layer_norm(low + residual, {4}, g, h); });
    check_fused(
        "bias_dropout_residual", [&] { return bias_dropout_residual(low, b, residual, 0.0); },
        [&] { return low + b + residual; });
  }
  const PointwiseChain<functors::Relu, functors::AddChannel> relu_bias("");
  check_fused(
      "relu_bias", [&] { return relu_bias(low, {b}); }, [&] { return relu(low) + b; });
  const PointwiseChain<functors::Softplus> chained_softplus("");
  check_fused(
      "softplus", [&] { return chained_softplus(low); }, [&] { return softplus(low); });
}

TEST_CASE("autocast: the reference models give in one node what their plain ops would") {
  for (const auto& kind : nn::models::reference_models()) {
    CAPTURE(kind.name);
    manual_seed(0);
    const auto model = kind.make(kind.small);
    model->to(device_under_test());
    const Tensor x = random(kind.small.input);
    const autocast guard(device_type(), kBFloat16);
    const Tensor fused = model->forward(x);
    const ComposedGuard composed;
    CHECK(model->forward(x).dtype() == fused.dtype());
  }
}

namespace {

struct NetImpl : nn::Module {
  NetImpl() {
    conv = register_module("conv", nn::Conv2d(nn::Conv2dOptions(2, 4, 3).padding(1)));
    norm = register_module("norm", nn::LayerNorm(nn::LayerNormOptions({100})));
    hidden = register_module("hidden", nn::Linear(100, 100));
    out = register_module("out", nn::Linear(100, 6));
  }
  Tensor forward(const Tensor& x) {
    const Tensor y = conv(x).relu().flatten(1);
    return out(y + tanh(hidden(norm(y))));
  }
  nn::Conv2d conv{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear hidden{nullptr}, out{nullptr};
};

}  // namespace

TEST_CASE("autocast: losses of a training in bfloat16 follow PyTorch's") {
  const fg::test::FixtureFile file("autocast");
  const fg::test::FixtureCase& fixture = file["training"];
  const Tensor x = fixture["x"], target = fixture["target"], losses = fixture["losses"].cpu();
  NetImpl net;
  net.to(device_under_test());
  net.load_state_dict(fixture.starting_with("param."));
  optim::SGD optimizer(net.parameters(), optim::SGDOptions(0.05).momentum(0.9));
  for (int64_t step = 0; step < losses.numel(); ++step) {
    optimizer.zero_grad();
    Tensor loss;
    {
      const autocast guard(device_type(), kBFloat16);
      loss = cross_entropy(net.forward(x), target);
    }
    CHECK(has_dtype(loss, kFloat));
    loss.backward();
    optimizer.step();
    const double expected = losses[step].item<double>();
    CAPTURE(step);
    CHECK(loss.item<double>() == doctest::Approx(expected).epsilon(0.01));
  }
  CHECK(losses[-1].item<double>() < 0.5 * losses[0].item<double>());
}
