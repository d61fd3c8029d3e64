// Elementwise and classification losses; margins, pairs and triplets are in test_margin_loss.cpp.
#include "tests/norm_test_util.h"

using namespace fg;
using fg::test::check_gradients;
using fg::test::close;
using fg::test::wave;

namespace {
const double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr Reduction kReductions[] = {Reduction::None, Reduction::Mean, Reduction::Sum};

Tensor number(double value) { return tensor(value, kDouble); }
}  // namespace

TEST_CASE("elementwise losses equal their formulas under every reduction") {
  const Tensor x = wave({3, 4}).mul(2), t = wave({3, 4}, 1), d = x.sub(t), a = d.abs();
  for (const Reduction r : kReductions) {
    CHECK(close(mse_loss(x, t, r), reduce_loss(d.square(), r)));
    CHECK(close(l1_loss(x, t, r), reduce_loss(a, r)));
    CHECK(close(smooth_l1_loss(x, t, r, 0.7),
                reduce_loss(where(a.lt(0.7), d.square().div(1.4), a.sub(0.35)), r)));
    CHECK(close(smooth_l1_loss(x, t, r, 0), reduce_loss(a, r)));
    CHECK(close(huber_loss(x, t, r, 0.7),
                reduce_loss(where(a.le(0.7), d.square().div(2), a.sub(0.35).mul(0.7)), r)));
    const Tensor p = x.sigmoid(), q = t.sigmoid();
    const Tensor entropy = q.mul(p.log()).add(q.neg().add(1).mul(p.neg().add(1).log())).neg();
    CHECK(close(binary_cross_entropy(p, q, {}, r), reduce_loss(entropy, r)));
    CHECK(close(binary_cross_entropy_with_logits(x, q, {}, {}, r), reduce_loss(entropy, r)));
  }
}

TEST_CASE("losses have PyTorch's values") {
  const Tensor x = wave({2, 3}), t = wave({2, 3}, 1), weight = tensor({1.0, 2.0, 3.0}, kDouble);
  CHECK(close(poisson_nll_loss(x, t.abs().mul(3), true, true), number(2.0391401060937966)));
  CHECK(close(poisson_nll_loss(x.abs(), t.abs(), false), number(3.4707331613354544), 1e-9));
  CHECK(close(gaussian_nll_loss(x, t, x.abs().add(0.1), true), number(1.4841086788743862)));
  CHECK(close(gaussian_nll_loss(x, t, full({2, 1}, 1e-9, kDouble), false, 0.5),
              number(0.1349743096808429)));
  CHECK(close(kl_div(x, t.abs()), number(-0.3460048458801577)));
  CHECK(close(kl_div(x, t, Reduction::Sum, true), number(0.673704461250807)));
  const Tensor u = t.abs().clamp_max(0.9), y = x.abs();
  CHECK(close(binary_cross_entropy(u, y), number(1.3681015548950315)));
  CHECK(close(binary_cross_entropy(u, y, weight), number(2.293223274298661)));
  CHECK(close(binary_cross_entropy_with_logits(x.mul(3), u), number(1.0891055804100949)));
  CHECK(close(binary_cross_entropy_with_logits(x.mul(3), u, weight, weight.add(1)),
              number(4.195453793243483)));
}

TEST_CASE("cross_entropy and nll_loss have PyTorch's values") {
  const Tensor x = wave({2, 3, 2}), t = tensor({{2, -100}, {0, 1}});
  const Tensor w = tensor({1.0, 2.0, 3.0}, kDouble);
  const Reduction mean = Reduction::Mean, sum = Reduction::Sum;
  CHECK(close(cross_entropy(x, t), number(1.5358369034403)));
  CHECK(close(cross_entropy(x, t, w), number(1.4292767705383376)));
  CHECK(close(cross_entropy(x, t, w, mean, -100, 0.2), number(1.3622883873514176)));
  CHECK(close(cross_entropy(x, t, {}, sum, -100, 0.2), number(4.470415193278617)));
  CHECK(close(
      cross_entropy(x, t, w, Reduction::None, -100, 0.2),
      tensor({{3.54682206990189242, 0.0}, {1.97714400924418099, 2.64976424496243101}}, kDouble)));
  CHECK(close(cross_entropy(x, softmax(x, 1), w, mean, -100, 0.2), number(1.948888318703084)));
  CHECK(close(cross_entropy(x, softmax(x, 1)), number(0.9277811954362623)));
  CHECK(close(nll_loss(x, t, w), number(-0.027836079837137834)));
  CHECK(close(nll_loss(x, t, w, sum), number(-0.167016479022827)));
}

