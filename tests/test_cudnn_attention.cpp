// Attention by cuDNN, against plain products in double on the CPU.
//
// Bounds of the errors, with u the rounding of the 16-bit type. Factors of products are rounded to it, sums are in
// float. P are the weights, M / k dropout's factors, W = P M / k, O the output, g its gradient, d = sum of O g over a
// row, G = P (M / k (g V^T) - d):
//   O      u W |V| for the rounding of W,
//   grad_V u W^T |g|,
//   E_G  = u (P (|M / k (g V^T)| + |d|) for the rounding of G, and u P sum |O| |g| for that of O),
//   grad_Q scale E_G |K|,  grad_K scale E_G^T |Q|;
// each twice for what float adds, and u times the result itself.
#include <cmath>

#include "autograd/engine.h"
#include "autograd/ops/attention.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/view.h"
#include "cuda/cudnn/attention_graph.h"
#include "cuda/launch.h"
#include "cuda/precision.h"
#include "tests/attention_case.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

using Shape = AttentionShape;
struct Case : AttentionCase {
  double scale = 0.3;
  using AttentionCase::AttentionCase;
};

/// Output, gradients of query, key and value, or their bounds.
using Results = std::array<Tensor, 4>;

/// Values in double and the bounds of their errors; `kept` holds dropout's factors M / k, 1 without dropout.
std::pair<Results, Results> expected_of(const Case& c, Tensor kept = ones({}, kDouble)) {
  const Tensor q = to_double(c.query), k = to_double(c.key), v = to_double(c.value);
  const Tensor g = to_double(c.grad);
  const auto transposed = [](const Tensor& t) { return t.transpose(-2, -1); };
  Tensor scores = q.matmul(transposed(k)) * c.scale;
  if (c.causal)
    scores = scores.masked_fill(ones({q.size(2), k.size(2)}, kBool).tril().logical_not(),
                                kMinusInfinity);
  if (c.mask.defined())
    scores = c.mask.dtype() == kBool ? scores.masked_fill(c.mask.logical_not(), kMinusInfinity)
                                     : scores + to_double(c.mask);
  const Tensor blind = scores.eq(kMinusInfinity).all(-1, true);
  const Tensor p = softmax(scores, -1).masked_fill(blind, 0), w = p * kept;
  const Tensor out = w.matmul(v), h = kept * g.matmul(transposed(v));
  const Tensor delta = (out * g).sum(IntArrayRef{-1}, true);
  const Tensor grad_scores = p * (h - delta);
  const double u = unit_roundoff(c.query.dtype());
  const Tensor error =
      p * (h.abs() + delta.abs() + (out.abs() * g.abs()).sum(IntArrayRef{-1}, true)) * u;
  const Results values = {out, grad_scores.matmul(k) * c.scale,
                          transposed(grad_scores).matmul(q) * c.scale, transposed(w).matmul(g)};
  Results bounds = {w.matmul(v.abs()) * u, error.matmul(k.abs()) * c.scale,
                    transposed(error).matmul(q.abs()) * c.scale, transposed(w).matmul(g.abs()) * u};
  for (size_t i = 0; i < 4; ++i) bounds[i] = bounds[i] * 2 + values[i].abs() * u + 0x1p-20;
  return {values, bounds};
}

struct Leaves {
  Tensor query, key, value;

  explicit Leaves(const Case& c)
      : query(on_gpu(c.query).requires_grad_(true)),
        key(on_gpu(c.key).requires_grad_(true)),
        value(on_gpu(c.value).requires_grad_(true)) {}
};

Tensor attention(const Leaves& in, const Case& c, double dropout_p = 0) {
  return scaled_dot_product_attention(in.query, in.key, in.value,
                                      c.mask.defined() ? c.mask.to(kCUDA) : Tensor(), dropout_p,
                                      c.causal, c.scale);
}

Results results_of(const Case& c, double dropout_p = 0) {
  const Leaves in(c);
  const Tensor y = attention(in, c, dropout_p);
  y.backward(on_gpu(c.grad));
  return {y.detach(), in.query.grad(), in.key.grad(), in.value.grad()};
}

void check_results(const Results& got, const std::pair<Results, Results>& expected) {
  for (size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    check_within(got[i], expected.first[i], expected.second[i], 1);
  }
}

bool same_bits(const Results& a, const Results& b) {
  for (size_t i = 0; i < 4; ++i)
    if (!a[i].eq(b[i]).all().item<bool>()) return false;
  return true;
}

