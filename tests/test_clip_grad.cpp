// Gradient clipping against PyTorch and by hand.
#include <cmath>

#include <doctest/doctest.h>

#include "optim/clip_grad.h"
#include "tensor/factories.h"
#include "tests/fixture.h"

using namespace fg;
using namespace fg::test;
using optim::clip_grad_norm_;
using optim::clip_grad_value_;
using optim::get_total_norm;

namespace {

std::vector<Tensor> parameters_with(const std::vector<Tensor>& grads) {
  std::vector<Tensor> parameters;
  for (const Tensor& grad : grads) {
    parameters.push_back(zeros(grad.sizes(), grad.options()).requires_grad_());
    parameters.back().mutable_grad() = grad.clone();
  }
  return parameters;
}

}  // namespace

TEST_CASE("clipping equals PyTorch's") {
  const FixtureFile file("optim");
  int count = 0;
  for (const FixtureCase& fixture : file.cases()) {
    if (!fixture.options.contains("clip")) continue;
    INFO("case " << fixture.name);
    ++count;
    const auto parameters = parameters_with(fixture.numbered("in"));
    const Arguments args = fixture.arguments();
    if (fixture.options["clip"] == "norm") {
      const double norm =
          clip_grad_norm_(parameters, args.number("max_norm"), args.number("norm_type", 2));
      CHECK(norm == doctest::Approx(fixture["norm"].item<double>()).epsilon(1e-12));
    } else {
      clip_grad_value_(parameters, args.number("clip_value"));
    }
    for (size_t i = 0; i < parameters.size(); ++i) {
      const std::string wrong =
          difference(parameters[i].grad(), fixture[str("out", i)], {1e-12, 1});
      CHECK_MESSAGE(wrong.empty(), wrong);
    }
  }
  CHECK(count == 5);
}

TEST_CASE("the total norm of several tensors is that of their concatenation") {
  const std::vector<Tensor> tensors = {fg::tensor({3.0, 0.0}), fg::tensor({{-4.0}, {12.0}})};
  CHECK(get_total_norm(tensors) == doctest::Approx(13));
  CHECK(get_total_norm(tensors, 1) == doctest::Approx(19));
  CHECK(get_total_norm(tensors, INFINITY) == 12);
  CHECK(get_total_norm({fg::tensor({3.0}), fg::tensor({4.0, -2.0})}, -INFINITY) == 2);
  CHECK(get_total_norm({}) == 0);
}

TEST_CASE("small gradients, missing ones and single parameters") {
  const Tensor with = zeros({2}).requires_grad_(), without = zeros({2}).requires_grad_();
  with.mutable_grad() = fg::tensor({3.0f, 4.0f});
  CHECK(clip_grad_norm_({with, without}, 10) == doctest::Approx(5));
  CHECK(with.grad().equal(fg::tensor({3.0f, 4.0f})));
  CHECK(!without.grad().defined());
  CHECK(clip_grad_norm_(with, 1) == doctest::Approx(5));
  CHECK(get_total_norm({with.grad()}) == doctest::Approx(1));
  CHECK(clip_grad_norm_(without, 1) == 0);
  clip_grad_value_(with, 0.7);
  CHECK(with.grad()[1].item<double>() == doctest::Approx(0.7));
}

TEST_CASE("a non-finite norm spoils the gradients, or is an error") {
  for (const double bad : {double(NAN), double(INFINITY)}) {
    const auto parameters = parameters_with({fg::tensor({1.0, bad}), fg::tensor({1.0})});
    CHECK_THROWS_AS(clip_grad_norm_(parameters, 1, 2, /*error_if_nonfinite=*/true), Error);
    CHECK(parameters[1].grad().item<double>() == 1);
    const double norm = clip_grad_norm_(parameters, 1);
    CHECK(!std::isfinite(norm));
    CHECK(std::isnan(parameters[0].grad()[1].item<double>()));
    CHECK((std::isnan(bad) ? std::isnan(parameters[1].grad().item<double>())
                           : parameters[1].grad().item<double>() == 0));
  }
  CHECK_THROWS_WITH_AS(get_total_norm({fg::tensor({double(NAN)})}, 2, true),
                       "get_total_norm: the total norm of order 2 is non-finite (nan), so "
                       "gradients cannot be clipped to it",
                       Error);
}
