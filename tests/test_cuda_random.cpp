// Random numbers on the GPU: Philox itself, what determines a number, and the distributions.
#include <cmath>

#include "autograd/checkpoint.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/sort.h"
#include "autograd/ops/view.h"
#include "cuda/device.h"
#include "cuda/launch.h"
#include "tensor/kernels/philox.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

const TensorOptions kOnGpu = TensorOptions(kFloat).device(kCUDA);

/// A generator of its own, so that a test depends on no other.
Generator seeded(uint64_t seed) {
  Generator generator(kCUDA);
  generator.manual_seed(seed);
  return generator;
}

struct Moments {
  double mean, deviation, low, high;
};
Moments moments_of(const Tensor& x) {
  const Tensor values = to_double(x);
  return {values.mean().item<double>(), values.std().item<double>(), values.min().item<double>(),
          values.max().item<double>()};
}

/// |mean - expected| within five standard errors.
void check_mean(const Tensor& x, double mean, double deviation) {
  const Moments m = moments_of(x);
  const double root = std::sqrt(double(x.numel()));
  CHECK(std::abs(m.mean - mean) < 5 * deviation / root);
  CHECK(std::abs(m.deviation / deviation - 1) < 10 / root);
}

}  // namespace

TEST_CASE("philox4x32: the known answers of its authors") {
  constexpr uint32_t kOnes = 0xffffffffu;
  CHECK(philox4x32({{0, 0, 0, 0}}, 0) ==
        PhiloxWords{{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}});
  CHECK(philox4x32({{kOnes, kOnes, kOnes, kOnes}}, ~uint64_t{0}) ==
        PhiloxWords{{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}});
  CHECK(philox4x32({{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}}, 0x299f31d0a4093822u) ==
        PhiloxWords{{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}});
}

TEST_CASE("cuda random: a number depends on seed, offset and place only") {
  if (!require_gpu()) return;
  const Tensor all = empty({1003}, kOnGpu).uniform_(0, 1, seeded(7));
  const PhiloxWords third = PhiloxStream{7, 0}.words(2);
  for (int64_t k = 0; k < 4; ++k)
    CHECK(all.cpu()[8 + k].item<float>() == float(third.at[k] & 0xffffff) * 0x1p-24f);
  CHECK(equal(empty({17}, kOnGpu).uniform_(0, 1, seeded(7)), all.slice(0, 0, 17)));
  const Tensor shifted = empty({1004}, kOnGpu).slice(0, 1);  // not aligned
  CHECK(equal(shifted.uniform_(0, 1, seeded(7)), all));
  Generator generator = seeded(7);
  empty({1, 3}, kOnGpu).uniform_(0, 1, generator);  // one counter
  CHECK(equal(empty({8}, kOnGpu).uniform_(0, 1, generator), all.slice(0, 4, 12)));
  CHECK(!equal(empty({1003}, kOnGpu).uniform_(0, 1, seeded(8)), all));
}

TEST_CASE("cuda random: generators keep, give and take their state") {
  if (!require_gpu()) return;
  Generator generator = seeded(5);
  CHECK(generator.device() == Device(kCUDA).resolved());
  CHECK(generator.initial_seed() == 5);
  empty({9}, kOnGpu).normal_(0, 1, generator);
  const Tensor state = generator.get_state();
  CHECK(state.numel() == 16);
  const Tensor next = empty({100}, kOnGpu).normal_(0, 1, generator);
  CHECK(!equal(empty({100}, kOnGpu).normal_(0, 1, generator), next));
  generator.set_state(state);
  CHECK(equal(empty({100}, kOnGpu).normal_(0, 1, generator), next));
  CHECK_THROWS_WITH_AS(
      generator.set_state(state.slice(0, 1)),
      "Generator::set_state: state must be 16 contiguous Byte values, got 15 of Byte", Error);
  manual_seed(11);
  const Tensor first = rand({64}, kOnGpu);
  CHECK(!equal(rand({64}, kOnGpu), first));
  manual_seed(11);
  CHECK(equal(rand({64}, kOnGpu), first));
  CHECK(default_generator(kCUDA) == default_generator(Device(kCUDA, 0)));
  CHECK(default_generator(kCUDA).initial_seed() == 11);
}

TEST_CASE("cuda random: distributions of every type") {
  if (!require_gpu()) return;
  constexpr int64_t kCount = 40001;
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
    CAPTURE(type);
    const TensorOptions options = kOnGpu.dtype(type);
    Generator generator = seeded(uint64_t(type));
    const Tensor uniform = empty({kCount}, options).uniform_(-2, 4, generator);
    check_mean(uniform, 1, std::sqrt(3.0));
    CHECK(moments_of(uniform).low >= -2);
    CHECK(moments_of(uniform).high < 4);
    const Tensor normal = empty({kCount}, options).normal_(3, 0.5, generator);
    check_mean(normal, 3, 0.5);
    const Tensor far = normal.sub(3).abs().gt(1).to(kFloat);
    check_mean(far, 0.0455, std::sqrt(0.0455));
    const Tensor exponential = empty({kCount}, options).exponential_(2, generator);
    check_mean(exponential, 0.5, 0.5);
    CHECK(moments_of(exponential).low > 0);
  }
  for (const ScalarType type : {kFloat, kByte, kShort, kInt, kLong, kBool, kBFloat16}) {
    CAPTURE(type);
    Generator generator = seeded(uint64_t(type));
    const Tensor flags = empty({kCount}, kOnGpu.dtype(type)).bernoulli_(0.3, generator);
    check_mean(flags, 0.3, std::sqrt(0.21));
    if (type == kBool) continue;
    const Tensor dice = empty({kCount}, kOnGpu.dtype(type)).random_(1, 7, generator);
    check_mean(dice, 3.5, std::sqrt(35.0 / 12));
    CHECK(moments_of(dice).low == 1);
    CHECK(moments_of(dice).high == 6);
  }
  const Tensor wide = empty({kCount}, kOnGpu.dtype(kLong))
                          .random_(-(int64_t(1) << 40), int64_t(1) << 40, seeded(1));
  check_mean(wide, 0, std::ldexp(1, 40) / std::sqrt(3.0));
  CHECK(moments_of(empty({kCount}, kOnGpu.dtype(kByte)).random_(seeded(1))).high == 255);
  CHECK(moments_of(empty({9}, kOnGpu).bernoulli_(1.0, seeded(1))).low == 1);
  CHECK(moments_of(empty({9}, kOnGpu).bernoulli_(0.0, seeded(1))).high == 0);
}

