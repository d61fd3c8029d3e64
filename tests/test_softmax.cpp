#include "tests/norm_test_util.h"

using namespace fg;
using fg::test::check_gradients;
using fg::test::close;
using fg::test::wave;

namespace {
const double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor composed_softmax(const Tensor& x, int64_t dim) {
  const Tensor e = x.sub(x.amax(dim, true)).exp();
  return e.div(e.sum(dim, true));
}
}  // namespace

TEST_CASE("softmax, log_softmax and logsumexp have PyTorch's values") {
  const Tensor x = wave({2, 3});
  CHECK(
      close(softmax(x, 1), tensor({{0.17909871495437379, 0.34109288194372178, 0.47980840310190431},
                                   {0.53003665390046040, 0.31253765126431016, 0.15742569483522950}},
                                  kDouble)));
  CHECK(close(log_softmax(x, 0),
              tensor({{-1.21513738564990814, -0.55043795310513455, -0.23335833235011899},
                      {-0.35192801900103415, -0.85966749018692046, -1.56959129002819897}},
                     kDouble)));
  CHECK(close(logsumexp(x, {0, 1}), tensor(2.30820231707474477, kDouble)));
  CHECK(close(softmin(x, 1), softmax(x.neg(), 1)));
  CHECK(close(x.softmax(-1), softmax(x, 1), 0));
  CHECK(close(x.log_softmax(-1), log_softmax(x, 1), 0));
  CHECK(close(x.logsumexp(0, true), logsumexp(x, 0).unsqueeze(0), 0));
}

TEST_CASE("softmax over any dim equals the composed form") {
  // 70 neighbouring columns: a full strip and a rest.
  const Tensor x = wave({3, 5, 70}).mul(4);
  for (int64_t dim = 0; dim < 3; ++dim) {
    CAPTURE(dim);
    CHECK(close(softmax(x, dim), composed_softmax(x, dim)));
    CHECK(close(log_softmax(x, dim), composed_softmax(x, dim).log()));
    CHECK(close(logsumexp(x, dim), x.exp().sum(dim).log()));
  }
  CHECK(close(logsumexp(x, {0, 2}, true), x.exp().sum({0, 2}, true).log()));
  CHECK(close(logsumexp(x, {}), x.exp().sum().log()));
}

TEST_CASE("softmax family: gradients of both orders") {
  const Tensor x = wave({2, 3, 4});
  for (int64_t dim = 0; dim < 3; ++dim) {
    check_gradients("softmax", [dim](const TensorList& in) { return softmax(in[0], dim); }, {x});
    check_gradients("log_softmax", [dim](const TensorList& in) { return log_softmax(in[0], dim); },
                    {x});
    check_gradients("logsumexp", [dim](const TensorList& in) { return logsumexp(in[0], dim); },
                    {x});
  }
  check_gradients("logsumexp",
                  [](const TensorList& in) {
                    return logsumexp(in[0], {0, 2}, true);
                  },
                  {x});
}

TEST_CASE("softmax of strips backward equals softmax of rows backward") {
  const Tensor x = wave({4, 130}, 0.3), g = wave({4, 130}, 1.1);
  for (const bool log : {false, true}) {
    const Tensor a = x.clone().requires_grad_(), b = x.clone().requires_grad_();
    (log ? log_softmax(a, 0) : softmax(a, 0)).backward(g);
    const Tensor rows = b.transpose(0, 1).contiguous();
    (log ? log_softmax(rows, 1) : softmax(rows, 1)).transpose(0, 1).backward(g);
    CHECK(close(a.grad(), b.grad()));
  }
}

TEST_CASE("softmax is one node of the tape") {
  const Tensor x = wave({2, 3}).requires_grad_();
  CHECK(softmax(x, 1).grad_fn()->name() == "SoftmaxBackward");
  CHECK(log_softmax(x, 1).grad_fn()->name() == "LogSoftmaxBackward");
  CHECK(softmax(x, 1).grad_fn()->next_edges()[0].node->name() == "AccumulateGrad");
}

