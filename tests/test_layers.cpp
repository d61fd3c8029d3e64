// What layers do beyond their op: errors, running statistics, output sizes, training mode. Values and
// gradients of every layer are compared with PyTorch's in the fixture tests.
#include <cmath>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "nn/nn.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::nn;
namespace F = fg::nn::functional;

namespace {

bool close(const Tensor& a, const Tensor& b) { return a.allclose(b, 1e-6, 1e-6); }

}  // namespace

TEST_CASE("linear: shapes and errors") {
  Linear layer(3, 4);
  CHECK(layer(ones({3})).sizes() == IntArrayRef({4}));
  CHECK(layer(ones({2, 5, 3})).sizes() == IntArrayRef({2, 5, 4}));
  CHECK(close(layer(ones({2, 5, 3}))[1][2], layer(ones({3}))));
  CHECK_THROWS_WITH_AS(layer(ones({2, 2})),
                       "linear: input must have 3 features in its last dim, got shape [2, 2]",
                       Error);
  CHECK_THROWS_WITH_AS(F::linear(ones({2, 3}), ones({4, 3}), ones({3})),
                       "linear: bias must have shape [4], got [3]", Error);
  CHECK_THROWS_WITH_AS(
      Bilinear(2, 3, 4)(ones({5, 2}), ones({5, 2})),
      "bilinear: input2 must have as many dims as input1 and 3 features in its last "
      "dim, got shape [5, 2]",
      Error);
}

TEST_CASE("flatten and unflatten") {
  CHECK(Flatten()(ones({2, 3, 4})).sizes() == IntArrayRef({2, 12}));
  CHECK(Unflatten(1, std::vector<int64_t>{3, 4})(ones({2, 12})).sizes() == IntArrayRef({2, 3, 4}));
  Unflatten named(UnflattenOptions("B", {{"B1", 2}, {"B2", 2}}));
  CHECK_THROWS_WITH_AS(
      named(ones({4})),
      "unflatten: dim must be a number, got the name 'B' (tensors have no named dims)", Error);
}

TEST_CASE("convolution: options are checked when the layer is made") {
  CHECK_THROWS_WITH_AS(Conv2d(Conv2dOptions(3, 4, 3).groups(2)),
                       "in_channels must be divisible by groups", Error);
  CHECK_THROWS_WITH_AS(Conv2d(Conv2dOptions(4, 3, 3).groups(2)),
                       "out_channels must be divisible by groups", Error);
  CHECK_THROWS_WITH_AS(Conv2d(Conv2dOptions(4, 4, 3).padding(kSame).stride(2)),
                       "padding='same' is not supported for strided convolutions", Error);
  CHECK_THROWS_WITH_AS(ConvTranspose2d(ConvTranspose2dOptions(4, 4, 3).padding_mode(kReflect)),
                       "Only `zeros` padding mode is supported for ConvTranspose2d", Error);
}

TEST_CASE("convolution: 'same' padding with another padding mode keeps the extents") {
  Conv1d conv(Conv1dOptions(1, 1, 4).padding(kSame).padding_mode(kCircular).bias(false));
  conv->weight.data().copy_(tensor({{{1.f, 10.f, 100.f, 1000.f}}}));
  const Tensor y = conv(tensor({{{1.f, 2.f, 3.f, 4.f, 5.f}}}));
  // One value wraps round at the front, two at the end.
  CHECK(y.equal(tensor({{{3215.f, 4321.f, 5432.f, 1543.f, 2154.f}}})));
}

TEST_CASE("transposed convolution: output_size chooses the output padding") {
  ConvTranspose2d layer(ConvTranspose2dOptions(1, 1, 3).stride(2).padding(1));
  const Tensor x = ones({1, 1, 4, 4});
  CHECK(layer(x).sizes() == IntArrayRef({1, 1, 7, 7}));
  CHECK(layer(x, std::vector<int64_t>{8, 7}).sizes() == IntArrayRef({1, 1, 8, 7}));
  CHECK(layer(x, std::vector<int64_t>{1, 1, 7, 8}).sizes() == IntArrayRef({1, 1, 7, 8}));
  CHECK_THROWS_WITH_AS(layer(x, std::vector<int64_t>{9, 7}),
                       "conv_transpose2d: output_size[0] must lie in [7, 8], got 9", Error);
  CHECK_THROWS_WITH_AS(layer(x, std::vector<int64_t>{9}),
                       "conv_transpose2d: output_size must have 2 or 4 values, got 1", Error);
}

