// The ways in which fused kernels of the reference models have been got wrong before: a test for each.
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

#include <doctest/doctest.h>

#include "autograd/composed.h"
#include "autograd/engine.h"
#include "autograd/fused/builtin.h"
#include "autograd/fused/stages.h"
#include "autograd/gradcheck.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/pool.h"
#include "cuda/precision.h"
#include "tensor/cpu/chain.h"
#include "tensor/factories.h"
#include "tensor/kernels/stage.h"
#include "tensor/shape.h"
#include "tests/device_under_test.h"
#include "tests/op_check.h"

using namespace fg;
using autograd::grad;
using autograd::variable_list;
using test::on_device_under_test;

namespace {

/// Tensors of the device under test.
Tensor input(IntArrayRef sizes) { return on_device_under_test(test::input(sizes)); }
TensorOptions here(ScalarType type = kFloat) {
  return TensorOptions(type).device(test::device_under_test());
}

double difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }
bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.detach().cpu(), y = b.detach().cpu();
  return x.numel() == y.numel() && std::memcmp(x.data_ptr(), y.data_ptr(), size_t(x.nbytes())) == 0;
}
bool all_finite(const Tensor& t) { return t.isfinite().all().item<bool>(); }

Tensor composed(const std::function<Tensor()>& op) {
  const ComposedGuard guard;
  return op();
}

/// x, weight, conv_bias, bias of the first stage in Float or Double.
variable_list conv_inputs(ScalarType type = kDouble) {
  manual_seed(3);
  variable_list in;
  for (const DimVector& sizes :
       {DimVector{9, 3, 4, 7, 9}, DimVector{5, 3, 3, 3, 3}, DimVector{5}, DimVector{5, 1, 1, 1}})
    in.push_back(randn(sizes, kDouble).to(type).requires_grad_(true));
  return on_device_under_test(in);
}
Tensor conv_stage(const variable_list& in) {
  return conv3d_relu_leaky_relu_gelu_sigmoid_bias(in[0], in[1], in[2], in[3]);
}
Tensor norm_stage(const Tensor& z, const Tensor& bias, double eps = 1e-5, double low = -1,
                  double high = 1) {
  // A product with the identity: z itself is the pre-activation.
  const Tensor identity = eye(z.size(1), z.options());
  return linear_bias_hardtanh_mish_group_norm(z, identity, {}, bias, 1, {}, {}, eps, low, high);
}

}  // namespace

TEST_CASE("trap 1: an index that was divided down to the channel is not used as the address") {
  const variable_list in = conv_inputs();
  const Tensor y = conv_stage(in), expected = composed([&] { return conv_stage(in); });
  CHECK(difference(y, expected) <= 1e-13);
  const Tensor seed = randn(y.sizes(), here(kDouble));
  const variable_list got = grad({y}, in, {seed}), wanted = grad({expected}, in, {seed});
  for (size_t i = 0; i < in.size(); ++i) CHECK(difference(got[i], wanted[i]) <= 1e-11);
}

TEST_CASE("trap 2: element counts and offsets beyond 2^31") {
  stage::Conv producer;
  producer.geometry.batch = 160, producer.geometry.out_channels = 32;
  producer.geometry.output = {30, 62, 62};
  static_assert(std::is_same_v<decltype(numel_of(producer.geometry.output)), int64_t>);
  const Tensor x = empty({1}).expand({640, 8, 32, 64, 64});
  CHECK(numel_of(producer.result_sizes({x})) == int64_t(640) * 32 * 30 * 62 * 62);
  CHECK(numel_of(producer.result_sizes({x})) > (int64_t(1) << 31));
  // The blocks of a chain over three rows of 2^30 elements, without their memory.
  const int64_t row_size = (int64_t(1) << 30) + 7;
  std::atomic<int64_t> total{0}, farthest{0};
  cpu::chain_detail::for_each_block(3, row_size, [&](int64_t row, int64_t at, int64_t count) {
    total += count;
    int64_t end = row * row_size + at + count, seen = farthest;
    while (end > seen && !farthest.compare_exchange_weak(seen, end)) {
    }
  });
  CHECK(total == 3 * row_size);
  CHECK(farthest == 3 * row_size);
}