TEST_CASE("the fused cross_entropy equals nll_loss of log_softmax") {
  const Tensor t = tensor({5, 3, 0, 3}), mask = tensor({1.0, 0.0, 1.0, 1.0}, kDouble);
  for (const Reduction r : kReductions) {
    const Tensor a = wave({4, 37}).mul(5).requires_grad_(), b = a.detach().clone().requires_grad_();
    const Tensor fused = cross_entropy(a, t, {}, r, 3),
                 composed = nll_loss(log_softmax(b, 1), t, {}, r, 3);
    CHECK(fused.grad_fn()->name() == "CrossEntropyBackward");
    CHECK(close(fused, composed));
    const Tensor g = wave(fused.sizes(), 1);
    fused.backward(g);
    composed.backward(g);
    CHECK(close(a.grad(), b.grad()));
  }
  const Tensor flat = wave({7});
  CHECK(close(cross_entropy(flat, tensor(2)), flat.logsumexp(0).sub(flat[2])));
}

TEST_CASE("losses: gradients of both orders") {
  const Tensor x = wave({3, 4}).mul(2), t = wave({3, 4}, 1), p = x.sigmoid(), q = t.sigmoid();
  for (const Reduction r : kReductions) {
    const auto pair = [&](const char* name, auto loss, const Tensor& a, const Tensor& b) {
      check_gradients(name, [&](const TensorList& in) { return loss(in[0], in[1]); }, {a, b});
    };
    pair(
        "mse_loss", [&](auto& a, auto& b) { return mse_loss(a, b, r); }, x, t);
    pair(
        "l1_loss", [&](auto& a, auto& b) { return l1_loss(a, b, r); }, x, t);
    pair(
        "smooth_l1_loss", [&](auto& a, auto& b) { return smooth_l1_loss(a, b, r, 0.7); }, x, t);
    pair(
        "huber_loss", [&](auto& a, auto& b) { return huber_loss(a, b, r, 0.7); }, x, t);
    pair(
        "binary_cross_entropy", [&](auto& a, auto& b) { return binary_cross_entropy(a, b, {}, r); },
        p, q);
    pair(
        "binary_cross_entropy_with_logits",
        [&](auto& a, auto& b) { return binary_cross_entropy_with_logits(a, b, {}, {}, r); }, x, q);
    const auto target = [](const Tensor& x) { return tensor({1, 3, 0}).to(x.device()); };
    const auto weight = [](const Tensor& x) {
      return tensor({1.0, 2.0, 3.0, 4.0}, kDouble).to(x.options());
    };
    check_gradients(
        "nll_loss",
        [&](const TensorList& in) { return nll_loss(in[0], target(in[0]), weight(in[0]), r, 3); },
        {x});
    check_gradients(
        "cross_entropy",
        [&](const TensorList& in) { return cross_entropy(in[0], target(in[0]), {}, r, 3); }, {x});
    check_gradients("cross_entropy, smoothed",
                    [&](const TensorList& in) {
                      return cross_entropy(in[0], target(in[0]), weight(in[0]), r, 3, 0.1);
                    },
                    {x});
    check_gradients("cross_entropy of probabilities",
                    [&](const TensorList& in) { return cross_entropy(in[0], in[1], {}, r); },
                    {x, q});
  }
  check_gradients("mse_loss, broadcast",
                  [](const TensorList& in) { return mse_loss(in[0], in[1]); }, {x, wave({4}, 1)});
  check_gradients("poisson_nll_loss",
                  [](const TensorList& in) { return poisson_nll_loss(in[0], in[1]); }, {x, q});
  check_gradients("gaussian_nll_loss",
                  [](const TensorList& in) { return gaussian_nll_loss(in[0], in[1], in[2]); },
                  {x, t, q});
  check_gradients("kl_div", [](const TensorList& in) { return kl_div(in[0], in[1]); }, {x, q});
}