TEST_CASE("batch norm: running statistics, cumulative average, eval") {
  BatchNorm1d norm(BatchNorm1dOptions(2).momentum(nullopt));
  const Tensor a = tensor({{0.f, 0.f}, {2.f, 4.f}}), b = tensor({{4.f, 0.f}, {4.f, 0.f}});
  norm(a);
  norm(b);
  CHECK(norm->num_batches_tracked.item<int64_t>() == 2);
  CHECK(close(norm->running_mean, tensor({2.5f, 1.f})));
  CHECK(close(norm->running_var, tensor({1.f, 4.f})));
  norm->eval();
  norm(a);
  CHECK(norm->num_batches_tracked.item<int64_t>() == 2);
  CHECK(close(norm(norm->running_mean.unsqueeze(0)), zeros({1, 2})));
  norm->reset_running_stats();
  CHECK(norm->running_var.equal(ones({2})));
  CHECK_THROWS_WITH_AS(norm(ones({2})), "Expected 2D or 3D input, but got 1D input", Error);
  CHECK_THROWS_WITH_AS(BatchNorm2d(2)(ones({2, 2})), "Expected 4D input, but got 2D input", Error);
  CHECK_FALSE(BatchNorm1d(BatchNorm1dOptions(2).affine(false))->weight.defined());
}

TEST_CASE("instance norm takes an input without batch") {
  InstanceNorm2d norm(3);
  const Tensor x = rand({3, 4, 5});
  CHECK(close(norm(x), norm(x.unsqueeze(0))[0]));
  CHECK_THROWS_WITH_AS(norm(ones({3, 4})), "Expected 3D or 4D input, but got 2D input", Error);
}

TEST_CASE("dropout layers act in training only") {
  manual_seed(1);
  Dropout dropout(0.5);
  const Tensor x = ones({1000});
  const double mean = dropout(x).mean().item<double>();
  CHECK(mean > 0.8);
  CHECK(mean < 1.2);
  CHECK(dropout(x).eq(0).any().item<bool>());
  dropout->eval();
  CHECK(dropout(x).equal(x));
  CHECK(AlphaDropout()(x).ne(1).any().item<bool>());
  CHECK(F::alpha_dropout(x).equal(x));
  const Tensor channels = Dropout2d(0.5)(ones({4, 8, 3, 3})).flatten(2);
  CHECK(std::get<0>(channels.max(2)).equal(std::get<0>(channels.min(2))));
  CHECK_THROWS_WITH_AS(Dropout(1.5), "dropout probability has to be between 0 and 1, but got 1.5",
                       Error);
  CHECK_THROWS_WITH_AS(F::dropout(x, F::DropoutFuncOptions().p(-1)),
                       "dropout probability has to be between 0 and 1, but got -1", Error);
}

TEST_CASE("inplace activations write into their input") {
  Tensor x = tensor({-1.f, 2.f});
  CHECK(ReLU(true)(x).is_same(x));
  CHECK(x.equal(tensor({0.f, 2.f})));
  Tensor z = tensor({-1.f, 2.f});
  LeakyReLU(LeakyReLUOptions().negative_slope(0.5).inplace(true))(z);
  CHECK(z.equal(tensor({-0.5f, 2.f})));
  CHECK_THROWS_WITH_AS(Softmax2d()(ones({2})),
                       "Softmax2d requires a 3D or 4D tensor as input, got [2]", Error);
}

TEST_CASE("embedding: padding row, pretrained weights, errors") {
  Embedding table(EmbeddingOptions(4, 2).padding_idx(-1));
  CHECK(table->options.padding_idx() == 3);
  CHECK(table->weight[3].equal(zeros({2})));
  const Tensor weights = arange(6, kFloat).view({3, 2});
  auto frozen = Embedding::from_pretrained(weights);
  CHECK_FALSE(frozen->weight.requires_grad());
  CHECK(frozen(tensor({2, 0})).equal(tensor({{4.f, 5.f}, {0.f, 1.f}})));
  CHECK_THROWS_WITH_AS(Embedding(EmbeddingOptions(4, 2).padding_idx(4)),
                       "Embedding: padding_idx must be within num_embeddings (4), got 4", Error);
  CHECK_THROWS_WITH_AS(
      Embedding(EmbeddingOptions(4, 2)._weight(ones({2, 2}))),
      "Embedding: _weight must have shape [4, 2] (num_embeddings, embedding_dim), got "
      "[2, 2]",
      Error);
}

