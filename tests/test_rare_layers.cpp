// Layers that few programs use: fractional pools, the adaptive softmax, the whole transformer. Their
// values and gradients are compared with PyTorch's by the fixtures; here are properties and errors.
#include <limits>
#include <sstream>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/rearrange.h"
#include "autograd/ops/reduce.h"
#include "nn/nn.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using namespace fg::nn;
namespace F = fg::nn::functional;

#define CHECK_ERROR(expression, text) CHECK_THROWS_WITH_AS(expression, text, Error)

TEST_CASE("fractional max pool: gradients, indices and its own samples") {
  const Tensor x = (randperm(2 * 2 * 6 * 7) * 0.1).to(kDouble).reshape({2, 2, 6, 7});
  const Tensor samples = rand({2, 2, 2}, kDouble);
  test::OpCheckOptions options;
  options.other_dtypes = false;  // the samples must have the input's dtype
  test::check_op(
      "fractional_max_pool2d",
      [&](const std::vector<Tensor>& t) {
        return std::get<0>(fractional_max_pool2d(t[0], {2, 3}, {3, 4}, samples.to(t[0].device())));
      },
      {x.clone().requires_grad_(true)}, options);
  FractionalMaxPool2d pool(FractionalMaxPool2dOptions({2, 3}).output_ratio(0.5));
  const auto [y, indices] = pool->forward_with_indices(x);
  CHECK(y.sizes() == IntArrayRef({2, 2, 3, 3}));
  CHECK(x.flatten(2).gather(2, indices.flatten(2)).equal(y.flatten(2)));
  CHECK(pool->state_dict().size() == 0);
  // The last window ends with the input, whatever the samples.
  CHECK(y.select(2, 2).select(2, 2).ge(x.select(2, 5).select(2, 6)).all().item<bool>());
}

TEST_CASE("fractional max pool: errors") {
  CHECK_ERROR(FractionalMaxPool2d(FractionalMaxPool2dOptions(3)),
              "FractionalMaxPool2d requires specifying either an output size, or a pooling ratio");
  CHECK_ERROR(FractionalMaxPool3d(FractionalMaxPool3dOptions(3).output_size(2).output_ratio(0.5)),
              "only one of output_size and output_ratio may be specified");
  CHECK_ERROR(FractionalMaxPool2d(FractionalMaxPool2dOptions(3).output_ratio(1.5)),
              "output_ratio must be between 0 and 1 (got [1.5, 1.5])");
  CHECK_ERROR(F::fractional_max_pool2d(ones({1, 1, 4, 4}), F::FractionalMaxPool2dFuncOptions(3)),
              "fractional_max_pool2d requires specifying either an output_size or an output_ratio");
  CHECK_ERROR(fractional_max_pool2d(ones({1, 1, 4, 4}), 3, 6, rand({1, 1, 2})),
              "fractional_max_pool2d: kernel_size [3, 3] must leave room for output_size [6, 6] in "
              "input [1, 1, 4, 4]");
  CHECK_ERROR(fractional_max_pool2d(ones({2, 1, 4, 4}), 2, 2, rand({1, 1, 2})),
              "fractional_max_pool2d: random_samples must have shape [2, 1, 2] (batch, channels, "
              "spatial dims), got [1, 1, 2]");
  CHECK_ERROR(fractional_max_pool3d(ones({1, 4, 4, 4}), 2, 2, rand({1, 1, 3}, kDouble)),
              "fractional_max_pool3d: random_samples must have input's dtype Float, got Double");
}

