#include "tests/norm_test_util.h"

using namespace fg;
using fg::test::check_gradients;
using fg::test::close;
using fg::test::wave;

TEST_CASE("embedding looks rows up") {
  const Tensor weight = wave({5, 3}), index = tensor({{4, 0}, {2, 2}});
  const Tensor y = embedding(weight, index);
  CHECK(y.sizes().equals({2, 2, 3}));
  CHECK(equal(y[0][0], weight[4]));
  CHECK(equal(y[1][0], weight[2]));
  CHECK(equal(y[1][1], weight[2]));
  CHECK(equal(embedding(weight, index.to(kInt)), y));
  CHECK(equal(embedding(weight.to(kHalf), index), y.to(kHalf)));
  CHECK(equal(embedding(weight.t().contiguous().t(), index), y));
  CHECK(embedding(weight, zeros({0, 2}, kLong)).sizes().equals({0, 2, 3}));
  CHECK(embedding(weight, tensor(1)).sizes().equals({3}));
}

TEST_CASE("embedding: gradients of both orders") {
  const Tensor weight = wave({5, 3});
  const auto index = [](const Tensor& x) { return tensor({{4, 0, 2}, {2, 1, 2}}).to(x.device()); };
  check_gradients("embedding", [&](const TensorList& in) { return embedding(in[0], index(in[0])); },
                  {weight});
  check_gradients(
      "embedding with padding_idx",
      [&](const TensorList& in) { return embedding(in[0].clone(), index(in[0]), -1, false); },
      {weight});
}

TEST_CASE("embedding: padding row, frequency, order of sums") {
  const Tensor index = tensor({2, 1, 2, 2}), g = wave({4, 3}, 1);
  const Tensor weight = wave({4, 3}).requires_grad_();
  const auto gradient = [&](int64_t padding_idx, bool by_frequency, bool create_graph) {
    const Tensor y = embedding(weight, index, padding_idx, by_frequency);
    return autograd::grad({y}, {weight}, {g}, nullopt, create_graph)[0].detach();
  };
  const Tensor zero = zeros({3}, kDouble), sum = g[0].add(g[2]).add(g[3]);
  for (const bool create_graph : {false, true}) {
    CAPTURE(create_graph);
    CHECK(close(gradient(-1, false, create_graph), stack({zero, g[1], sum, zero})));
    CHECK(close(gradient(2, false, create_graph), stack({zero, g[1], zero, zero})));
    CHECK(close(gradient(-1, true, create_graph), stack({zero, g[1], sum.div(3), zero})));
  }
}

TEST_CASE("embedding's gradient is the same with any number of threads") {
  const Tensor index = randint(40, {5000});
  const Tensor g = wave({5000, 24}).to(kFloat);
  CHECK(test::same_bits_with_threads([&] {
    const Tensor weight = zeros({40, 24}).requires_grad_();
    embedding(weight, index).backward(g);
    return weight.grad();
  }));
}

TEST_CASE("embedding_renorm_ limits the rows that are looked up") {
  const Tensor weight = tensor({{3.0, 4.0}, {30.0, 40.0}, {0.3, 0.4}}, kDouble).requires_grad_();
  embedding_renorm_(weight, tensor({0, 2, 0}), 1.0);
  CHECK(close(weight, tensor({{0.6, 0.8}, {30.0, 40.0}, {0.3, 0.4}}, kDouble), 1e-6));
  CHECK(weight.is_leaf());
  embedding_renorm_(weight, tensor({1}), 7.0, 1.0);
  CHECK(close(weight[1].detach(), tensor({3.0, 4.0}, kDouble), 1e-6));
}

TEST_CASE("embedding errors") {
  const Tensor weight = zeros({5, 3});
  CHECK_THROWS_WITH_AS(
      embedding(weight, tensor({0, 5})),
      "embedding: indices must lie in [0, 5) (num_embeddings), got 5 at flat position 1",
      IndexError);
  CHECK_THROWS_WITH_AS(
      embedding(weight, tensor({-1})),
      "embedding: indices must lie in [0, 5) (num_embeddings), got -1 at flat position 0",
      IndexError);
  CHECK_THROWS_WITH_AS(embedding(weight, tensor({1.5})),
                       "embedding: indices must be Long or Int, got Float", Error);
  CHECK_THROWS_WITH_AS(embedding(zeros({3}), tensor({0})),
                       "embedding: weight must have shape [num_embeddings, embedding_dim], got [3]",
                       Error);
  CHECK_THROWS_WITH_AS(embedding(weight, tensor({0}), 5),
                       "embedding: padding_idx must be below 5 (num_embeddings), got 5", Error);
}