// The gradient of a loss that is where backward() starts is computed with the loss.
TEST_CASE("losses: a gradient that was ready is handed out once, and only for an incoming 1") {
  const Tensor start = wave({3, 40}), t = wave({3, 40}, 1);
  const Tensor expected = start.sub(t).mul(2.0 / 120);
  const auto leaf = [&] { return start.clone().requires_grad_(); };

  Tensor x = leaf();
  Tensor loss = mse_loss(x, t);
  loss.backward({}, true);
  CHECK(close(x.grad(), expected));
  x.mutable_grad().mul_(5);  // must not reach what the next pass adds
  loss.backward({}, true);
  CHECK(close(x.grad(), expected.mul(6)));
  loss.backward(full({}, 3, loss.options()));
  CHECK(close(x.grad(), expected.mul(9)));

  x = leaf();
  loss = mse_loss(x, t);
  const Tensor first = autograd::grad({loss}, {x}, {}, true)[0];
  first.zero_();
  CHECK(close(autograd::grad({loss}, {x})[0], expected));

  const auto check = [&](const char* name, double factor, const auto& backward) {
    CAPTURE(name);
    const Tensor at = leaf();
    backward(mse_loss(at, t), at);
    CHECK(close(at.grad(), expected.mul(factor)));
  };
  check("scaled", 3, [](const Tensor& l, const Tensor&) { l.mul(3).backward(); });
  check("given", -2, [](const Tensor& l, const Tensor&) { l.backward(full({}, -2, l.options())); });
  check("a 1 that was given", 1,
        [](const Tensor& l, const Tensor&) { l.backward(ones({}, l.options())); });
  check("two roots", 2, [](const Tensor& l, const Tensor&) { autograd::backward({l, l}); });
  check("a sum", 2, [](const Tensor& l, const Tensor&) { l.add(l).backward(); });
  check("a term", 1, [](const Tensor& l, const Tensor&) { l.add(1).backward(); });
  check("a hook that replaces", 4, [](const Tensor& l, const Tensor&) {
    l.register_hook([](const Tensor& g) { return g.mul(4); });
    l.backward();
  });
  check("a hook that changes in place", 4, [](const Tensor& l, const Tensor&) {
    l.register_hook([](const Tensor& g) {
      NoGradGuard guard;
      g.mul_(4);
      return Tensor();
    });
    l.backward();
  });
  check("a pass inside the pass", 2, [&](const Tensor& l, const Tensor& at) {
    l.register_hook([&](const Tensor&) {
      const EnableGradGuard guard;
      mse_loss(at, t).backward();
      return Tensor();
    });
    l.backward();
  });
  check("create_graph, then without", 2, [](const Tensor& l, const Tensor&) {
    l.backward({}, true, true);
    l.backward();
  });

  const Tensor middle = leaf().mul(1);
  loss = mse_loss(middle, t);
  {
    NoGradGuard guard;
    middle.add_(1);
  }
  CHECK_THROWS_AS(loss.backward(), Error);
}

TEST_CASE("losses: a scaled loss keeps 16-bit gradients from vanishing") {
  const int64_t count = 1 << 14;
  const Tensor x = full({count}, 0x1p-12, kHalf).requires_grad_();
  mse_loss(x, zeros({count}, kHalf)).to(kFloat).mul(0x1p15).backward();
  // 2 x / count = 2^-25 is no number in half.
  CHECK(equal(x.grad(), full({count}, 0x1p-10, kHalf)));
}

