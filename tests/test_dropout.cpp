#include "tests/norm_test_util.h"

using namespace fg;
using fg::test::check_gradients;
using fg::test::close;
using fg::test::wave;

TEST_CASE("dropout draws PyTorch's masks") {
  manual_seed(3);
  const double kept = 1 / 0.6;
  CHECK(close(dropout(ones({8}), 0.4, true), tensor({kept, kept, 0.0, kept, 0.0, 0.0, kept, kept}),
              1e-6));
  const double high = 1.31504468438341893, low = -1.05954815898648014;
  CHECK(close(alpha_dropout(ones({4}, kDouble), 0.3, true),
              tensor({high, low, high, high}, kDouble)));
  const Tensor channels = feature_dropout(ones({2, 3, 2}), 0.5, true);
  CHECK(equal(channels, tensor({2.f, 2.f, 0.f}).reshape({3, 1}).expand({2, 3, 2})));
  CHECK(close(rrelu(ones({3}).neg(), 0.1, 0.3, true),
              tensor({-0.28980153799057007, -0.12545000016689301, -0.23187536001205444}), 1e-7));
  const Tensor alpha = feature_alpha_dropout(ones({1, 3, 2}), 0.5, true);
  const Tensor expected = tensor({-0.77919393777847290, 1.66559886932373047, 1.66559886932373047});
  CHECK(close(alpha, expected.reshape({3, 1}).expand({1, 3, 2}), 1e-6));
}

TEST_CASE("dropout's gradient uses the mask of the forward pass") {
  const Tensor x = wave({50, 40}).requires_grad_();
  for (const auto op : {dropout, feature_dropout, alpha_dropout, feature_alpha_dropout}) {
    x.mutable_grad().reset();
    manual_seed(1);
    const Tensor y = op(x, 0.3, true);
    y.backward(ones_like(y));
    manual_seed(1);
    const Tensor unit = op(ones_like(x), 0.3, true).sub([&] {
      manual_seed(1);
      return op(zeros_like(x), 0.3, true);
    }());
    CHECK(close(x.grad(), unit));
  }
}

TEST_CASE("dropout keeps the mean, and at p = 0, p = 1 or in evaluation draws nothing") {
  const Tensor x = ones({200, 100});
  CHECK(std::abs(dropout(x, 0.3, true).mean().item<double>() - 1) < 0.02);
  manual_seed(5);
  const Tensor expected = rand({3});
  manual_seed(5);
  CHECK(dropout(x, 0.5, false).is_same(x));
  CHECK(dropout(x, 0.0, true).is_same(x));
  CHECK(equal(dropout(x, 1.0, true), zeros_like(x)));
  CHECK(equal(alpha_dropout(x, 1.0, true), zeros_like(x)));
  CHECK(dropout(zeros({0}), 0.5, true).numel() == 0);
  CHECK(equal(rand({3}), expected));
}

TEST_CASE("in-place forms write what the others return") {
  using Op = Tensor (*)(const Tensor&, double, bool);
  const std::pair<Op, Op> pairs[] = {{dropout, dropout_},
                                     {feature_dropout, feature_dropout_},
                                     {alpha_dropout, alpha_dropout_},
                                     {feature_alpha_dropout, feature_alpha_dropout_}};
  for (const auto& [op, op_] : pairs) {
    const Tensor x = wave({6, 5}), y = x.clone();
    manual_seed(2);
    const Tensor expected = op(x, 0.4, true);
    manual_seed(2);
    CHECK(op_(y, 0.4, true).is_same(y));
    CHECK(equal(y, expected));
  }
  const Tensor x = wave({6, 5}), y = x.clone();
  manual_seed(2);
  const Tensor expected = rrelu(x, 0.1, 0.3, true);
  manual_seed(2);
  rrelu_(y, 0.1, 0.3, true);
  CHECK(equal(y, expected));
}

TEST_CASE("dropout errors") {
  CHECK_THROWS_WITH_AS(dropout(ones({2}), 1.5, true), "dropout: p must be in [0, 1], got 1.5",
                       Error);
  CHECK_THROWS_WITH_AS(alpha_dropout(ones({2}), -0.5, false),
                       "alpha_dropout: p must be in [0, 1], got -0.5", Error);
  CHECK_THROWS_WITH_AS(feature_dropout(ones({2}), 0.5, true),
                       "feature_dropout: input must have shape [N, C, ...], got [2]", Error);
  CHECK_THROWS_WITH_AS(dropout(tensor({1, 2}), 0.5, true),
                       "dropout: input must be floating in training, got Long", Error);
}

TEST_CASE("glu, prelu and rrelu") {
  const Tensor x = wave({2, 4, 3});
  CHECK(close(glu(x, 1), x.narrow(1, 0, 2).mul(x.narrow(1, 2, 2).sigmoid())));
  const Tensor w = tensor({0.1, 0.2, 0.3, 0.4}, kDouble);
  CHECK(close(prelu(x, w), where(x.gt(0), x, x.mul(w.reshape({4, 1})))));
  CHECK(close(prelu(x, w[0].reshape({1})), leaky_relu(x, 0.1)));
  CHECK(close(rrelu(x, 0.1, 0.3), leaky_relu(x, 0.2)));
  check_gradients("glu", [](const TensorList& in) { return glu(in[0], 1); }, {x});
  check_gradients("prelu", [](const TensorList& in) { return prelu(in[0], in[1]); },
                  {x.add(0.05), w});

  const Tensor zero = zeros({1}, kDouble).requires_grad_();
  prelu(zero, tensor({0.25}, kDouble)).backward();
  CHECK(zero.grad().item<double>() == 0.25);

  CHECK_THROWS_WITH_AS(glu(x, 2),
                       "glu: input's extent along dim 2 must be even, got input of shape "
                       "[2, 4, 3]",
                       Error);
  CHECK_THROWS_WITH_AS(prelu(x, zeros({3}, kDouble)),
                       "prelu: weight must have 1 or 4 elements (input's channels), got 3", Error);
  CHECK_THROWS_WITH_AS(prelu(x, zeros({1, 4}, kDouble)),
                       "prelu: weight must have shape [C], [1] or [], got [1, 4]", Error);
  CHECK_THROWS_WITH_AS(rrelu(x, 0.5, 0.25), "rrelu: lower must not exceed upper, got 0.5 and 0.25",
                       Error);
}
