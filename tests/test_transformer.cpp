// MultiheadAttention and the transformer layers.
#include <cmath>

#include <doctest/doctest.h>

#include "autograd/gradcheck.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "nn/nn.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::nn;
namespace F = fg::nn::functional;

namespace {

bool close(const Tensor& a, const Tensor& b) { return a.allclose(b, 1e-10, 1e-12); }

MultiheadAttention double_attention(const MultiheadAttentionOptions& options) {
  MultiheadAttention attention(options);
  attention->to(kDouble);
  for (const Tensor& parameter : attention->parameters()) parameter.data().uniform_(-1, 1);
  return attention;
}

/// One head at a time, by the formula.
Tensor by_heads(MultiheadAttention& a, const Tensor& q, const Tensor& k, const Tensor& v,
                const Tensor& mask) {
  const int64_t embed = a->options.embed_dim(), heads = a->options.num_heads();
  const int64_t width = embed / heads;
  std::vector<Tensor> results;
  for (int64_t h = 0; h < heads; ++h) {
    auto part = [&](const Tensor& x, int64_t which) {
      const int64_t start = which * embed + h * width;
      const Tensor weight = a->in_proj_weight.slice(0, start, start + width);
      return (x.matmul(weight.t()) + a->in_proj_bias.slice(0, start, start + width))
          .transpose(0, 1);
    };
    Tensor scores = part(q, 0).matmul(part(k, 1).transpose(1, 2)) / std::sqrt(double(width));
    if (mask.defined()) scores = scores + mask;
    results.push_back(scores.softmax(-1).matmul(part(v, 2)).transpose(0, 1));
  }
  return a->out_proj(fg::cat(results, -1));
}

}  // namespace

TEST_CASE("attention equals the formula, head by head") {
  manual_seed(3);
  auto attention = double_attention(MultiheadAttentionOptions(6, 3));
  const Tensor q = rand({4, 2, 6}, kDouble), k = rand({5, 2, 6}, kDouble),
               v = rand({5, 2, 6}, kDouble);
  const auto [result, weights] = attention(q, k, v);
  CHECK(close(result, by_heads(attention, q, k, v, {})));
  CHECK(weights.sizes() == IntArrayRef({2, 4, 5}));
  CHECK(close(weights.sum(-1), ones({2, 4}, kDouble)));
  CHECK(close(std::get<0>(attention(q, k, v, Tensor(), false)), result));
  CHECK_FALSE(std::get<1>(attention(q, k, v, Tensor(), false)).defined());
  CHECK(std::get<1>(attention(q, k, v, Tensor(), true, Tensor(), false)).sizes() ==
        IntArrayRef({2, 3, 4, 5}));
  CHECK(close(std::get<0>(attention(q, q, q)), by_heads(attention, q, q, q, {})));

  auto first = double_attention(MultiheadAttentionOptions(6, 3).batch_first(true));
  first->load_state_dict(attention->state_dict());
  CHECK(close(std::get<0>(first(q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1))),
              result.transpose(0, 1)));
}

TEST_CASE("attention masks") {
  manual_seed(4);
  auto attention = double_attention(MultiheadAttentionOptions(4, 2));
  const Tensor x = rand({3, 2, 4}, kDouble);
  const Tensor causal = ones({3, 3}, kBool).triu(1);
  const Tensor additive = zeros({3, 3}, kDouble).masked_fill(causal, -INFINITY);
  const Tensor expected = by_heads(attention, x, x, x, additive);
  for (const bool need_weights : {true, false}) {
    CHECK(close(std::get<0>(attention(x, x, x, Tensor(), need_weights, causal)), expected));
    CHECK(close(std::get<0>(attention(x, x, x, Tensor(), need_weights, additive)), expected));
    CHECK(close(std::get<0>(attention(x, x, x, Tensor(), need_weights,
                                      causal.unsqueeze(0).expand({4, 3, 3}))),
                expected));
    // Ignoring the last key is as if it were not there.
    const Tensor padding = tensor({{false, false, true}, {false, false, true}});
    CHECK(close(std::get<0>(attention(x, x, x, padding, need_weights)),
                by_heads(attention, x, x.slice(0, 0, 2), x.slice(0, 0, 2), {})));
  }
}