TEST_CASE("trap 3: GELU is the one by erf") {
  const Tensor x = full({1, 1}, 1.0, here(kDouble)), weight = ones({1, 1}, here(kDouble));
  CHECK(linear_gelu(x, weight).item<double>() == doctest::Approx(0.841344746068543).epsilon(1e-14));
  CHECK(gelu(x).item<double>() == doctest::Approx(0.841344746068543).epsilon(1e-14));
  CHECK(gelu(x, "tanh").item<double>() == doctest::Approx(0.841191990608276).epsilon(1e-12));
  CHECK(bias_gelu(x, zeros({1}, here(kDouble))).item<double>() == gelu(x).item<double>());
}

TEST_CASE("trap 4: hardtanh's bounds are -1 and 1 unless others are given") {
  const Tensor z = linspace(-25, 25, 12, here(kDouble)).view({2, 6}),
               bias = zeros({6}, here(kDouble));
  const auto expected = [&](double low, double high) {
    return group_norm(mish(z.clamp(low, high)), 1);
  };
  CHECK(difference(norm_stage(z, bias), expected(-1, 1)) <= 1e-12);
  CHECK(difference(norm_stage(z, bias, 1e-5, 0, 20), expected(0, 20)) <= 1e-12);
  CHECK(difference(expected(0, 20), expected(-1, 1)) > 0.1);
  CHECK(difference(bias_hardtanh_mish(z, bias), mish(z.clamp(-1, 1))) <= 1e-15);
}

TEST_CASE("trap 5: mish is finite up to the largest value of every dtype") {
  const auto check = [](ScalarType type, double largest) {
    CAPTURE(str(type));
    const Tensor x = tensor({largest, -largest, 100.0, -100.0, 0.0}, here(kDouble)).to(type);
    const Tensor leaf = x.clone().requires_grad_(true);
    const Tensor y = mish(leaf);
    CHECK(y[0].item<double>() == x[0].item<double>());
    CHECK(std::abs(y[1].item<double>()) == 0);
    CHECK(all_finite(y));
    y.sum().backward();
    CHECK(leaf.grad()[0].item<double>() == 1);
    CHECK(std::abs(leaf.grad()[1].item<double>()) == 0);
    CHECK(all_finite(leaf.grad()));
  };
  check(kDouble, std::numeric_limits<double>::max());
  check(kFloat, double(std::numeric_limits<float>::max()));
  check(kHalf, 65504);
  check(kBFloat16, 0x1.fep127);
}

TEST_CASE("trap 6: the convolution and the product in front of a fused tail learn") {
  const variable_list in = conv_inputs();
  conv_stage(in).square().sum().backward();
  for (const Tensor& t : in) {
    REQUIRE(t.grad().defined());
    CHECK(t.grad().abs().max().item<double>() > 1e-6);
  }
  const Tensor x = input({4, 3}), weight = input({5, 3}), bias = input({5});
  linear_logsumexp_leaky_relu2_gelu2(x, weight, bias).sum().backward();
  for (const Tensor& t : {x, weight, bias}) {
    REQUIRE(t.grad().defined());
    CHECK(t.grad().abs().max().item<double>() > 1e-6);
  }
}

TEST_CASE("trap 7: sums per channel have the same bits in every run, with any number of threads") {
  const variable_list in = conv_inputs(kFloat);
  const int threads = get_num_threads();
  variable_list first;
  for (const int count : {1, 2, 3, 2}) {
    set_num_threads(count);
    const Tensor y = conv_stage(in);
    const variable_list gradients = grad({y}, in, {y.detach()});
    if (first.empty()) first = gradients;
    for (size_t i = 0; i < in.size(); ++i) CHECK(same_bits(gradients[i], first[i]));
  }
  set_num_threads(threads);
}