TEST_CASE("softmax at the extremes") {
  const Tensor x =
      tensor({{-kInf, -kInf}, {1.0, kInf}, {-kInf, 2.0}, {1e4, -1e4}, {kNaN, 1.0}}, kDouble);
  CHECK(close(softmax(x, 1),
              tensor({{kNaN, kNaN}, {kNaN, kNaN}, {0.0, 1.0}, {1.0, 0.0}, {kNaN, kNaN}}, kDouble),
              0));
  CHECK(close(softmax(x.t().contiguous(), 0).t(), softmax(x, 1), 0));
  CHECK(close(
      log_softmax(x, 1),
      tensor({{kNaN, kNaN}, {kNaN, kNaN}, {-kInf, 0.0}, {0.0, -2e4}, {kNaN, kNaN}}, kDouble), 0));
  CHECK(close(logsumexp(x, 1), tensor({-kInf, kInf, 2.0, 1e4, kNaN}, kDouble), 0));
}

TEST_CASE("softmax of empty, 0-dim, integer and 16-bit inputs") {
  CHECK(softmax(zeros({0, 3}), 1).sizes().equals({0, 3}));
  CHECK(softmax(zeros({3, 0}), 1).sizes().equals({3, 0}));
  CHECK(close(logsumexp(zeros({2, 0}, kDouble), 1), tensor({-kInf, -kInf}, kDouble), 0));
  CHECK(softmax(tensor(2.0), 0).item<double>() == 1);
  CHECK(logsumexp(tensor(2.0, kDouble), 0).item<double>() == 2);
  CHECK(close(softmax(tensor({1, 2}), 0, kDouble), softmax(tensor({1.0, 2.0}, kDouble), 0), 0));
  CHECK(close(logsumexp(tensor({1, 2}), 0), logsumexp(tensor({1.f, 2.f}), 0), 0));
  for (const ScalarType dtype : {kHalf, kBFloat16}) {
    const Tensor x = wave({4, 9}).to(dtype);
    CHECK(softmax(x, 1).dtype() == dtype);
    CHECK(close(softmax(x, 1), softmax(x.to(kDouble), 1).to(dtype), 1e-2));
  }
}

TEST_CASE("softmax does not depend on the number of threads") {
  const Tensor x = wave({300, 517}).to(kFloat);
  CHECK(test::same_bits_with_threads([&] { return softmax(x, 1); }));
  CHECK(test::same_bits_with_threads([&] { return log_softmax(x, 0); }));
  CHECK(test::same_bits_with_threads([&] { return logsumexp(x, 1); }));
}

TEST_CASE("softmax errors") {
  CHECK_THROWS_WITH_AS(softmax(tensor({1, 2}), 0),
                       "softmax: input must be floating (or dtype given), got Long", Error);
  CHECK_THROWS_WITH_AS(log_softmax(zeros({2, 3}), 2), "log_softmax: dim must be in [-2, 1], got 2",
                       IndexError);
  CHECK_THROWS_WITH_AS(logsumexp(zeros({2, 3}), {0, -2}),
                       "logsumexp: each dim may appear once, got [0, -2]", Error);
  CHECK_THROWS_WITH_AS(gumbel_softmax(zeros({2}), 0.0),
                       "gumbel_softmax: tau must be positive, got 0", Error);
}

TEST_CASE("gumbel_softmax draws PyTorch's samples and passes the soft gradient when hard") {
  manual_seed(0);
  CHECK(close(
      gumbel_softmax(zeros({1, 4}, kDouble)),
      tensor({{0.09141200209686880, 0.26065270805725405, 0.52143110375283819, 0.12650418609303901}},
             kDouble)));
  const Tensor x = wave({5, 4}).requires_grad_(), soft_x = wave({5, 4}).requires_grad_();
  const Tensor g = wave({5, 4}, 1);
  manual_seed(7);
  const Tensor hard = gumbel_softmax(x, 0.8, true);
  manual_seed(7);
  const Tensor soft = gumbel_softmax(soft_x, 0.8);
  CHECK(close(hard.detach().sum(1), ones({5}, kDouble)));
  CHECK(equal(std::get<1>(hard.detach().max(1)), std::get<1>(soft.detach().max(1))));
  hard.backward(g);
  soft.backward(g);
  CHECK(close(x.grad(), soft_x.grad()));
}
