// Losses made of margins, and the distances under them.
#include "tests/norm_test_util.h"

using namespace fg;
using fg::test::check_gradients;
using fg::test::close;
using fg::test::wave;

namespace {
Tensor number(double value) { return tensor(value, kDouble); }
}  // namespace

TEST_CASE("margin losses have PyTorch's values") {
  const Tensor x = wave({2, 3}), t = wave({2, 3}, 1), u = wave({2, 3}, 2);
  const Tensor w = tensor({1.0, 2.0, 3.0}, kDouble), index = tensor({2, 0});
  CHECK(close(soft_margin_loss(x, t.sign()), number(0.5319958399245932)));
  CHECK(close(hinge_embedding_loss(x, t.sign(), 0.5), number(0.5847786435681234)));
  CHECK(close(margin_ranking_loss(x, t, u.sign(), 0.3), number(0.9490210487916112)));
  CHECK(close(cosine_embedding_loss(x, t, tensor({1, -1}), 0.1), number(0.14804400029007375)));
  CHECK(close(triplet_margin_loss(x, t, u), number(0.3179252813901954)));
  CHECK(close(triplet_margin_loss(x, t, u, 3, 1, 1e-6, true), number(3.407428177224867)));
  CHECK(close(multi_margin_loss(x, index), number(0.19084950179463367)));
  CHECK(
      close(multi_margin_loss(x, index, 2, 0.5, w, Reduction::Sum), number(0.025207264249093603)));
  CHECK(close(multilabel_margin_loss(wave({2, 4}), tensor({{3, 0, -1, 1}, {1, -1, 2, 0}})),
              number(1.0082781936676748)));
  CHECK(close(multilabel_soft_margin_loss(x, t.gt(0).to(kDouble), w), number(1.0315215089264305)));
}

TEST_CASE("margin losses: reductions and single samples") {
  const Tensor x = wave({2, 4}), index = tensor({2, 0});
  const Tensor rows = multi_margin_loss(x, index, 1, 1, {}, Reduction::None);
  CHECK(rows.sizes().equals({2}));
  CHECK(close(multi_margin_loss(x, index), rows.mean()));
  CHECK(close(multi_margin_loss(x[0], index[0], 1, 1, {}, Reduction::None), rows[0]));
  const Tensor labels = tensor({{3, 0, -1, 1}, {1, -1, 2, 0}});
  const Tensor each = multilabel_margin_loss(x, labels, Reduction::None);
  CHECK(close(multilabel_margin_loss(x, labels, Reduction::Sum), each.sum()));
  CHECK(close(multilabel_margin_loss(x[1], labels[1], Reduction::None), each[1]));
  const auto l1 = [](const Tensor& a, const Tensor& b) { return a.sub(b).abs().sum(-1); };
  const Tensor t = wave({2, 4}, 1), u = wave({2, 4}, 2);
  CHECK(close(triplet_margin_with_distance_loss(x, t, u, l1, 0.5, false, Reduction::None),
              l1(x, t).sub(l1(x, u)).add(0.5).clamp_min(0)));
  CHECK(close(triplet_margin_with_distance_loss(x, t, u), triplet_margin_loss(x, t, u)));
}

TEST_CASE("margin losses: gradients of both orders") {
  const Tensor x = wave({2, 4}), t = wave({2, 4}, 1), u = wave({2, 4}, 2);
  const auto sign = [](const Tensor& like) { return wave({2, 4}, 2.5).sign().to(like.options()); };
  check_gradients("soft_margin_loss",
                  [&](const TensorList& in) { return soft_margin_loss(in[0], sign(in[0])); }, {x});
  check_gradients(
      "margin_ranking_loss",
      [&](const TensorList& in) { return margin_ranking_loss(in[0], in[1], sign(in[0]), 0.3); },
      {x, t});
  check_gradients(
      "cosine_embedding_loss",
      [&](const TensorList& in) {
        return cosine_embedding_loss(in[0], in[1], tensor({1, -1}).to(in[0].device()), 0.1);
      },
      {x, t});
  check_gradients("triplet_margin_loss",
                  [](const TensorList& in) { return triplet_margin_loss(in[0], in[1], in[2]); },
                  {x, t, u});
  check_gradients("multi_margin_loss",
                  [&](const TensorList& in) {
                    return multi_margin_loss(in[0], tensor({2, 0}).to(in[0].device()), 2);
                  },
                  {x});
  check_gradients("multilabel_margin_loss",
                  [&](const TensorList& in) {
                    const Tensor target = tensor({{3, 0, -1, 1}, {1, -1, 2, 0}}).to(in[0].device());
                    return multilabel_margin_loss(in[0], target);
                  },
                  {x});
}