TEST_CASE("trap 8: bad shapes throw, with the op's name and the shapes") {
  variable_list in = conv_inputs();
  in[3] = input({4});
  CHECK_THROWS_WITH_AS(conv_stage(in),
                       "conv3d_relu_leaky_relu_gelu_sigmoid_bias: operand 0 must have shape [5] "
                       "(channels), got [4]",
                       Error);
  in[0] = input({2, 7, 4, 7, 9});
  CHECK_THROWS_WITH_AS(conv_stage(in),
                       "conv3d_relu_leaky_relu_gelu_sigmoid_bias: input must have 3 channels "
                       "(weight [5, 3, 3, 3, 3], groups 1), got shape [2, 7, 4, 7, 9]",
                       Error);
  CHECK_THROWS_WITH_AS(linear_logsumexp_leaky_relu2_gelu2(input({2, 3}), input({5, 4}), {}),
                       "linear_logsumexp_leaky_relu2_gelu2: input must have 4 features in its last "
                       "dim, got shape [2, 3]",
                       Error);
  CHECK_THROWS_WITH_AS(
      linear_bias_hardtanh_mish_group_norm(input({2, 3}), input({5, 3}), {}, input({5}), 2, {}, {}),
      "linear_bias_hardtanh_mish_group_norm: num_groups must be positive and "
      "divide the 5 features, got 2",
      Error);
  CHECK_THROWS_WITH_AS(
      residual_layer_norm(input({2, 3}), input({3, 2})),
      "residual_layer_norm: residual must have x's dtype and shape, Double [2, 3], "
      "got Double [3, 2]",
      Error);
}

TEST_CASE("trap 9: inputs of any strides") {
  const variable_list in = conv_inputs();
  const auto strided = [](const Tensor& t) {
    const int64_t last = t.dim() - 1;
    return t.detach().transpose(0, last).contiguous().transpose(0, last).requires_grad_(true);
  };
  const variable_list other{strided(in[0]), strided(in[1]), in[2], in[3]};
  REQUIRE(!other[0].is_contiguous());
  const Tensor y = conv_stage(in);
  CHECK(same_bits(conv_stage(other), y));
  const Tensor seed = randn({9, 5, 7, 5, 2}, here(kDouble)).permute({0, 1, 4, 3, 2});
  const variable_list got = grad({conv_stage(other)}, other, {seed});
  const variable_list wanted = grad({y}, in, {seed.contiguous()});
  for (size_t i = 0; i < in.size(); ++i) CHECK(difference(got[i], wanted[i]) == 0);
}

TEST_CASE("trap 10: the double instance is double throughout") {
  // Float anywhere would leave differences of 1e-7.
  const variable_list in = conv_inputs();
  CHECK(difference(conv_stage(in), composed([&] { return conv_stage(in); })) <= 1e-14);
  const Tensor z = input({4, 9}), bias = input({9});
  CHECK(difference(norm_stage(z, bias), composed([&] { return norm_stage(z, bias); })) <= 1e-13);
  const auto both = [](const variable_list& v) { return variable_list{norm_stage(v[0], v[1])}; };
  CHECK(autograd::gradcheck(both, {z, bias}));
}

TEST_CASE("trap 11: statistics of a norm are not E[x^2] - E[x]^2") {
  // Rows whose spread is 1e-4 of their mean: in float, the difference of the squares has no digit left.
  manual_seed(4);
  const Tensor z = 0.5 + 1e-4 * randn({3, 64}, here()), bias = zeros({64}, here());
  const Tensor y = norm_stage(z, bias, 1e-12);
  const Tensor exact = norm_stage(z.to(kDouble), bias.to(kDouble), 1e-12);
  CHECK(difference(y.to(kDouble), exact) <= 5e-3);
  CHECK(exact.abs().max().item<double>() > 1);
}