TEST_CASE("embedding_bag: modes, offsets, empty bags, padding") {
  const Tensor weights = tensor({{1.f, 10.f}, {2.f, 0.f}, {4.f, 5.f}}).requires_grad_();
  const Tensor indices = tensor({0, 2, 1, 2}), offsets = tensor({0, 2, 2});
  auto bag = [&](auto mode) {
    return F::embedding_bag(indices, weights,
                            F::EmbeddingBagFuncOptions().offsets(offsets).mode(mode));
  };
  CHECK(bag(kSum).equal(tensor({{5.f, 15.f}, {0.f, 0.f}, {6.f, 5.f}})));
  CHECK(bag(kMean).equal(tensor({{2.5f, 7.5f}, {0.f, 0.f}, {3.f, 2.5f}})));
  CHECK(bag(kMax).equal(tensor({{4.f, 10.f}, {0.f, 0.f}, {4.f, 5.f}})));
  bag(kMax).sum().backward();
  CHECK(weights.grad().equal(tensor({{0.f, 1.f}, {0.f, 0.f}, {2.f, 1.f}})));

  const auto options = F::EmbeddingBagFuncOptions().mode(kSum);
  const Tensor pairs = indices.view({2, 2});
  CHECK(F::embedding_bag(pairs, weights, options).equal(tensor({{5.f, 15.f}, {6.f, 5.f}})));
  auto scaled = options;
  scaled.per_sample_weights(tensor({{1.f, 0.f}, {2.f, 0.f}}));
  CHECK(F::embedding_bag(pairs, weights, scaled).equal(tensor({{1.f, 10.f}, {4.f, 0.f}})));
  auto padded = F::EmbeddingBagFuncOptions().padding_idx(2);
  CHECK(F::embedding_bag(pairs, weights, padded).equal(tensor({{1.f, 10.f}, {2.f, 0.f}})));
  auto closed =
      F::EmbeddingBagFuncOptions().mode(kSum).offsets(tensor({0, 2, 3})).include_last_offset(true);
  CHECK(F::embedding_bag(indices, weights, closed).equal(tensor({{5.f, 15.f}, {2.f, 0.f}})));
  CHECK(EmbeddingBag(3, 2)(pairs).sizes() == IntArrayRef({2, 2}));

  CHECK_THROWS_WITH_AS(F::embedding_bag(indices, weights),
                       "embedding_bag: offsets must be a 1-d tensor for a 1-d input, got no tensor",
                       Error);
  CHECK_THROWS_WITH_AS(
      F::embedding_bag(indices, weights, F::EmbeddingBagFuncOptions().offsets(tensor({1}))),
      "embedding_bag: offsets[0] must be 0, got 1", Error);
  CHECK_THROWS_WITH_AS(
      F::embedding_bag(indices, weights, F::EmbeddingBagFuncOptions().offsets(tensor({0, 9}))),
      "embedding_bag: offsets must be sorted and at most 4, got 9 after 0", Error);
  auto mean = scaled;
  mean.mode(kMean);
  CHECK_THROWS_WITH_AS(
      F::embedding_bag(pairs, weights, mean),
      "embedding_bag: per_sample_weights is supported only for mode kSum, got kMean", Error);
}

TEST_CASE("max pooling with indices and its inverse") {
  MaxPool2d pool(MaxPool2dOptions(2).stride(2));
  const Tensor x = arange(16, kFloat).view({1, 1, 4, 4});
  const auto [values, indices] = pool->forward_with_indices(x);
  CHECK(values.equal(pool(x)));
  CHECK(indices.flatten().equal(tensor({5, 7, 13, 15})));
  MaxUnpool2d unpool(2);
  CHECK(unpool(values, indices).sum().equal(values.sum()));
  CHECK(unpool(values, indices, std::vector<int64_t>{5, 5}).sizes() == IntArrayRef({1, 1, 5, 5}));
  CHECK(AdaptiveAvgPool2d(AdaptiveAvgPool2dOptions({nullopt, 1}))(x).sizes() ==
        IntArrayRef({1, 1, 4, 1}));
  CHECK_THROWS_WITH_AS(AvgPool1d(AvgPool1dOptions(2).divisor_override(3))(ones({1, 1, 4})),
                       "avg_pool1d: divisor_override must be absent, got 3", Error);
}

TEST_CASE("losses take their reduction as a choice") {
  const Tensor x = tensor({1.f, 3.f}), y = tensor({0.f, 0.f});
  CHECK(F::mse_loss(x, y).item<double>() == 5);
  CHECK(F::mse_loss(x, y, kSum).item<double>() == 10);
  CHECK(F::l1_loss(x, y, kNone).equal(tensor({1.f, 3.f})));
  CHECK(SmoothL1Loss(SmoothL1LossOptions(kSum).beta(2))(x, y).item<double>() == 2.25);
  const Tensor log_p = tensor({{-1.f, -2.f}, {-3.f, -4.f}}), p = tensor({{1.f, 1.f}, {1.f, 1.f}});
  CHECK(F::kl_div(log_p, p, F::KLDivFuncOptions(kBatchMean)).item<double>() == 5);
  CHECK(TripletMarginWithDistanceLoss(TripletMarginWithDistanceLossOptions()
                                          .distance_function([](const Tensor& a, const Tensor& b) {
                                            return (a - b).abs().sum(-1);
                                          })
                                          .margin(1))(tensor({{0.f}}), tensor({{2.f}}),
                                                      tensor({{1.f}}))
            .item<double>() == 2);
}

