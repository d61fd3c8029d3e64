// Methods of tensor/composed_methods.h: gradients, in-place forms, edges and errors. Values are compared with
// PyTorch's by the fixtures (op_tables_composed.py) and with libtorch's by tests/libtorch/methods.cpp.
#include <numbers>

#include <doctest/doctest.h>

#include "fusegrad.h"
#include "tests/op_check.h"

using namespace fg;
using namespace fg::test;

namespace {

using Variables = std::vector<Tensor>;
using Op = std::function<Tensor(const Variables&)>;

Tensor longs(std::vector<int64_t> values) { return tensor(values, kLong); }

/// Checks that op_ on a tensor of the tape gives op's value and gradient.
void check_inplace_form(const char* name, const Tensor& start,
                        const std::function<Tensor(const Tensor&)>& op,
                        const std::function<Tensor&(const Tensor&)>& op_) {
  CAPTURE(name);
  const Tensor x = start.detach().clone().requires_grad_();
  const Tensor expected = op(x * 1), written = x * 1;
  const Tensor result = op_(written);
  CHECK(result.is_same(written));
  CHECK(result.allclose(expected, 0, 0, true));
  const Tensor g = rand(expected.sizes(), expected.options());
  const Tensor of_result = autograd::grad({result}, {x}, {g})[0];
  CHECK(of_result.allclose(autograd::grad({expected}, {x}, {g})[0], 1e-12, 0, true));
  CHECK_THROWS_AS(op_(x), Error);  // a leaf that requires grad
}

#define CHECK_INPLACE_FORM(start, op, ...)                            \
  check_inplace_form(                                                 \
      #op, start, [&](const Tensor& x) { return x.op(__VA_ARGS__); }, \
      [&](const Tensor& x) -> Tensor& { return x.op##_(__VA_ARGS__); })

}  // namespace

TEST_CASE("composed methods: gradients") {
  const Tensor index = longs({0, 2, 2, 1, 0}), q = tensor({0.1, 0.55, 0.9}, kDouble);
  const auto check = [](const char* name, const Op& op, const Variables& inputs,
                        bool other_dtypes = true) {
    check_op(name, op, inputs, {.other_dtypes = other_dtypes});
  };
  check(
      "quantile", [&](auto& t) { return t[0].quantile(q.to(t[0].options()), 1); }, {input({3, 5})},
      false);
  check(
      "nanquantile", [&](auto& t) { return t[0].nanquantile(0.3, 0, true); }, {input({3, 5})},
      false);
  check("nanmedian", [](auto& t) { return std::get<0>(t[0].nanmedian(1)); }, {input({3, 4})});
  check("mode", [](auto& t) { return std::get<0>(t[0].mode(0)) * t[0]; }, {input({3, 4})});
  check("mvlgamma", [](auto& t) { return t[0].mvlgamma(2); }, {input({5}, 1.1, 3)});
  check("entr", [](auto& t) { return entr(t[0]); }, {input({5}, 0.2, 2)});
  check("ndtr", [](auto& t) { return ndtr(t[0]); }, {input({5})});
  check("xlog1py", [](auto& t) { return xlog1py(t[0], t[1]); },
        {input({2, 3}, 0.1, 2), input({3}, -0.5, 2)});
  check("ldexp", [](auto& t) { return t[0].ldexp(t[1]); }, {input({2, 3}), input({3})});
  check("put", [&](auto& t) { return t[0].put(index.to(t[0].device()), t[1], true); },
        {input({2, 3}), input({5})});
  check("scatter multiply",
        [&](auto& t) { return t[0].scatter(0, index.to(t[0].device()), t[1], "multiply"); },
        {input({4}, 0.5, 2), input({5}, 0.5, 2)});
  check("index_reduce",
        [&](auto& t) { return t[0].index_reduce(0, index.to(t[0].device()), t[1], "prod", false); },
        {input({4, 2}, 0.5, 2), input({5, 2}, 0.5, 2)});
  check("as_strided_scatter",
        [](auto& t) { return t[0].as_strided_scatter(t[1] * t[1], {2}, {3}, 1); },
        {input({6}), input({2})});
  check("cov", [](auto& t) { return cov(t[0], 1, {}, t[1]); }, {input({2, 4}), input({4}, 0.5, 2)});
  check("histogram has none",
        [](auto& t) {
          CHECK(!std::get<0>(t[0].histogram(3)).requires_grad());
          return t[0] * 2;
        },
        {input({6})});
  check("matrix_norm",
        [](auto& t) {
          return linalg::matrix_norm(t[0], 1, {0, -1});
        },
        {input({2, 3, 4})});
  check("diff", [](auto& t) { return t[0].diff(2, 1, t[1]); }, {input({2, 4}), input({2, 1})});
  check("cumulative_trapezoid", [](auto& t) { return cumulative_trapezoid(t[0] * t[0], t[1]); },
        {input({2, 4}), input({4})});
}

TEST_CASE("composed methods: in-place forms have the value and the gradient of the plain ones") {
  const Tensor x = tensor({{0.3, 1.7, -0.4}, {2.2, -1.1, 0.9}}, kDouble), y = x.flip({0}) + 0.25;
  const Tensor big = x.abs() + 2, index = longs({1, 0}), matrix = ones({2, 3}, kDouble);
  CHECK_INPLACE_FORM(x, round, 1);
  CHECK_INPLACE_FORM(x, clamp, y);
  CHECK_INPLACE_FORM(x, clamp, y, y + 1);
  CHECK_INPLACE_FORM(x, clip, y);
  CHECK_INPLACE_FORM(x, clamp_min, y);
  CHECK_INPLACE_FORM(x, clamp_max, y);
  CHECK_INPLACE_FORM(x, lerp, y, big);
  CHECK_INPLACE_FORM(x, ldexp, y);
  CHECK_INPLACE_FORM(big, mvlgamma, 2);
  CHECK_INPLACE_FORM(big, polygamma, 1);
  CHECK_INPLACE_FORM(big, float_power, y);
  CHECK_INPLACE_FORM(x, float_power, 2);
  CHECK_INPLACE_FORM(x, deg2rad);
  CHECK_INPLACE_FORM(x, rad2deg);
  CHECK_INPLACE_FORM(x, sinc);
  CHECK_INPLACE_FORM(x, renorm, 2, 0, 1);
  CHECK_INPLACE_FORM(x, put, index, tensor({5.0, 6.0}, kDouble), true);
  CHECK_INPLACE_FORM(x, index_fill, 0, index, scalar_tensor(2.0, kDouble));
  CHECK_INPLACE_FORM(x, index_add, 0, index, y, 2);
  CHECK_INPLACE_FORM(x, index_reduce, 0, index, y, "prod");
  CHECK_INPLACE_FORM(x, scatter, 1, longs({0, 2}).view({2, 1}), y, "add");
  CHECK_INPLACE_FORM(x, scatter, 1, longs({0, 2}).view({2, 1}), 3, "multiply");
  CHECK_INPLACE_FORM(x, scatter_reduce, 1, longs({0, 2}).view({2, 1}), y, "amax");
  CHECK_INPLACE_FORM(x, addr, y.select(1, 0), y.select(0, 0), 0.5, 2);
  CHECK_INPLACE_FORM(x, addbmm, ones({3, 2, 4}, kDouble), ones({3, 4, 3}, kDouble), 2);
  CHECK_INPLACE_FORM(x, div, y, "floor");
  CHECK_INPLACE_FORM(x, cumsum, 1);

  CHECK(gelu_(x.clone()).equal(gelu(x)));
  CHECK(clamp_min_(x.clone(), 0.5).equal(x.clamp_min(0.5)));
  CHECK(addmv_(zeros({2}, kDouble), matrix, ones({3}, kDouble)).equal(full({2}, 3, kDouble)));
  Tensor integers = longs({12, 18, 0});
  CHECK(integers.clone().gcd_(longs({8, 12, 5})).equal(longs({4, 6, 5})));
  CHECK(lcm_(integers.clone(), longs({8, 12, 5})).equal(longs({24, 36, 0})));
  CHECK(integers.clone().heaviside_(longs({7, 7, 7})).equal(longs({1, 1, 7})));
  CHECK_THROWS_WITH_AS(
      integers.float_power_(2),
      "float_power_: result type Double cannot be written into a tensor of dtype Long", Error);
}

TEST_CASE("composed methods: shapes, memory, spelling") {
  const Tensor x = arange(24).view({2, 3, 4});
  CHECK(x.numpy_T().sizes() == IntArrayRef({4, 3, 2}));
  CHECK(x.mH().equal(x.transpose(1, 2)));
  CHECK(x[0].matrix_H().equal(x[0].t()));
  CHECK(x.narrow(2, scalar_tensor(1), 2).equal(x.narrow(2, 1, 2)));
  CHECK(x.hsplit(3)[2].equal(x.narrow(1, 2, 1)));
  CHECK(x.dsplit({1, 3})[1].sizes() == IntArrayRef({2, 3, 2}));
  CHECK(x.repeat_interleave(longs({2, 0}), 0, 2).sizes() == IntArrayRef({2, 3, 4}));
  CHECK(repeat_interleave(longs({2, 0, 1})).equal(longs({0, 0, 2})));
  CHECK(x.clone().as_strided_({2, 2}, {4, 1}, 1)[1][1].item<int64_t>() == 6);
  CHECK(longs({3, 0, 4}).argwhere().equal(longs({0, 2}).view({2, 1})));
  CHECK(x.to(kDouble, false, false, MemoryFormat::Contiguous).dtype() == kDouble);
  CHECK(rand({2, 3, 4, 5}).to(kDouble, false, false, MemoryFormat::ChannelsLast).stride(1) == 1);
  CHECK(ones({4}).norm(1, kDouble).dtype() == kDouble);
  CHECK(std::get<0>(std_mean(ones({2, 3}))).item<float>() == 0);
  CHECK(std::get<0>(longs({3, 1}).sort(optional<bool>(true))).equal(longs({1, 3})));

  const Tensor floats = tensor({1.0, -2.0});
  CHECK(floats.view(kInt).view(kFloat).equal(floats));
  CHECK(floats.view(kInt)[0].item<int>() == 0x3f800000);
  CHECK(floats.view(kByte).sizes() == IntArrayRef({8}));
  CHECK(floats.view(kDouble).numel() == 1);
  floats.view(kInt).zero_();
  CHECK(floats.equal(zeros({2})));
  CHECK_THROWS_WITH_AS(
      ones({3}).view(kDouble),
      "view: the last extent, offset and strides of a tensor of shape [3] and strides "
      "[1] must fill whole elements of Double",
      Error);
  CHECK_THROWS_WITH_AS(
      ones({2, 2}).t().view(kByte),
      "view: the last dim must be dense to become Byte, got shape [2, 2] and strides "
      "[1, 2]",
      Error);

  const Tensor target = zeros({3}), source = ones({2, 2});
  CHECK(target.set_(source).is_set_to(source));
  target.fill_(5);
  CHECK(source.equal(full({2, 2}, 5.0)));
  CHECK_THROWS_WITH_AS(target.set_(longs({1})),
                       "set_: source must have dtype Float on cpu, got Long on cpu", Error);
}

TEST_CASE("composed methods: draws") {
  manual_seed(1);
  const Tensor uniform = rand({1000}, kDouble);
  manual_seed(1);
  const Tensor cauchy = empty({1000}, kDouble).cauchy_(1, 2);
  CHECK(((cauchy - 1) / 2).atan().div(std::numbers::pi).add(0.5).allclose(uniform));
  manual_seed(1);
  CHECK(empty({1000}).geometric_(0.3).ge(1).all().item<bool>());
  CHECK(empty({1000}).log_normal_(0, 1).log().mean().abs().item<float>() < 0.2);
  CHECK(zeros({1000}).bernoulli(0.25).sum().item<float>() == doctest::Approx(250).epsilon(0.2));
  Generator generator;
  generator.manual_seed(3);
  const Tensor drawn = rand({3}, generator, kDouble);
  generator.manual_seed(3);
  CHECK(empty({3}, kDouble).uniform_(0, 1, generator).equal(drawn));
  const Tensor means = arange(4).to(kDouble);
  CHECK(normal(means, zeros({4}, kDouble)).equal(means));
  CHECK(normal(2, zeros({2, 3})).equal(full({2, 3}, 2.0)));
  const Tensor x = ones({3}, requires_grad()), y = x * 1;
  y.geometric_(0.5).sum().backward();
  CHECK(x.grad().equal(zeros({3})));
  CHECK_THROWS_WITH_AS(y.geometric_(1), "geometric_: p must be in (0, 1), got 1", Error);
  CHECK_THROWS_WITH_AS(longs({1}).cauchy_(), "cauchy_: dtype must be floating, got Long", Error);
  CHECK_THROWS_WITH_AS(y.log_normal_(0, 0), "log_normal_: std must be positive, got 0", Error);
}

#define CHECK_ERROR(expression, text) CHECK_THROWS_WITH_AS(expression, text, Error)

TEST_CASE("composed methods: errors") {
  const Tensor x = rand({2, 3}), index = longs({0, 1});
  CHECK_ERROR(x.quantile(1.5), "quantile: q must lie in [0, 1], got 1.5");
  CHECK_ERROR(x.quantile(tensor({0.5, -0.1})), "quantile: q must lie in [0, 1]");
  CHECK_ERROR(
      x.quantile(0.5, nullopt, false, "cubic"),
      "quantile: interpolation must be linear, lower, higher, midpoint or nearest, got cubic");
  CHECK_ERROR(x.quantile(tensor({0.5}, kDouble)),
              "quantile: q must have dtype Float (x's dtype), got Double");
  CHECK_ERROR(longs({1}).nanquantile(0.5),
              "nanquantile: x must have dtype Float or Double, got Long");
  CHECK_ERROR(zeros({0}).quantile(0.5), "quantile: x must not be empty, got shape [0]");
  CHECK_ERROR(zeros({0}).mode(), "mode: dim 0 must have elements, got a tensor of shape [0]");
  CHECK_ERROR(zeros({0}).nanmedian(0),
              "nanmedian: dim 0 must have elements, got a tensor of shape [0]");
  CHECK_ERROR(x.gcd(x), "gcd: tensors must have integer dtypes, got Float and Float");
  CHECK_ERROR(longs({1}).round(2),
              "round: x must have a floating dtype where decimals are given, got Long");
  CHECK_ERROR(x.mvlgamma(0), "mvlgamma: p must be at least 1, got 0");
  CHECK_ERROR(x.heaviside(index), "heaviside: values must have dtype Float (x's dtype), got Long");
  CHECK_ERROR(x.put(index, rand({3})),
              "put_: source must have as many elements as index, 2, got 3");
  CHECK_ERROR(x.index_reduce(0, index, x, "sum"),
              "index_reduce: reduce must be 'mean', 'prod', 'amax' or 'amin', got 'sum'");
  CHECK_ERROR(
      x.index_reduce(1, index, x, "prod"),
      "index_reduce: src must have shape [2, 2] (x's, with index's 2 entries along dim 1), got "
      "[2, 3]");
  CHECK_ERROR(x.scatter(0, index, x, "max"),
              "scatter: reduce must be 'add' or 'multiply', got 'max'");
  CHECK_ERROR(x.index_fill(0, index, x), "index_fill_: value must have 0 dims, got shape [2, 3]");
  CHECK_ERROR(x.repeat_interleave(2, 0, 5),
              "repeat_interleave: output_size must be 4 (the sum of the repeats), got 5");
  CHECK_ERROR(x.narrow(0, rand({1}), 1),
              "narrow: start must be a 0-d integer tensor, got Float [1]");
  CHECK_ERROR(x.cov(1, ones({2}), nullopt),
              "cov: fweights must have shape [3] (one weight for each observation), got [2]");
  CHECK_ERROR(x.histogram(rand({1})), "histogram: bins must be a vector of edges, got shape [1]");
  CHECK_ERROR(searchsorted(x, x, false, true, "left"),
              "searchsorted: side and right must agree, got left");
  CHECK_ERROR(linalg::matrix_norm(x, 2),
              "matrix_norm: ord must be \"fro\", 1, -1 or an infinity, got 2");
  CHECK_ERROR(linalg::matrix_norm(x, "nuc"),
              "matrix_norm: ord must be \"fro\", 1, -1 or an infinity, got \"nuc\"");
  CHECK_ERROR(linalg::norm(rand({2, 2, 2}), 1),
              "norm: dim must name 1 or 2 dims where ord is given, got 3");
}