TEST_CASE("trap 12: logsumexp of large logits, and its gradient, without overflow") {
  const Tensor x = tensor({{3e4, 2.9e4, -3e4}, {-3e4, -3e4, -3.1e4}}, here()).requires_grad_(true);
  const Tensor identity = eye(3, here());
  const Tensor y = linear_logsumexp_leaky_relu2_gelu2(x, identity, {});
  CHECK(all_finite(y));
  CHECK(y[0].item<double>() == doctest::Approx(3e4));
  y.sum().backward();
  CHECK(all_finite(x.grad()));
  CHECK(x.grad()[0].equal(tensor({1.0f, 0.0f, 0.0f}, here())));
}

TEST_CASE("trap 13: the pool takes the maximum behind the activation; ties and NaN as in PyTorch") {
  // One channel, a convolution that copies: kernel 1. A negative multiplier turns the order round.
  const Tensor weight = ones({1, 1, 1, 1, 1}, here(kDouble));
  const auto stage_of = [&](const Tensor& x, double multiplier) {
    return conv_transpose3d_leaky_relu_scale_leaky_relu_max_pool3d(
        x, weight, {}, full({1}, multiplier, here(kDouble)), 2);
  };
  const Tensor x = linspace(-3, 4, 8, here(kDouble)).view({1, 1, 2, 2, 2}).requires_grad_(true);
  CHECK(stage_of(x, -2.0).item<double>() == doctest::Approx(1.2));  // from -3: -0.6 * -2
  CHECK(stage_of(x, 2.0).item<double>() == doctest::Approx(8));
  const auto winner = [&](const Tensor& leaf, double multiplier) {
    return grad({stage_of(leaf, multiplier)}, {leaf})[0].abs().argmax().item<int64_t>();
  };
  CHECK(winner(x, -2.0) == 0);
  CHECK(winner(x, 2.0) == 7);
  CHECK(winner(ones({1, 1, 2, 2, 2}, here(kDouble)).requires_grad_(true), 1.0) == 0);
  // A multiplier of zero makes every element equal.
  CHECK(grad({stage_of(x, 0.0)}, {x})[0].abs().max().item<double>() == 0);
  Tensor with_nan = x.detach().clone();
  with_nan.view({-1})[3] = std::nan("");
  CHECK(std::isnan(stage_of(with_nan, 2.0).item<double>()));
}

TEST_CASE("trap 14: linear_logsumexp is checked where its outputs differ") {
  manual_seed(5);
  const Tensor weight = randn({37, 27}, here(kDouble)).requires_grad_(true);
  const Tensor bias = randn({37}, here(kDouble)).requires_grad_(true);
  for (const double scale : {0.01, 1.0, 30.0}) {
    CAPTURE(scale);
    const Tensor x = scale * randn({14, 27}, here(kDouble));
    const auto run = [&] { return linear_logsumexp_leaky_relu2_gelu2(x, weight, bias); };
    const Tensor y = run(), expected = composed(run);
    CHECK(difference(y, expected) <= 1e-12 * (1 + scale));
    if (scale > 1) CHECK((y.max() - y.min()).item<double>() > 10);  // no constant would pass
    const Tensor seed = randn(y.sizes(), here(kDouble));
    const variable_list got = grad({y}, {weight, bias}, {seed});
    const variable_list wanted = grad({expected}, {weight, bias}, {seed});
    for (size_t i = 0; i < 2; ++i) {
      CHECK(wanted[i].abs().max().item<double>() > 1e-3 * scale);
      CHECK(difference(got[i], wanted[i]) <= 1e-11 * (1 + scale));
    }
  }
}

TEST_CASE("trap 15: TF32 is off for products and on for convolutions by default, and can be set") {
  const Context defaults;  // the tests' own main() may have set the process's
  CHECK(!defaults.allowTF32CuBLAS());
  CHECK(defaults.allowTF32CuDNN());
  Context& context = globalContext();
  const bool products = context.allowTF32CuBLAS(), convolutions = context.allowTF32CuDNN();
  context.setAllowTF32CuBLAS(true);
  context.setAllowTF32CuDNN(false);
  CHECK(context.allowTF32CuBLAS());
  CHECK(!context.allowTF32CuDNN());
  context.setAllowTF32CuBLAS(products);
  context.setAllowTF32CuDNN(convolutions);
}
