#include "tests/norm_test_util.h"
#include "tests/op_check.h"

using namespace fg;
using fg::test::check_gradients;
using fg::test::close;
using fg::test::wave;

namespace {
Tensor number(double value) { return tensor(value, kDouble); }
}  // namespace

TEST_CASE("scaled_dot_product_attention has PyTorch's values") {
  const Tensor q = wave({2, 3, 4}), k = wave({2, 5, 4}, 1), v = wave({2, 5, 2}, 2);
  const Tensor mask = wave({3, 5}, 3), g = wave({2, 3, 2}, 0.5);
  const auto weighed = [&](const Tensor& y) { return y.mul(g).sum(); };
  CHECK(close(weighed(scaled_dot_product_attention(q, k, v)), number(0.142783411565759)));
  CHECK(close(weighed(scaled_dot_product_attention(q, k, v, {}, 0, true)),
              number(-0.05391971391628936)));
  CHECK(close(weighed(scaled_dot_product_attention(q, k, v, mask.gt(0), 0, false, 0.3)),
              number(1.063729737732018)));
  CHECK(close(weighed(scaled_dot_product_attention(q, k, v, mask)), number(0.33376733218670285)));
  manual_seed(2);
  CHECK(close(scaled_dot_product_attention(q, k, v, {}, 0.5).sum(), number(0.6272694561952483)));
}

TEST_CASE("scaled_dot_product_attention: shapes") {
  const Tensor q = wave({2, 1, 3, 4}), k = wave({4, 5, 4}), v = wave({4, 5, 2});
  CHECK(scaled_dot_product_attention(q, k, v).sizes().equals({2, 4, 3, 2}));
  CHECK(scaled_dot_product_attention(q[0][0], k[0], v[0]).sizes().equals({3, 2}));
  CHECK(scaled_dot_product_attention(q.to(kHalf), k.to(kHalf), v.to(kHalf)).dtype() == kHalf);
}

TEST_CASE("scaled_dot_product_attention: a causal position sees no later one") {
  const Tensor q = wave({1, 4, 3}), k = wave({1, 4, 3}, 1), v = wave({1, 4, 2}, 2);
  const Tensor y = scaled_dot_product_attention(q, k, v, {}, 0, true);
  CHECK(close(y[0][0], v[0][0]));
  for (int64_t length = 1; length < 4; ++length) {
    const Tensor prefix = scaled_dot_product_attention(
        q.narrow(1, 0, length), k.narrow(1, 0, length), v.narrow(1, 0, length), {}, 0, true);
    CHECK(close(prefix, y.narrow(1, 0, length)));
  }
}

TEST_CASE(
    "scaled_dot_product_attention: a query that sees nothing gives zeros and zero gradients") {
  const Tensor q = wave({1, 2, 3}).requires_grad_(), k = wave({1, 2, 3}, 1), v = wave({1, 2, 3}, 2);
  const Tensor mask = tensor({{false, false}, {true, false}});
  const Tensor y = scaled_dot_product_attention(q, k, v, mask);
  CHECK(close(y.detach(), stack({zeros({3}, kDouble), v[0][0]}).unsqueeze(0)));
  y.sum().backward();
  CHECK(close(q.grad(), zeros({1, 2, 3}, kDouble)));
}

TEST_CASE("scaled_dot_product_attention: gradients of both orders") {
  const std::vector<Tensor> inputs{wave({2, 3, 4}), wave({2, 5, 4}, 1), wave({2, 5, 2}, 2)};
  check_gradients(
      "attention",
      [](const TensorList& in) { return scaled_dot_product_attention(in[0], in[1], in[2]); },
      inputs);
  check_gradients(
      "causal attention",
      [](const TensorList& in) {
        return scaled_dot_product_attention(in[0], in[1], in[2], {}, 0, true);
      },
      inputs);
  check_gradients(
      "masked attention",
      [](const TensorList& in) {
        const Tensor mask = wave({3, 5}, 3).gt(0).to(in[0].device());
        return scaled_dot_product_attention(in[0], in[1], in[2], mask);
      },
      inputs);
}

TEST_CASE("scaled_dot_product_attention errors") {
  const Tensor q = zeros({2, 3, 4}), k = zeros({2, 5, 4}), v = zeros({2, 5, 2});
  const std::string op = "scaled_dot_product_attention: ";
  CHECK_THROWS_WITH_AS(
      scaled_dot_product_attention(q, k.to(kDouble), v),
      (op + "query, key and value must share one floating dtype, got Float, Double "
            "and Float")
          .c_str(),
      Error);
  CHECK_THROWS_WITH_AS(
      scaled_dot_product_attention(zeros({4}), k, v),
      (op + "query, key and value must have at least 2 dims, got query [4], key [2, "
            "5, 4], value [2, 5, 2]")
          .c_str(),
      Error);
  CHECK_THROWS_WITH_AS(
      scaled_dot_product_attention(q, zeros({2, 5, 3}), v),
      (op + "query and key must agree in their last extent, got query [2, 3, 4], key "
            "[2, 5, 3], value [2, 5, 2]")
          .c_str(),
      Error);
  CHECK_THROWS_WITH_AS(
      scaled_dot_product_attention(q, k, zeros({2, 4, 2})),
      (op + "key and value must agree in their last but one extent, got query [2, 3, "
            "4], key [2, 5, 4], value [2, 4, 2]")
          .c_str(),
      Error);
  CHECK_THROWS_WITH_AS(scaled_dot_product_attention(q, k, v, zeros({3, 5}), 0, true),
                       (op + "attn_mask must be undefined with is_causal").c_str(), Error);
  CHECK_THROWS_WITH_AS(scaled_dot_product_attention(q, k, v, zeros({3, 5}, kLong)),
                       (op + "attn_mask must be Bool or floating, got Long").c_str(), Error);
}

TEST_CASE("scaled_dot_product_attention: a query that may look at nothing has no gradient, twice") {
  manual_seed(2);
  const auto leaf = [](IntArrayRef sizes) { return randn(sizes, kDouble).requires_grad_(true); };
  const Tensor q = leaf({3, 4}), k = leaf({5, 4}), v = leaf({5, 2});
  const Tensor visible = ones({3, 5}, kBool);
  visible[1].fill_(false);
  const Tensor added = where(visible, 0, -std::numeric_limits<double>::infinity()).to(kDouble);
  for (const Tensor& mask : {visible, added}) {
    const Tensor y = scaled_dot_product_attention(q, k, v, mask);
    CHECK(y[1].eq(0).all().item<bool>());
    const auto first = autograd::grad({y.square().sum()}, {q, k, v}, {}, true, true);
    CHECK(first[0][1].eq(0).all().item<bool>());
    const Tensor penalty = first[0].square().sum() + first[1].square().sum();
    for (const Tensor& grad : autograd::grad({penalty}, {q, k, v}))
      CHECK(grad.isfinite().all().item<bool>());
  }
}
