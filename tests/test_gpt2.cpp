// GPT-2: the published files' keys and layouts, and the past alone decides. PyTorch's outputs: tests/pytorch/weights.py.
#include <doctest/doctest.h>

#include "nn/models/gpt2.h"
#include "tensor/factories.h"
#include "tensor/state_dict.h"

using namespace fg;
using nn::models::GPT2;
using nn::models::GPT2Options;

namespace {
GPT2Options tiny() {
  return GPT2Options().vocab_size(20).n_positions(8).n_embd(12).n_layer(2).n_head(3);
}
}  // namespace

TEST_CASE("gpt2: the keys and layouts of the published files") {
  const StateDict state = GPT2(tiny())->state_dict();
  CHECK(state.size() == 2 + 2 * 12 + 2);
  CHECK(state["wpe.weight"].sizes() == IntArrayRef({8, 12}));
  CHECK(state["h.0.attn.c_attn.weight"].sizes() == IntArrayRef({12, 36}));
  CHECK(state["h.1.mlp.c_fc.weight"].sizes() == IntArrayRef({12, 48}));
  CHECK(state["h.1.mlp.c_proj.bias"].sizes() == IntArrayRef({12}));
  for (const char* key : {"wte.weight", "h.0.ln_1.weight", "h.1.ln_2.bias", "ln_f.bias"})
    CHECK_MESSAGE(state.contains(key), key);
}

TEST_CASE("gpt2: a token changes no earlier output, and every parameter learns") {
  manual_seed(0);
  GPT2 model(tiny());
  model->eval();
  const Tensor tokens = randint(20, {2, 6}, kLong), other = tokens.clone();
  other.select(1, 4).fill_(19);
  const Tensor a = model->forward(tokens), b = model->forward(other);
  CHECK(a.sizes() == IntArrayRef({2, 6, 20}));
  CHECK(a.narrow(1, 0, 4).equal(b.narrow(1, 0, 4)));
  CHECK_FALSE(a.narrow(1, 4, 2).equal(b.narrow(1, 4, 2)));
  a.square().sum().backward();
  for (const auto& parameter : model->named_parameters())
    CHECK_MESSAGE(parameter->grad().defined(), parameter.key());
}

TEST_CASE("gpt2: errors") {
  CHECK_THROWS_WITH_AS(GPT2(tiny().n_head(5)), "GPT2: n_head must divide n_embd 12, got 5", Error);
  GPT2 model(tiny());
  CHECK_THROWS_WITH_AS(model->forward(zeros({1, 9}, kLong)),
                       "GPT2: tokens must have shape [batch, length <= 8], got [1, 9]", Error);
}
