// Autocast's weight cache: a parameter's 16-bit copy is made once per change, and optimizers on a GPU keep it current.
#include <doctest/doctest.h>

#include "autograd/cast_cache.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "optim/graphed_step.h"
#include "optim/optim.h"
#include "tensor/factories.h"
#include "tests/device_under_test.h"

using namespace fg;

namespace {

constexpr auto cached_cast = autocast::cached_cast;

Tensor random(IntArrayRef sizes) { return randn(sizes).to(fg::test::device_under_test()); }
Tensor parameter(IntArrayRef sizes = {5, 33}) { return random(sizes).requires_grad_(); }

bool is_current(const Tensor& param, ScalarType type = kBFloat16) {
  const Tensor copy = cached_cast(type, param);
  return copy.dtype() == type && !copy.requires_grad() && equal(copy, param.detach().to(type));
}

bool is_kept(const Tensor& param) {
  return cached_cast(kBFloat16, param).data_ptr() == cached_cast(kBFloat16, param).data_ptr();
}

}  // namespace

TEST_CASE("cached_cast: the copy follows every change of the parameter") {
  const Tensor p = parameter();
  REQUIRE(is_current(p));
  CHECK(is_kept(p));
  const Tensor other = random(p.sizes()), alias = p.data(), view = p.detach();
  const std::vector<std::function<void()>> changes = {
      [&] { p.mul_(2); },
      [&] { p.copy_(other); },
      [&] { p.uniform_(-1, 1); },
      [&] { p[2].zero_(); },
      [&] { view.add_(1); },
      [&] { alias.clamp_(-0.5, 0.5); },  // has a version counter of its own
      [&] { p.data().t().neg_(); },
      [&] { p.set_data(random({7, 3})); },
      [&] { p.add_(1); },
      [&] { p.set_data(alias); },
      [&] { alias.mul_(3); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    const NoGradGuard guard;
    changes[i]();
    CHECK(is_current(p));
    CHECK(is_kept(p));
  }
}

TEST_CASE("cached_cast: types, and what is not kept") {
  const Tensor p = parameter();
  CHECK(is_current(p, kHalf));
  CHECK(is_current(p, kBFloat16));
  CHECK(is_current(p, kHalf));
  CHECK(cached_cast(kDouble, p).dtype() == kDouble);
  CHECK(cached_cast(kFloat, p).data_ptr() == p.data_ptr());
  CHECK_FALSE(cached_cast(kFloat, p).requires_grad());
  CHECK_FALSE(cached_cast(kFloat, {}).defined());
  for (const Tensor& t : {p.detach(), p.mul(2), p.t()}) {
    CHECK(is_current(t));
    CHECK_FALSE(is_kept(t));
  }
  const void* const before = cached_cast(kHalf, p).data_ptr();
  const Tensor held = cached_cast(kHalf, p);
  autocast::clear_cache();
  CHECK(cached_cast(kHalf, p).data_ptr() != before);
  CHECK(is_current(p, kHalf));
}

TEST_CASE("cached_cast: a copy that a graph has saved may not change unnoticed") {
  const Tensor p = parameter({4, 4}), x = random({4, 4}).to(kBFloat16).requires_grad_();
  const Tensor y = x.mul(cached_cast(kBFloat16, p)).sum();
  {
    const NoGradGuard guard;
    p.add_(1);
  }
  CHECK(is_current(p));
  CHECK_THROWS_AS(y.backward(), Error);
}

TEST_CASE("cached_cast: optimizers leave a current copy behind") {
  const auto make = [](int which, const std::vector<Tensor>& p) {
    using namespace optim;
    std::unique_ptr<Optimizer> result;
    if (which == 0) result = std::make_unique<SGD>(p, SGDOptions(0.1).momentum(0.9));
    if (which == 1) result = std::make_unique<Adam>(p, AdamOptions(0.1).amsgrad(true));
    if (which == 2) result = std::make_unique<AdamW>(p, AdamWOptions(0.1));
    if (which == 3) result = std::make_unique<RMSprop>(p, RMSpropOptions(0.1));
    return result;
  };
  for (int which = 0; which < 4; ++which) {
    CAPTURE(which);
    // One of bf16, one of half, one without a copy, one off the borders of packs, one transposed.
    std::vector<Tensor> params = {parameter(), parameter({300, 70}), parameter({9}),
                                  random({1002}).slice(0, 1).detach().requires_grad_(),
                                  random({20, 30}).t().detach().requires_grad_()};
    const auto optimizer = make(which, params);
    for (const Tensor& p : params) {
      const NoGradGuard guard;
      p.uniform_(-1, 1);
    }
    const auto type_of = [](size_t i) { return i == 1 ? kHalf : kBFloat16; };
    std::vector<Tensor> copies;
    for (size_t i = 0; i < params.size(); ++i)
      copies.push_back(i == 2 ? Tensor() : cached_cast(type_of(i), params[i]));
    for (int step = 0; step < 3; ++step) {
      for (const Tensor& p : params) p.mutable_grad() = rand_like(p.detach());
      optimizer->step();
      for (size_t i = 0; i < params.size(); ++i) {
        CAPTURE(i);
        if (i == 2) continue;
        const auto before = copies[i]._version();
        const Tensor now = cached_cast(type_of(i), params[i]);
        CHECK(now.data_ptr() == copies[i].data_ptr());
        if (params[i].is_cuda()) CHECK(now._version() == before);  // the step wrote it
        CHECK(equal(now, params[i].detach().to(type_of(i))));
      }
    }
  }
}

TEST_CASE("cached_cast: replayed steps read and leave current copies") {
  const auto train = [](bool graphed, bool casts) {
    manual_seed(3);
    const Tensor p = parameter();
    optim::AdamW optimizer({p}, optim::AdamWOptions(0.1));
    GraphedStep step(
        p.device(),
        [&](const std::vector<Tensor>&) {
          const Tensor low = casts ? cached_cast(kBFloat16, p) : p.detach().to(kBFloat16);
          p.mutable_grad() = low.to(kFloat).mul(0.5);
          const Tensor loss = low.to(kFloat).sum();  // before the step writes the copy
          optimizer.step();
          return loss;
        },
        GraphedStepOptions().enabled(graphed));
    std::vector<double> losses;
    for (int i = 0; i < 10; ++i) {
      if (i > 4) {
        const NoGradGuard guard;
        p.mul_(1.5);  // between replays
      }
      losses.push_back(step({}).item<double>());
      if (i % 2 == 0 && casts) CHECK(is_current(p));
    }
    return losses;
  };
  const std::vector<double> plain = train(false, false), cached = train(false, true);
  CHECK(train(true, true) == cached);
  // The kernel that writes copies may contract other products into sums.
  for (size_t i = 0; i < plain.size(); ++i)
    CHECK(cached[i] == doctest::Approx(plain[i]).epsilon(1e-2));
}