TEST_CASE("utils: parameters to a vector and back") {
  Linear layer(2, 2);
  const auto parameters = layer->parameters();
  const Tensor vector = utils::parameters_to_vector(parameters);
  CHECK(vector.sizes() == IntArrayRef({6}));
  utils::vector_to_parameters(arange(6, kFloat), parameters);
  CHECK(layer->weight.equal(tensor({{0.f, 1.f}, {2.f, 3.f}})));
  CHECK(layer->bias.equal(tensor({4.f, 5.f})));
  CHECK_THROWS_WITH_AS(
      utils::vector_to_parameters(ones({5}), parameters),
      "vector_to_parameters: vector must have shape [6] (elements of all parameters), "
      "got [5]",
      Error);
}

TEST_CASE("utils: sequences padded to one tensor") {
  const Tensor a = ones({2, 3}), b = full({1, 3}, 2.0);
  const Tensor padded = utils::rnn::pad_sequence({a, b}, /*batch_first=*/true, -1);
  CHECK(padded.sizes() == IntArrayRef({2, 2, 3}));
  CHECK(padded[1].equal(tensor({{2.f, 2.f, 2.f}, {-1.f, -1.f, -1.f}})));
  CHECK(utils::rnn::pad_sequence({a, b}).equal(
      utils::rnn::pad_sequence({a, b}, true).transpose(0, 1)));
  CHECK_THROWS_WITH_AS(
      utils::rnn::pad_sequence({a, ones({2, 4})}),
      "pad_sequence: sequences must agree in all extents but the first, got [2, 3] "
      "and [2, 4]",
      Error);
}

TEST_CASE("ctc loss takes its lengths as tensors") {
  // One step, one symbol: the loss is that symbol's -log p.
  const Tensor log_probs = tensor({{{-2.f, -1.f, -3.f}}});
  CHECK(CTCLoss()(log_probs, tensor({{1}}), tensor({1}), tensor({1})).item<double>() == 1);
  CHECK(CTCLoss(CTCLossOptions().blank(1).reduction(kSum))(log_probs, tensor({{2}}), tensor({1}),
                                                           tensor({1}))
            .item<double>() == 3);
}

TEST_CASE("init: shapes that a fill can be checked by") {
  using namespace init;
  CHECK(eye_(empty({2, 3})).equal(tensor({{1.f, 0.f, 0.f}, {0.f, 1.f, 0.f}})));
  const Tensor x = rand({1, 4, 5});
  Conv1d conv(Conv1dOptions(4, 4, 3).padding(1).bias(false));
  dirac_(conv->weight);
  CHECK(close(conv(x), x));
  Conv1d grouped(Conv1dOptions(4, 4, 3).padding(1).groups(2).bias(false));
  dirac_(grouped->weight, 2);
  CHECK(close(grouped(x), x));
  for (const auto& shape : {std::vector<int64_t>{5, 3}, {3, 5}, {4, 2, 2}}) {
    const Tensor q = orthogonal_(empty(shape, kDouble), 2).flatten(1);
    const Tensor gram = q.size(0) < q.size(1) ? q.matmul(q.t()) : q.t().matmul(q);
    CHECK(gram.allclose(eye(gram.size(0), kDouble).mul(4), 0, 1e-12));
  }
  const Tensor sparse = sparse_(empty({10, 3}), 0.25);
  CHECK(sparse.eq(0).sum(0).equal(tensor({3, 3, 3})));
  for (auto [a, b] : {std::pair(-2.0, 2.0), std::pair(1.5, 3.0)}) {
    const Tensor t = trunc_normal_(empty({500}), 0, 1, a, b);
    CHECK(t.ge(a).logical_and(t.le(b)).all().item<bool>());
  }
  CHECK(calculate_gain(kReLU) == std::sqrt(2.0));
  CHECK(calculate_gain(kTanh) == 5.0 / 3);
  CHECK(calculate_gain(kLeakyReLU, 0.2) == std::sqrt(2 / (1 + 0.2 * 0.2)));
  CHECK(_calculate_fan_in_and_fan_out(empty({4, 3, 2, 2})) == std::tuple<int64_t, int64_t>(12, 16));
  CHECK_THROWS_WITH_AS(
      xavier_uniform_(empty({3})),
      "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions", Error);
  CHECK_THROWS_WITH_AS(eye_(empty({3})), "Only tensors with 2 dimensions are supported", Error);
  CHECK_THROWS_WITH_AS(trunc_normal_(empty({3}), 0, 1, 2, 1),
                       "trunc_normal_: a must be below b, got a = 2, b = 1", Error);
}