/// Restores the switch.
struct VaryingSums {
  VaryingSums() { globalContext().setDeterministicCuDNN(false); }
  ~VaryingSums() { globalContext().setDeterministicCuDNN(true); }
};

}  // namespace

TEST_CASE("cudnn attention: cuDNN takes the graphs' descriptors; needs no GPU") {
  using namespace cuda;
  const Case c({2, 3, 5, 7, 8, 16}, kHalf);
  for (const bool causal : {false, true}) {
    for (const double dropout_p : {0.0, 0.5}) {
      for (const bool deterministic : {false, true}) {
        AttentionOperands in{c.query, c.key, c.value, {}};
        in.mask = zeros({7}, kHalf).expand({2, 3, 5, 7});
        const auto forward = make_attention_problem(in, c.grad, {1, causal, dropout_p, {}});
        REQUIRE(forward);
        CHECK(cudnn::attention_graph(*forward, {}));
        auto backward = make_attention_problem(*forward, c.grad, {c.query, c.key, c.value});
        REQUIRE(backward);
        backward->deterministic = deterministic;
        CHECK(cudnn::attention_graph(*backward, {}));
      }
    }
  }
}

TEST_CASE("cudnn attention: values and gradients; no kernel of ours runs") {
  if (!require_gpu()) return;
  const Shape shapes[] = {
      {2, 3, 64, 64, 64, 64},   {1, 2, 128, 128, 128, 128}, {2, 2, 70, 130, 64, 32},
      {1, 2, 330, 270, 40, 72}, {2, 1, 5, 7, 8, 16},        {1, 2, 1, 33, 64, 64},
      {1, 2, 33, 1, 16, 16},    {2, 1, 1, 1, 8, 8},         {1, 2, 70, 64, 256, 256}};
  for (const Shape& shape : shapes) {
    for (const Masking masking :
         {Masking::none, Masking::causal, Masking::boolean, Masking::additive}) {
      for (const ScalarType type : {kHalf, kBFloat16}) {
        // cuDNN compiles kernels for each pattern and type, which takes its time.
        if (type == kHalf && masking != Masking::causal) continue;
        CAPTURE(shape.queries);
        CAPTURE(shape.keys);
        CAPTURE(shape.width);
        CAPTURE(int(masking));
        CAPTURE(std::string(to_string(type)));
        const Case c(shape, type, masking);
        const Leaves in(c);
        const Tensor g = on_gpu(c.grad);
        const int64_t before = cuda::launch_count();
        const Tensor y = attention(in, c);
        const bool taken = shape.keys > 1 || !c.mask.defined();  // no bias of one column
        CHECK((y.grad_fn()->name() == "ScaledDotProductAttentionBackward") == taken);
        const auto grads = autograd::grad({y}, {in.query, in.key, in.value}, {g});
        if (!c.mask.defined()) CHECK(cuda::launch_count() == before);
        check_results({y.detach(), grads[0], grads[1], grads[2]}, expected_of(c));
      }
    }
  }
}

TEST_CASE("cudnn attention: slices of one projection are read and written where they lie") {
  if (!require_gpu()) return;
  const int64_t batch = 2, rows = 50, heads = 3, width = 16;
  const Tensor packed = random_values({batch, rows, 3, heads, width}, kBFloat16);
  Case c({batch, heads, rows, rows, width, width}, kBFloat16, Masking::causal);
  const auto slice = [&](int64_t i) { return packed.select(2, i).transpose(1, 2); };
  c.query = slice(0), c.key = slice(1), c.value = slice(2);
  const Leaves in(c);
  const Tensor g = on_gpu(c.grad.transpose(1, 2).contiguous().transpose(1, 2));
  const int64_t before = cuda::launch_count();
  const Tensor y = attention(in, c);
  CHECK(y.transpose(1, 2).is_contiguous());
  const auto grads = autograd::grad({y}, {in.query, in.key, in.value}, {g});
  CHECK(cuda::launch_count() == before);
  for (const Tensor& grad : grads) CHECK(grad.transpose(1, 2).is_contiguous());
  check_results({y.detach(), grads[0], grads[1], grads[2]}, expected_of(c));
}

