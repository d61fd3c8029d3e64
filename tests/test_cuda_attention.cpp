// Attention on the GPU: the kernels that keep no scores, against plain ops in double on the CPU.
#include <cmath>

#include "autograd/composed.h"
#include "autograd/engine.h"
#include "autograd/ops/attention.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/view.h"
#include "cuda/launch.h"
#include "cuda/precision.h"
#include "nn/modules/attention.h"
#include "tensor/kernels/attention.h"
#include "tests/attention_case.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

using Shape = AttentionShape;
using Case = AttentionCase;

/// Errors of sums of `terms` numbers of magnitude 1 in float, whose result and factors were rounded to `type`.
double tolerance(ScalarType type, int64_t terms) {
  return double(terms + 16) * (0x1p-22 + 0.5 * unit_roundoff(type)) + 2 * unit_roundoff(type);
}

void check_near(const Tensor& got, const Tensor& expected, double allowed) {
  check_within(got, expected, ones(expected.sizes(), kDouble), allowed);
}

/// Output and gradients in double.
std::vector<Tensor> expected_of(const Case& c, double scale) {
  const auto leaf = [](const Tensor& t) { return to_double(t).requires_grad_(true); };
  const Tensor q = leaf(c.query), k = leaf(c.key), v = leaf(c.value);
  Tensor mask = c.mask;
  if (mask.defined() && mask.dtype() != kBool) mask = to_double(mask);
  const Tensor y = scaled_dot_product_attention(q, k, v, mask, 0, c.causal, scale);
  y.backward(to_double(c.grad));
  return {y.detach(), q.grad(), k.grad(), v.grad()};
}

std::vector<Tensor> kernels_on(const Case& c, double scale) {
  const Tensor q = on_gpu(c.query), k = on_gpu(c.key), v = on_gpu(c.value), g = on_gpu(c.grad);
  const Tensor mask = c.mask.defined()
                          ? on_gpu(c.mask).expand({q.size(0), q.size(1), q.size(2), k.size(2)})
                          : Tensor();
  const auto made = [](const Tensor& t) { return empty(t.sizes(), t.options()); };
  const Tensor y = made(g), dq = made(q), dk = made(k), dv = made(v);
  const Tensor logsumexp = empty({y.size(0), y.size(1), y.size(2)}, y.options().dtype(kFloat));
  const cuda::AttentionOperands in{q, k, v, mask};
  const cuda::AttentionOptions options{scale, c.causal};
  cuda::attention_forward(y, logsumexp, in, options);
  cuda::attention_backward({dq, dk, dv}, g, in, y, logsumexp, options);
  return {y, dq, dk, dv};
}

void check_case(const Case& c, double scale) {
  const auto got = kernels_on(c, scale), expected = expected_of(c, scale);
  const ScalarType type = c.query.dtype();
  const int64_t queries = c.query.size(2), keys = c.key.size(2);
  const int64_t widths = c.query.size(3) + c.value.size(3);
  check_near(got[0], expected[0], tolerance(type, widths + keys));
  for (size_t i = 1; i < 4; ++i)
    check_near(got[i], expected[i], tolerance(type, widths + keys + queries));
}

}  // namespace

TEST_CASE("cuda attention: extents around the tiles, masks, dtypes") {
  if (!require_gpu()) return;
  const Shape shapes[] = {{1, 1, 1, 1, 1, 1},       {2, 3, 5, 7, 4, 6},
                          {1, 2, 64, 64, 32, 32},   {1, 1, 65, 130, 33, 64},
                          {2, 1, 70, 63, 128, 100}, {1, 2, 130, 20, 16, 17}};
  for (const Shape& shape : shapes) {
    for (const Masking masking :
         {Masking::none, Masking::causal, Masking::boolean, Masking::additive}) {
      for (const ScalarType type : {kFloat, kHalf, kBFloat16}) {
        CAPTURE(shape.queries);
        CAPTURE(int(masking));
        CAPTURE(std::string(to_string(type)));
        check_case(Case(shape, type, masking), 0.3);
      }
    }
  }
}