TEST_CASE("cuda random: a probability per element, and one that is none") {
  if (!require_gpu()) return;
  const Tensor p = linspace(0, 1, 30000, kOnGpu);
  const Tensor drawn = bernoulli(p, seeded(3));
  check_mean(drawn.sub(p), 0, std::sqrt(1.0 / 6));
  CHECK(drawn.cpu()[0].item<float>() == 0);
  const auto draw_bad = [] {
    bernoulli(full({5}, 1.5, kOnGpu));
    cuda::synchronize();
  };
  CHECK_THROWS_WITH_AS(draw_bad(), "bernoulli_: p must lie in [0, 1], got 1.5", Error);
}

TEST_CASE("cuda random: permutations and samples of rows") {
  if (!require_gpu()) return;
  for (const int64_t n : {0, 1, 2, 1000, 5000}) {
    const Tensor places = randperm(n, seeded(2), kOnGpu.dtype(kLong));
    CHECK(equal(std::get<0>(sort(places.cpu(), 0)), arange(n, kLong)));
  }
  CHECK(!equal(randperm(1000, seeded(2), kOnGpu.dtype(kInt)).cpu(), arange(1000, kInt)));
  const Tensor weights = tensor({{1.f, 0.f, 3.f}, {0.f, 5.f, 5.f}}).to(kCUDA);
  const Tensor samples = weights.multinomial(20000, true, seeded(4));
  check_mean(samples.select(0, 0).eq(2).to(kFloat), 0.75, std::sqrt(0.1875));
  check_mean(samples.select(0, 1).eq(2).to(kFloat), 0.5, 0.5);
  CHECK(samples.select(0, 0).eq(1).any().item<bool>() == false);
  const Tensor two = weights.multinomial(2, false, seeded(4)).cpu();
  CHECK(std::get<0>(sort(two.select(0, 0), 0)).equal(tensor({0, 2})));
  const auto message = [](const Tensor& w) -> std::string {
    try {
      w.to(kCUDA).multinomial(1, true);
      cuda::synchronize();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(message(tensor({1.f, -2.f})) ==
        "multinomial: weights must be finite and not negative, got -2");
  CHECK(message(tensor({{1.f, 2.f}, {0.f, 0.f}})) ==
        "multinomial: weights must have a positive sum in each row, got 0 in row 1");
}

TEST_CASE("cuda dropout: one node and one kernel each way, the same elements in both") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
    for (const int64_t count : {1, 7, 30001}) {
      CAPTURE(type);
      CAPTURE(count);
      const Tensor x = full({count}, 2.0, kOnGpu.dtype(type)).requires_grad_();
      const int64_t before = cuda::launch_count();
      const Tensor y = dropout(x, 0.2, true);
      CHECK(cuda::launch_count() - before == 1);
      CHECK(y.grad_fn()->name() == "DropoutBackward");
      const Tensor kept = y.detach().ne(0);
      if (count > 100) check_mean(kept.to(kFloat), 0.8, 0.4);
      CHECK(equal(y.detach(), kept.to(type).mul(Scalar(2.5))));
      y.backward(full({count}, 4.0, kOnGpu.dtype(type)));
      CHECK(equal(x.grad(), kept.to(type).mul(Scalar(5))));
    }
  }
  const Tensor x = rand({3, 40}, kOnGpu);
  CHECK(!equal(dropout(x, 0.5, true), dropout(x, 0.5, true)));
  CHECK(dropout(x, 0.5, false).is_same(x));
  CHECK(moments_of(dropout(x, 1, true)).high == 0);
  const Tensor strided = dropout(ones({40, 30}, kOnGpu).t(), 0.5, true);
  CHECK(strided.sizes() == IntArrayRef{30, 40});
  CHECK(moments_of(strided).high == 2);
}

TEST_CASE("cuda dropout: a checkpoint draws the same elements again") {
  if (!require_gpu()) return;
  const Tensor x = ones({5000}, kOnGpu).requires_grad_();
  const auto outputs = autograd::checkpoint(
      [](const autograd::variable_list& in) -> autograd::variable_list {
        return {dropout(in[0], 0.5, true)};
      },
      {x});
  empty({100}, kOnGpu).uniform_();  // the stream moves on before the backward pass
  const Tensor after = default_generator(kCUDA).get_state();
  outputs[0].sum().backward();
  CHECK(equal(x.grad(), outputs[0].detach()));
  CHECK(equal(default_generator(kCUDA).get_state(), after));
}