TEST_CASE("losses at the extremes follow PyTorch") {
  const auto gradient = [](const Tensor& x, auto loss) {
    const Tensor leaf = x.clone().requires_grad_();
    loss(leaf).sum().backward();
    return leaf.grad();
  };
  const Tensor p = tensor({0.0, 1.0, 0.5}, kDouble), t = tensor({1.0, 0.0, 0.0}, kDouble);
  const auto bce = [&](const Tensor& x) { return binary_cross_entropy(x, t, {}, Reduction::Sum); };
  CHECK(bce(p).item<double>() == doctest::Approx(200 + std::log(2.0)));
  CHECK(close(gradient(p, bce), tensor({-1e12, 1e12, 2.0}, kDouble)));

  const Tensor logits = tensor({kInf, -kInf, 0.0, kNaN, 1000.0}, kDouble);
  const auto with_logits = [&](const Tensor& x) {
    return binary_cross_entropy_with_logits(x, tensor({1.0, 0.0, 1.0, 1.0, 0.0}, kDouble), {}, {},
                                            Reduction::None);
  };
  CHECK(close(with_logits(logits), tensor({kNaN, kNaN, std::log(2.0), kNaN, 1000.0}, kDouble)));
  CHECK(close(gradient(logits, with_logits), tensor({0.0, 0.0, -0.5, kNaN, 1.0}, kDouble)));
  const auto weighted = [](const Tensor& x) {
    return binary_cross_entropy_with_logits(x, tensor({1.0, 0.0}, kDouble), {}, number(3));
  };
  CHECK(close(gradient(zeros({2}, kDouble), weighted), tensor({-0.75, 0.25}, kDouble)));

  const Tensor scores =
      tensor({{0.0, -kInf, -kInf}, {-kInf, -kInf, -kInf}, {1e4, 0.0, -1e4}}, kDouble);
  const auto entropy = [](const Tensor& x) {
    return cross_entropy(x, tensor({0, 1, 1}), {}, Reduction::None);
  };
  CHECK(close(entropy(scores), tensor({0.0, kNaN, 1e4}, kDouble)));
  CHECK(close(gradient(scores, entropy),
              tensor({{0.0, 0.0, 0.0}, {kNaN, kNaN, kNaN}, {1.0, -1.0, 0.0}}, kDouble)));
}

TEST_CASE("losses without any element") {
  CHECK(mse_loss(zeros({0}), zeros({0})).isnan().item<bool>());
  CHECK(mse_loss(zeros({0}), zeros({0}), Reduction::Sum).item<float>() == 0);
  CHECK(cross_entropy(zeros({0, 3}), zeros({0}, kLong)).isnan().item<bool>());
  const Tensor x = zeros({2, 3}).requires_grad_();
  const Tensor ignored = cross_entropy(x, tensor({-100, -100}));
  CHECK(ignored.isnan().item<bool>());
  ignored.backward();
  CHECK(equal(x.grad(), zeros({2, 3})));
}

TEST_CASE("losses in 16 bits compute in float") {
  const Tensor x = wave({40, 30}).to(kBFloat16), t = wave({40, 30}, 1).to(kBFloat16);
  const Tensor loss = mse_loss(x, t);
  CHECK(loss.dtype() == kBFloat16);
  CHECK(close(loss, mse_loss(x.to(kDouble), t.to(kDouble)), 8e-3));
  const Tensor index = zeros({40}, kLong);
  CHECK(close(cross_entropy(x, index), cross_entropy(x.to(kDouble), index), 8e-3));
  CHECK(mse_loss(x, t.to(kDouble)).dtype() == kDouble);
}

TEST_CASE("mse_loss of two dtypes promotes; each gradient has its input's") {
  for (const auto& [a, b] :
       {std::pair{kBFloat16, kFloat}, {kFloat, kBFloat16}, {kHalf, kBFloat16}, {kHalf, kDouble}}) {
    for (const Reduction r : kReductions) {
      for (const bool both : {false, true}) {
        for (const DimVector& sizes : {DimVector{7}, {5, 403}, {403}}) {
          CAPTURE(a);
          CAPTURE(b);
          const Tensor x = wave({5, sizes.back()}).to(a).requires_grad_();
          const Tensor t = wave(sizes, 1).to(b).requires_grad_(both);
          const Tensor wide_x = x.detach().to(kDouble).requires_grad_();
          const Tensor wide_t = t.detach().to(kDouble).requires_grad_(both);
          const Tensor loss = mse_loss(x, t, r), wide = mse_loss(wide_x, wide_t, r);
          CHECK(loss.dtype() == promote_types(a, b));
          CHECK(close(loss, wide, 1e-5));
          loss.sum().backward();
          wide.sum().backward();
          const auto check = [](const Tensor& grad, const Tensor& expected, ScalarType type) {
            CHECK(grad.dtype() == type);
            const double error = type == kBFloat16 ? 0x1p-8 : type == kHalf ? 0x1p-11 : 1e-5;
            CHECK(allclose(grad.to(kDouble), expected, error, 1e-7));
          };
          check(x.grad(), wide_x.grad(), a);
          if (both) check(t.grad(), wide_t.grad(), b);
        }
      }
    }
  }
}