TEST_CASE("cuda attention: operands as a multi-head layer leaves them") {
  if (!require_gpu()) return;
  Case c({2, 3, 20, 20, 8, 8}, kFloat, Masking::causal);
  const auto lay = [](const Tensor& t) {
    return t.permute({2, 0, 1, 3}).contiguous().permute({1, 2, 0, 3});
  };
  c.query = lay(c.query), c.key = lay(c.key), c.value = lay(c.value), c.grad = lay(c.grad);
  check_case(c, 0.5);
  // One key and value for all heads, and a gradient that is one number.
  c.key = c.key.narrow(1, 0, 1).contiguous().expand(c.key.sizes());
  const auto got = kernels_on(c, 0.5);
  check_near(got[0], expected_of(c, 0.5)[0], tolerance(kFloat, 36));
}

TEST_CASE("cuda attention: scores far apart neither overflow nor lose the sum") {
  if (!require_gpu()) return;
  Case c({1, 1, 3, 200, 4, 4}, kFloat, Masking::none);
  c.query = c.query * 300;
  c.key = c.key * 10;
  const auto got = kernels_on(c, 1), expected = expected_of(c, 1);
  // The largest scores are about 1e4, where float32 is 1e-3 coarse.
  check_near(got[0], expected[0], 0.02);
  CHECK(got[1].cpu().isfinite().all().item<bool>());
}

TEST_CASE("cuda attention: the op is one node in float32, to second order; broadcasts") {
  if (!require_gpu()) return;
  const auto leaf = [](IntArrayRef sizes, Device device) {
    return random_values(sizes, kFloat).to(device).requires_grad_(true);
  };
  const std::vector<std::array<DimVector, 3>> shapes = {
      {{{5, 8}, {7, 8}, {7, 3}}},
      {{{3, 5, 8}, {3, 7, 8}, {3, 7, 3}}},
      {{{2, 1, 5, 8}, {4, 7, 8}, {1, 7, 3}}},
  };
  for (const auto& [q_sizes, k_sizes, v_sizes] : shapes) {
    const Tensor q = leaf(q_sizes, kCUDA), k = leaf(k_sizes, kCUDA), v = leaf(v_sizes, kCUDA);
    const auto host = [](const Tensor& t) { return to_double(t).requires_grad_(true); };
    const Tensor hq = host(q), hk = host(k), hv = host(v);
    const int64_t before = cuda::launch_count();
    const Tensor y = scaled_dot_product_attention(q, k, v);
    CHECK(cuda::launch_count() == before + 1);
    CHECK(y.grad_fn()->name() == "ScaledDotProductAttentionBackward");
    const Tensor expected = scaled_dot_product_attention(hq, hk, hv);
    check_near(y, expected.detach(), tolerance(kFloat, 18));
    y.backward(ones_like(y));
    expected.backward(ones_like(expected));
    check_near(q.grad(), hq.grad(), tolerance(kFloat, 64));
    check_near(k.grad(), hk.grad(), tolerance(kFloat, 64));
    check_near(v.grad(), hv.grad(), tolerance(kFloat, 64));
  }
  const Tensor q = leaf({2, 5, 8}, kCUDA), k = leaf({2, 7, 8}, kCUDA), v = leaf({2, 7, 3}, kCUDA);
  const auto penalty = [](const Tensor& a, const Tensor& b, const Tensor& c) {
    const Tensor y = scaled_dot_product_attention(a, b, c);
    const auto first = autograd::grad({y.mul(y).sum()}, {a, b, c}, {}, true, true);
    return autograd::grad({first[0].mul(first[0]).sum() + first[1].mul(first[1]).sum()}, {a, b, c});
  };
  const auto host = [](const Tensor& t) { return to_double(t).requires_grad_(true); };
  const auto got = penalty(q, k, v), expected = penalty(host(q), host(k), host(v));
  for (size_t i = 0; i < 3; ++i) check_near(got[i], expected[i], tolerance(kFloat, 500));
}