TEST_CASE("attention with other widths, learned and zero keys") {
  manual_seed(5);
  auto attention = double_attention(
      MultiheadAttentionOptions(4, 2).kdim(3).vdim(5).add_bias_kv(true).add_zero_attn(true));
  CHECK(attention->state_dict().keys() ==
        std::vector<std::string>{"q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias",
                                 "bias_k", "bias_v", "out_proj.weight", "out_proj.bias"});
  const Tensor q = rand({2, 3, 4}, kDouble), k = rand({4, 3, 3}, kDouble),
               v = rand({4, 3, 5}, kDouble);
  const Tensor padding = zeros({3, 4}, kBool);
  const auto [result, weights] = attention(q, k, v, padding);
  CHECK(result.sizes() == IntArrayRef({2, 3, 4}));
  CHECK(weights.sizes() == IntArrayRef({3, 2, 6}));
  CHECK(autograd::gradcheck(
      [&](const std::vector<Tensor>& x) {
        return std::vector<Tensor>{std::get<0>(attention(x[0], x[1], x[2]))};
      },
      {q.requires_grad_(), k.requires_grad_(), v.requires_grad_()}));
}

TEST_CASE("attention: errors") {
  CHECK_THROWS_WITH_AS(MultiheadAttention(5, 2), "embed_dim must be divisible by num_heads", Error);
  MultiheadAttention attention(4, 2);
  const Tensor x = rand({3, 2, 4});
  CHECK_THROWS_WITH_AS(
      attention(rand({3, 4}), x, x),
      "multi_head_attention_forward: query must have shape [length, batch, 4], got "
      "[3, 4]",
      Error);
  CHECK_THROWS_WITH_AS(
      attention(x, x, rand({2, 2, 4})),
      "multi_head_attention_forward: key and value must have one length and query's "
      "batch 2, got shapes [3, 2, 4] and [2, 2, 4]",
      Error);
  CHECK_THROWS_WITH_AS(
      attention(x, x, x, Tensor(), true, zeros({2, 2})),
      "multi_head_attention_forward: attn_mask must have shape [3, keys] or [4, 3, "
      "keys], got [2, 2]",
      Error);
  CHECK_THROWS_WITH_AS(
      attention(x, x, x, zeros({3, 3})),
      "multi_head_attention_forward: key_padding_mask must have shape [2, keys], got "
      "[3, 3]",
      Error);
}

TEST_CASE("transformer layers: the residual structure") {
  manual_seed(6);
  for (const bool norm_first : {false, true}) {
    TransformerEncoderLayer layer(TransformerEncoderLayerOptions(4, 2)
                                      .dim_feedforward(8)
                                      .dropout(0)
                                      .activation(kGELU)
                                      .norm_first(norm_first));
    const Tensor x = rand({3, 2, 4});
    auto attend = [&](const Tensor& y) { return std::get<0>(layer->self_attn(y, y, y)); };
    auto feed = [&](const Tensor& y) { return layer->linear2(F::gelu(layer->linear1(y))); };
    Tensor expected;
    if (norm_first) {
      const Tensor y = x + attend(layer->norm1(x));
      expected = y + feed(layer->norm2(y));
    } else {
      const Tensor y = layer->norm1(x + attend(x));
      expected = layer->norm2(y + feed(y));
    }
    CHECK(layer(x).allclose(expected, 1e-5, 1e-6));
  }
  TransformerDecoderLayer decoder(
      TransformerDecoderLayerOptions(4, 2).dim_feedforward(8).dropout(0));
  const Tensor x = rand({3, 2, 4}), memory = rand({5, 2, 4});
  Tensor y = decoder->norm1(x + std::get<0>(decoder->self_attn(x, x, x)));
  y = decoder->norm2(y + std::get<0>(decoder->multihead_attn(y, memory, memory)));
  y = decoder->norm3(y + decoder->linear2(decoder->linear1(y).relu()));
  CHECK(decoder(x, memory).allclose(y, 1e-5, 1e-6));
}

TEST_CASE("transformer stacks copy their layer") {
  TransformerEncoderLayer layer(TransformerEncoderLayerOptions(4, 2).dim_feedforward(8).dropout(0));
  TransformerEncoder encoder(
      TransformerEncoderOptions(layer, 2).norm(AnyModule(LayerNorm(LayerNormOptions({4})))));
  const Tensor x = rand({3, 2, 4});
  CHECK(encoder(x).allclose(LayerNorm(LayerNormOptions({4}))(layer(layer(x))), 1e-5, 1e-6));
  CHECK(encoder->parameters().size() == 2 * layer->parameters().size() + 2);
  CHECK(encoder->named_parameters().keys()[0] == "layers.0.self_attn.in_proj_weight");
  auto copy = std::dynamic_pointer_cast<TransformerEncoderImpl>(encoder->clone());
  CHECK(copy->forward(x).equal(encoder->forward(x)));

  TransformerDecoder decoder(TransformerDecoderOptions(
      TransformerDecoderLayerOptions(4, 2).dim_feedforward(8).dropout(0), 2));
  CHECK(decoder(x, encoder(x)).sizes() == x.sizes());
  CHECK(Sequential(encoder, Linear(4, 1))->forward(x).sizes() == IntArrayRef({3, 2, 1}));
}