TEST_CASE("sums of losses are accurate and do not depend on the number of threads") {
  // A running float sum would stop growing at 2^24.
  CHECK(l1_loss(ones({5000, 5000}), zeros({1}), Reduction::Sum).item<float>() == 25e6f);
  const Tensor x = wave({1000, 301}).to(kFloat), t = wave({1000, 301}, 1).to(kFloat);
  const Tensor index = randint(301, {1000});
  CHECK(test::same_bits_with_threads([&] { return mse_loss(x, t, Reduction::Sum); }));
  CHECK(test::same_bits_with_threads(
      [&] { return binary_cross_entropy_with_logits(x, t, {}, {}, Reduction::None); }));
  CHECK(test::same_bits_with_threads([&] {
    const Tensor leaf = x.clone().requires_grad_();
    cross_entropy(leaf, index).backward();
    return leaf.grad();
  }));
}

TEST_CASE("loss errors") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH_AS(
      mse_loss(x, zeros({2})),
      "mse_loss: shapes must be broadcastable, got [2, 3] and [2] (sizes 3 and 2 differ at dim 1)",
      Error);
  CHECK_THROWS_WITH_AS(l1_loss(zeros({2}, kLong), zeros({2}, kLong)),
                       "l1_loss: input or target must be floating, got Long and Long", Error);
  CHECK_THROWS_WITH_AS(smooth_l1_loss(x, x, Reduction::Mean, -1),
                       "smooth_l1_loss: beta must not be negative, got -1", Error);
  CHECK_THROWS_WITH_AS(huber_loss(x, x, Reduction::Mean, 0),
                       "huber_loss: delta must be positive, got 0", Error);
  CHECK_THROWS_WITH_AS(binary_cross_entropy(x, zeros({3})),
                       "binary_cross_entropy: target must have input's shape [2, 3], got [3]",
                       Error);
  CHECK_THROWS_WITH_AS(binary_cross_entropy(tensor({0.5, 1.5}), zeros({2})),
                       "binary_cross_entropy: input must lie in [0, 1], got 1.5 at flat position 1",
                       Error);
  CHECK_THROWS_WITH_AS(gaussian_nll_loss(x, x, zeros({3})),
                       "gaussian_nll_loss: var must have input's shape [2, 3], or that without or "
                       "with 1 as its last extent, got [3]",
                       Error);
  CHECK_THROWS_WITH_AS(gaussian_nll_loss(x, x, x.sub(1)),
                       "gaussian_nll_loss: var must not be negative", Error);
  CHECK_THROWS_WITH_AS(
      cross_entropy(x, tensor({0, 3})),
      "cross_entropy: target must lie in [0, 3) (classes) or be ignore_index -100, "
      "got 3 at flat position 1",
      IndexError);
  CHECK_THROWS_WITH_AS(nll_loss(x, tensor({-1, 0})),
                       "nll_loss: target must lie in [0, 3) (classes) or be ignore_index -100, got "
                       "-1 at flat position 0",
                       IndexError);
  CHECK_THROWS_WITH_AS(
      cross_entropy(x, tensor({0})),
      "cross_entropy: target must have shape [2] (input's without the classes), got [1]", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(x, zeros({2})),
                       "cross_entropy: target must be Long, got Float", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(x, tensor({0, 1}), zeros({2})),
                       "cross_entropy: weight must have shape [3] (classes), got [2]", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(x, tensor({0, 1}), {}, Reduction::Mean, -100, 1.5),
                       "cross_entropy: label_smoothing must be in [0, 1], got 1.5", Error);
}