TEST_CASE("cuda attention: dropout in float32, to second order") {
  if (!require_gpu()) return;
  const double p = 0.25;
  for (const Masking masking : {Masking::none, Masking::causal, Masking::additive}) {
    CAPTURE(int(masking));
    Case c({2, 3, 70, 100, 8, 100}, kFloat, masking);
    const Tensor mask = c.mask.defined() ? c.mask : Tensor();
    const auto on = [&](const Tensor& query, const Tensor& key, const Tensor& value) {
      return scaled_dot_product_attention(query, key, value, mask.defined() ? mask.to(kCUDA) : mask,
                                          p, c.causal, 0.3);
    };
    const auto leaf = [](const Tensor& t) { return t.to(kCUDA).requires_grad_(true); };
    const Tensor q = leaf(c.query), k = leaf(c.key), v = leaf(c.value);
    // With the unit matrix as values, the output is the weights after dropout.
    manual_seed(5);
    const Tensor weights = to_double(on(q, k, eye(100).to(kCUDA).expand({2, 3, 100, 100})));
    const Tensor kept = weights.gt(0).to(kDouble) / (1 - p);
    const double seen = c.causal ? 6 * 70 * 71 / 2 : 6 * 70 * 100;
    CHECK(std::abs(kept.sum().item<double>() / seen - 1) < 5 * std::sqrt(p / (1 - p) / seen));
    const auto host = [](const Tensor& t) { return to_double(t).requires_grad_(true); };
    const Tensor hq = host(c.query), hk = host(c.key), hv = host(c.value);
    const auto expected_of = [&](const Tensor& a, const Tensor& b, const Tensor& values) {
      Tensor scores = a.matmul(b.transpose(2, 3)) * 0.3;
      if (mask.defined()) scores = scores + to_double(mask);
      if (c.causal)
        scores = scores.masked_fill(ones({70, 100}, kBool).tril().logical_not(), -1e300);
      return softmax(scores, -1).mul(kept).matmul(values);
    };
    manual_seed(5);
    const Tensor y = on(q, k, v), expected = expected_of(hq, hk, hv);
    CHECK(y.grad_fn()->name() == "ScaledDotProductAttentionBackward");
    check_near(y, expected.detach(), tolerance(kFloat, 108));
    const auto grads = autograd::grad({y}, {q, k, v}, {c.grad.to(kCUDA)}, true);
    const auto expected_grads = autograd::grad({expected}, {hq, hk, hv}, {to_double(c.grad)}, true);
    for (size_t i = 0; i < 3; ++i) check_near(grads[i], expected_grads[i], tolerance(kFloat, 178));
    const auto second = [](const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& g) {
      const Tensor first = autograd::grad({out}, {a}, {g}, true, true)[0];
      return autograd::grad({first.mul(first).sum()}, {b})[0];
    };
    check_near(second(y, q, k, c.grad.to(kCUDA)), second(expected, hq, hk, to_double(c.grad)),
               tolerance(kFloat, 2000));
    manual_seed(5);
    CHECK(on(q, k, v).eq(y).all().item<bool>());
    CHECK_FALSE(on(q, k, v).eq(y).all().item<bool>());
  }
}

TEST_CASE("cuda attention: 16-bit types of odd widths, composed") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kHalf, kBFloat16}) {
    const Case c({2, 3, 5, 7, 8, 4}, type, Masking::boolean);
    const auto expected = expected_of(c, 0.3);
    const auto leaf = [](const Tensor& t) { return t.to(kCUDA).requires_grad_(true); };
    const Tensor q = leaf(c.query), k = leaf(c.key), v = leaf(c.value);
    const Tensor y = scaled_dot_product_attention(q, k, v, c.mask.to(kCUDA), 0, false, 0.3);
    CHECK(y.dtype() == type);
    y.backward(c.grad.to(kCUDA));
    check_near(y, expected[0], tolerance(type, 19));
    check_near(q.grad(), expected[1], tolerance(type, 24));
    check_near(k.grad(), expected[2], tolerance(type, 24));
    check_near(v.grad(), expected[3], tolerance(type, 24));
  }
}

TEST_CASE("cuda attention: a multi-head layer") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kBFloat16}) {
    nn::MultiheadAttention layer(nn::MultiheadAttentionOptions(12, 3));
    layer->to(type);
    const Tensor x = random_values({6, 2, 12}, type);
    for (const bool weights_too : {false, true}) {
      layer->to(kCPU);
      layer->to(kDouble);
      const Tensor expected =
          std::get<0>(layer->forward(to_double(x), to_double(x), to_double(x), {}, weights_too));
      layer->to(type);
      layer->to(Device(kCUDA));
      const Tensor in = x.to(kCUDA);
      const Tensor got = std::get<0>(layer->forward(in, in, in, {}, weights_too));
      CHECK(got.dtype() == type);
      check_near(got, expected.detach(), tolerance(type, 36));
    }
  }
}