TEST_CASE("cudnn attention: operands that it cannot read as they lie, and broadcast ones") {
  if (!require_gpu()) return;
  const Shape shape{2, 3, 20, 30, 16, 24};
  Case c(shape, kHalf);
  SUBCASE("an odd address") {
    const Tensor memory = random_values({1 + c.query.numel()}, kHalf);
    c.query = memory.narrow(0, 1, c.query.numel()).view(c.query.sizes());
  }
  SUBCASE("rows 17 apart") { c.key = random_values({2, 3, 30, 17}, kHalf).narrow(3, 0, 16); }
  SUBCASE("columns apart") { c.value = random_values({2, 3, 24, 30}, kHalf).transpose(2, 3); }
  SUBCASE("one key head for all") {
    c.key = random_values({2, 1, 30, 16}, kHalf).expand({2, 3, 30, 16});
    c.value = random_values({2, 1, 30, 24}, kHalf).expand({2, 3, 30, 24});
  }
  SUBCASE("a gradient that is one number") { c.grad = ones({}, kHalf).expand({2, 3, 20, 24}); }
  check_results(results_of(c), expected_of(c));
}

TEST_CASE("cudnn attention: masks that broadcast, or lie oddly") {
  if (!require_gpu()) return;
  Case c({2, 3, 70, 130, 16, 24}, kBFloat16);
  const auto values = [](IntArrayRef sizes) { return random_values(sizes, kBFloat16); };
  SUBCASE("for all heads") { c.mask = values({2, 1, 70, 130}); }
  SUBCASE("for all batches") { c.mask = values({3, 70, 130}); }
  SUBCASE("one") { c.mask = values({70, 130}); }
  SUBCASE("one, expanded") { c.mask = values({70, 130}).expand({2, 3, 70, 130}); }
  SUBCASE("per key") { c.mask = values({130}); }
  SUBCASE("per query") { c.mask = values({3, 70, 1}); }
  SUBCASE("a number") { c.mask = values({}); }
  SUBCASE("in columns") { c.mask = values({130, 70}).transpose(0, 1); }
  SUBCASE("at an odd address") { c.mask = values({131}).narrow(0, 1, 130); }
  SUBCASE("rows 131 apart") { c.mask = values({70, 131}).narrow(1, 0, 130); }
  SUBCASE("an odd number of keys") {
    c.key = c.key.narrow(2, 0, 129), c.value = c.value.narrow(2, 0, 129);
    c.mask = values({70, 129});
  }
  SUBCASE("of the padding") {
    c.mask = random_values({2, 1, 1, 130}, kFloat).gt(-0.5);
    c.mask.select(3, 3).fill_(true);
  }
  check_results(results_of(c), expected_of(c));
}

TEST_CASE("cudnn attention: fewer leading dims, and no gradient") {
  if (!require_gpu()) return;
  const Case c({1, 3, 20, 30, 16, 24}, kBFloat16);
  const auto expected = expected_of(c);
  NoGradGuard no_grad;
  const auto run = [&](const auto& view) {
    return scaled_dot_product_attention(view(on_gpu(c.query)), view(on_gpu(c.key)),
                                        view(on_gpu(c.value)), {}, 0, false, c.scale);
  };
  const Tensor three = run([](const Tensor& t) { return t[0]; });
  check_within(three, expected.first[0][0], expected.second[0][0], 1);
  const Tensor two = run([](const Tensor& t) { return t[0][1]; });
  check_within(two, expected.first[0][0][1], expected.second[0][0][1], 1);
}

TEST_CASE("cudnn attention: a mask that hides whole tiles") {
  if (!require_gpu()) return;
  Case c({1, 2, 200, 600, 64, 64}, kBFloat16, Masking::boolean);
  c.mask.fill_(false);
  c.mask.slice(3, 500).fill_(true);
  c.mask.select(2, 7).fill_(false);
  check_results(results_of(c), expected_of(c));
}

TEST_CASE("cudnn attention: dropout") {
  if (!require_gpu()) return;
  const double p = 0.25;
  for (const Masking masking : {Masking::none, Masking::causal, Masking::additive}) {
    for (const ScalarType type : {kHalf, kBFloat16}) {
      CAPTURE(int(masking));
      Case c({2, 3, 100, 128, 64, 128}, type, masking);
      const Tensor value = c.value;
      // With the unit matrix as values, the output is the weights after dropout.
      c.value = eye(128, kFloat).to(type).expand({2, 3, 128, 128}).contiguous();
      manual_seed(5);
      const Tensor weights = to_double(results_of(c, p)[0]);
      const Tensor seen = to_double(results_of(c)[0]).gt(0);
      const Tensor kept = weights.gt(0);
      const double count = seen.to(kDouble).sum().item<double>();
      const double share = kept.to(kDouble).sum().item<double>() / count;
      CHECK(std::abs(share - (1 - p)) < 5 * std::sqrt(p * (1 - p) / count));
      c.value = value;
      manual_seed(5);
      const Results got = results_of(c, p);
      check_results(got, expected_of(c, kept.to(kDouble) / (1 - p)));
      const Results other = results_of(c, p);
      CHECK_FALSE(same_bits(got, other));
      manual_seed(5);
      CHECK(same_bits(got, results_of(c, p)));
    }
  }
}