TEST_CASE("distances") {
  const Tensor x = wave({2, 3}), t = wave({2, 3}, 1);
  CHECK(close(pairwise_distance(x, t, 3).sum(), number(2.055566608612454)));
  CHECK(pairwise_distance(x, t, 2, 1e-6, true).sizes().equals({2, 1}));
  CHECK(close(cosine_similarity(x, t).sum(), number(0.9081781502403274)));
  CHECK(close(normalize(x, 3, 0).mul(t).sum(), number(1.6946754543556946)));
  CHECK(equal(normalize(zeros({2, 2})), zeros({2, 2})));
  CHECK(equal(cosine_similarity(zeros({2, 3}), ones({2, 3})), zeros({2})));
  // Squares of these overflow or vanish in float.
  CHECK(close(cosine_similarity(full({1, 4}, 1e18), full({1, 4}, 1e15)), ones({1}), 1e-6));
  CHECK(cosine_similarity(x.unsqueeze(0), t.unsqueeze(1), -1).sizes().equals({2, 2}));
  check_gradients("cosine_similarity",
                  [](const TensorList& in) { return cosine_similarity(in[0], in[1], 1); }, {x, t});
  check_gradients("pairwise_distance",
                  [](const TensorList& in) { return pairwise_distance(in[0], in[1]); }, {x, t});
  check_gradients("normalize", [](const TensorList& in) { return normalize(in[0]); }, {x});
}

TEST_CASE("margin loss errors") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH_AS(multi_margin_loss(x, tensor({0, 1}), 3),
                       "multi_margin_loss: p must be 1 or 2, got 3", Error);
  CHECK_THROWS_WITH_AS(
      multi_margin_loss(x, tensor({0})),
      "multi_margin_loss: target must be Long with one class per row of input [2, 3], "
      "got Long [1]",
      Error);
  CHECK_THROWS_WITH_AS(multi_margin_loss(zeros({1, 2, 3}), tensor({0})),
                       "multi_margin_loss: input must have shape [C] or [N, C], got [1, 2, 3]",
                       Error);
  CHECK_THROWS_WITH_AS(multi_margin_loss(x, tensor({0, 1}), 1, 1, zeros({2})),
                       "multi_margin_loss: weight must have shape [3] (classes), got [2]", Error);
  CHECK_THROWS_WITH_AS(
      multilabel_margin_loss(x, tensor({0, 1})),
      "multilabel_margin_loss: target must be Long of input's shape [2, 3], got Long [2]", Error);
  CHECK_THROWS_WITH_AS(cosine_embedding_loss(x, x, zeros({2, 1})),
                       "cosine_embedding_loss: inputs must be [N, D] with target [N], or [D] with "
                       "target [], got [2, 3], [2, 3] and [2, 1]",
                       Error);
  CHECK_THROWS_WITH_AS(triplet_margin_loss(x, x, zeros({3})),
                       "triplet_margin_loss: anchor, positive and negative must have equally many "
                       "dims, got 2, 2 and 1",
                       Error);
  CHECK_THROWS_WITH_AS(cosine_similarity(zeros({2}, kLong), zeros({2}, kLong), 0),
                       "cosine_similarity: x1 and x2 must be floating, got Long and Long", Error);
}
