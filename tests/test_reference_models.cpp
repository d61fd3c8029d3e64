// The four reference models: PyTorch's names, both forms, memory of a step.
#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/loss.h"
#include "nn/models/reference_models.h"
#include "optim/adam.h"
#include "tensor/factories.h"
#include "tensor/host_memory.h"
#include "tensor/state_dict.h"
#include "tests/device_under_test.h"

using namespace fg;
using nn::models::ReferenceModel;
using nn::models::ReferenceModelKind;
using nn::models::ReferenceSize;

namespace {

/// Loss and gradients of one step on a fixed input and target.
std::vector<Tensor> step(ReferenceModel& model, const Tensor& x, bool fused) {
  model.use_fused(fused);
  model.zero_grad(/*set_to_none=*/true);
  const Tensor y = model.forward(x);
  manual_seed(2);
  // Not a constant: the gradients behind a norm would be nothing but rounding.
  const Tensor loss = mse_loss(y, randn(y.sizes()).to(kBFloat16).to(y.options()));
  loss.backward();
  std::vector<Tensor> result{loss.detach(), y.detach()};
  for (const Tensor& parameter : model.parameters()) result.push_back(parameter.grad().clone());
  return result;
}

}  // namespace

TEST_CASE("reference models have PyTorch's state-dict keys, in its order") {
  const std::vector<std::vector<std::string>> expected{
      {"bias", "conv.weight", "conv.bias"},
      {"multiplier", "conv_transpose.weight", "conv_transpose.bias"},
      {"bias", "gemm.weight", "gemm.bias", "groupnorm.weight", "groupnorm.bias"},
      {"linear.weight", "linear.bias"}};
  REQUIRE(nn::models::reference_models().size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const ReferenceModelKind& kind = nn::models::reference_models()[i];
    const auto model = kind.make(kind.small);
    const StateDict state = model->state_dict();
    CHECK(state.keys() == expected[i]);
    CHECK(state[kind.weight].size(kind.out_dim) == kind.small.out_channels);
    CHECK(state[kind.weight].size(kind.in_dim) == kind.small.input[1]);
  }
  CHECK_THROWS_WITH_AS(nn::models::reference_model("resnet"),
                       "reference_model: name must be one of conv3d_chain, conv_transpose3d_pool, "
                       "linear_group_norm, linear_logsumexp, got resnet",
                       Error);
}

double distance(const Tensor& a, const Tensor& b) {
  return (a.to(kDouble) - b.to(kDouble)).norm().item<double>();
}

struct Types {
  ScalarType x, parameters;
};

TEST_CASE("fused and composed reference models agree in every dtype, and under autocast") {
  for (const ReferenceModelKind& kind : nn::models::reference_models()) {
    for (const auto& [type, parameter_type] :
         {Types{kFloat, kFloat}, Types{kDouble, kDouble}, Types{kHalf, kHalf},
          Types{kBFloat16, kBFloat16}, Types{kHalf, kFloat}, Types{kBFloat16, kFloat}}) {
      CAPTURE(kind.name);
      CAPTURE(str(type));
      CAPTURE(str(parameter_type));
      manual_seed(1);
      const auto model = kind.make(kind.small);
      const Tensor x = randn(kind.small.input).to(type).to(test::device_under_test());
      model->to(test::device_under_test(), parameter_type);
      const std::vector<Tensor> fused = step(*model, x, true), composed = step(*model, x, false);
      model->to(kDouble);
      const std::vector<Tensor> exact = step(*model, x.to(kDouble), false);
      REQUIRE(fused.size() == composed.size());
      for (size_t i = 0; i < fused.size(); ++i) {
        CAPTURE(i);
        REQUIRE(fused[i].sizes() == composed[i].sizes());
        CHECK(fused[i].dtype() == composed[i].dtype());
        // Rounding in 16 bits takes values across the bounds of hardtanh, where a whole gradient comes or
        // goes: the error that the composed form makes is the measure.
        const double epsilon = type == kDouble ? 1e-14 : type == kFloat ? 1e-6 : 2e-3;
        const double scale = exact[i].norm().item<double>();
        CHECK(distance(fused[i], exact[i]) <=
              1.5 * distance(composed[i], exact[i]) + epsilon * scale);
        CHECK(distance(composed[i], exact[i]) <= 100 * epsilon * scale);
      }
    }
  }
}

TEST_CASE("host memory: live bytes and their peak") {
  const int64_t before = host_memory_allocated();
  reset_peak_host_memory();
  {
    const Tensor a = empty({1000, 1000});
    CHECK(host_memory_allocated() == before + 4000000);
    { const Tensor b = empty({500, 1000}); }
    CHECK(host_memory_allocated() == before + 4000000);
    CHECK(max_host_memory_allocated() == before + 6000000);
    reset_peak_host_memory();
    CHECK(max_host_memory_allocated() == before + 4000000);
  }
  CHECK(host_memory_allocated() == before);
}

TEST_CASE(
    "a training step of a fused convolution model takes at most 0.7 of the composed one's memory") {
  // The full models with fewer and smaller images.
  ReferenceSize chain = nn::models::Conv3dChainImpl::full();
  ReferenceSize pool = nn::models::ConvTranspose3dPoolImpl::full();
  chain.input = {16, 8, 6, 14, 14};
  pool.input = {16, 16, 4, 6, 6};
  for (const auto& [name, size] :
       {std::pair{"conv3d_chain", chain}, std::pair{"conv_transpose3d_pool", pool}}) {
    const auto model = nn::models::reference_model(name).make(size);
    const Tensor x = randn(size.input);
    const auto peak = [&](bool fused) {
      model->use_fused(fused);
      const Tensor target = zeros_like(model->forward(x).detach());
      optim::AdamW optimizer(model->parameters());
      reset_peak_host_memory();
      for (int i = 0; i < 2; ++i) {
        optimizer.zero_grad();
        mse_loss(model->forward(x), target).backward();
        optimizer.step();
      }
      return double(max_host_memory_allocated());
    };
    const double fused = peak(true), composed = peak(false);
    MESSAGE(std::string(name) << ": fused " << fused << ", composed " << composed << ", ratio "
                              << fused / composed);
    CHECK(fused <= 0.7 * composed);
  }
}