TEST_CASE("AdaptiveLogSoftmaxWithLoss: agrees with its own log_prob; errors") {
  AdaptiveLogSoftmaxWithLoss m(AdaptiveLogSoftmaxWithLossOptions(8, 20, {4, 10, 15}).div_value(2));
  const Tensor x = randn({20, 8}), target = arange(20);
  const ASMoutput result = m(x, target);
  const Tensor all = m->log_prob(x);
  CHECK(all.exp().sum(1).allclose(ones({20})));
  CHECK(result.output.allclose(all.gather(1, target.unsqueeze(1)).squeeze(1)));
  CHECK(result.loss == doctest::Approx(-result.output.mean().item<double>()));
  CHECK(m->predict(x).equal(argmax(all, 1)));
  CHECK(m->predict(x * 0 + 5).sizes() == IntArrayRef({20}));
  CHECK(m->tail->size() == 3);
  const char* cutoffs_text =
      "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
      "where each value is between 1 and n_classes-1";
  for (const auto& cutoffs : std::vector<std::vector<int64_t>>{{}, {0, 2}, {10, 5}, {5, 5}, {20}})
    CHECK_ERROR(AdaptiveLogSoftmaxWithLoss(8, 20, cutoffs), cutoffs_text);
  CHECK_ERROR(m(x, arange(20).unsqueeze(1)),
              "0D or 1D target tensor expected, multi-target not supported");
  CHECK_ERROR(m(x, arange(19)),
              "Input and target should have the same size in the batch dimension.");
  CHECK_ERROR(m(x, arange(20) + 1),
              "Target values should be in [0, 19], but values in range [1, 20] were found. ");
}

TEST_CASE("Transformer: custom stacks, defaults through AnyModule, printing, errors") {
  const auto options = TransformerOptions(4, 2, 1, 1).dim_feedforward(6).dropout(0);
  Transformer transformer(options);
  const Tensor src = randn({5, 2, 4}), tgt = randn({3, 2, 4});
  const Tensor y = transformer(src, tgt);
  AnyModule any(transformer);
  CHECK(any.forward(src, tgt).equal(y));
  CHECK(
      std::dynamic_pointer_cast<TransformerImpl>(transformer->clone())->forward(src, tgt).equal(y));

  const auto encoder =
      std::dynamic_pointer_cast<TransformerEncoderImpl>(transformer->encoder.ptr());
  CHECK(encoder->options.encoder_layer()->options.dim_feedforward() == 6);

  auto custom = options;
  custom.custom_encoder(transformer->encoder).custom_decoder(transformer->decoder);
  Transformer again(custom);
  CHECK_FALSE(again(src, tgt).equal(y));  // its matrices were drawn anew
  again->load_state_dict(transformer->state_dict());
  CHECK(again(src, tgt).equal(y));

  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Tensor mask = TransformerImpl::generate_square_subsequent_mask(3);
  CHECK(mask.equal(tensor({{0., -kInf, -kInf}, {0., 0., -kInf}, {0., 0., 0.}}, kFloat)));
  // With it, the first step does not see the later ones.
  Tensor changed = tgt.clone();
  changed[2] = 7;
  const Tensor masked = transformer(src, tgt, Tensor(), mask);
  CHECK(masked[0].equal(transformer(src, changed, Tensor(), mask)[0]));
  CHECK_FALSE(y[0].equal(transformer(src, changed)[0]));

  std::ostringstream text;
  text << transformer;
  CHECK(text.str().rfind("torch::nn::TransformerImpl(\n"
                         "  (encoder): torch::nn::TransformerEncoderImpl(\n"
                         "    (layers): torch::nn::ModuleList(\n"
                         "      (0): torch::nn::TransformerEncoderLayerImpl(\n"
                         "        (self_attn): torch::nn::MultiheadAttention(\n",
                         0) == 0);
  CHECK(
      text.str().find("    (norm): torch::nn::LayerNorm([4], eps=1e-05, elementwise_affine=true)\n"
                      "  )\n"
                      "  (decoder): torch::nn::TransformerDecoderImpl(\n") != std::string::npos);

  CHECK_ERROR(transformer(ones({2, 4}), ones({2, 1, 4})),
              "src and tgt should have 3 dimensions, but got 2 and 3");
  CHECK_ERROR(transformer(ones({2, 3, 4}), ones({2, 1, 4})),
              "src and tgt should have equal batch size (at dim 1), but got 3 and 1");
  CHECK_ERROR(transformer(ones({2, 1, 5}), ones({2, 1, 5})),
              "src and tgt should have same feature size as d_model (at dim 2), but got 5 and 5 "
              "while d_model is 4");
}