TEST_CASE("cudnn attention: dropout draws anew for every head, and is one node") {
  if (!require_gpu()) return;
  Case c({2, 2, 64, 64, 64, 64}, kBFloat16);
  for (Tensor* t : {&c.query, &c.key, &c.value}) *t = (*t)[0][0].expand(t->sizes()).contiguous();
  const Leaves in(c);
  const int64_t before = cuda::launch_count();
  const Tensor y = attention(in, c, 0.5);
  CHECK(cuda::launch_count() == before);
  const Tensor heads = to_double(y).view({4, -1});
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t j = 0; j < i; ++j) CHECK_FALSE(heads[i].eq(heads[j]).all().item<bool>());
  const Tensor g = on_gpu(c.grad);
  CHECK_THROWS_WITH_AS(autograd::grad({y}, {in.query}, {g}, {}, /*create_graph=*/true),
                       doctest::Contains("dropout_p must be 0 for a backward pass in a 16-bit "
                                         "type that is to be differentiated, got 0.5"),
                       Error);
}

TEST_CASE(
    "cudnn attention: gradients have the same bits in every run, unless that is switched off") {
  if (!require_gpu()) return;
  const Case c({2, 4, 1000, 1000, 64, 64}, kBFloat16, Masking::causal);
  const Results first = results_of(c);
  for (int i = 0; i < 3; ++i) CHECK(same_bits(first, results_of(c)));
  const auto expected = expected_of(c);
  check_results(first, expected);
  const VaryingSums varying;
  check_results(results_of(c), expected);
}

TEST_CASE("cudnn attention: a batch whose workspace would be too large is cut into parts") {
  if (!require_gpu()) return;
  const auto grads = [&](int64_t batch, int64_t heads) {
    const DimVector sizes{batch, heads, 8192, 8};
    manual_seed(3);
    const TensorOptions options = TensorOptions(kBFloat16).device(kCUDA);
    const Tensor q = randn(sizes, options).requires_grad_(true);
    const Tensor k = randn(sizes, options).requires_grad_(true);
    const Tensor v = randn(sizes, options).requires_grad_(true);
    const Tensor mask = randn({batch, 1, 1, 8192}, options);
    const Tensor y = scaled_dot_product_attention(q, k, v, mask);
    return autograd::grad({y}, {q, k, v}, {randn(sizes, options)});
  };
  for (const auto& [batch, heads] : {std::pair<int64_t, int64_t>{3, 10}, {1, 23}}) {
    const auto parts = grads(batch, heads);
    const VaryingSums varying;  // needs no such workspace
    const auto whole = grads(batch, heads);
    for (size_t i = 0; i < 3; ++i) {
      const Tensor scale = whole[i].to(kFloat).abs().max();
      const Tensor apart = (parts[i].to(kFloat) - whole[i].to(kFloat)).abs().max() / scale;
      CHECK(apart.item<float>() <= 2 * unit_roundoff(kBFloat16));
    }
  }
}

TEST_CASE("cudnn attention: second order") {
  if (!require_gpu()) return;
  const Case c({1, 2, 9, 10, 8, 16}, kHalf, Masking::boolean);  // with a query that sees nothing
  const auto penalty = [&](const Tensor& q, const Tensor& k, const Tensor& v) {
    const Tensor mask = c.mask.to(q.device());
    const Tensor y = scaled_dot_product_attention(q, k, v, mask, 0, false, c.scale);
    const auto first =
        autograd::grad({y}, {q, k}, {c.grad.to(q.device()).to(q.dtype())}, true, true);
    return autograd::grad({first[0].mul(first[0]).sum() + first[1].mul(first[1]).sum()}, {q, k, v});
  };
  const Leaves in(c);
  const auto host = [](const Tensor& t) { return to_double(t).requires_grad_(true); };
  const auto got = penalty(in.query, in.key, in.value);
  const auto expected = penalty(host(c.query), host(c.key), host(c.value));
  for (size_t i = 0; i < 3; ++i)
    check_within(got[i], expected[i], ones(expected[i].sizes(), kDouble),
                 64 * unit_roundoff(kHalf));
}
