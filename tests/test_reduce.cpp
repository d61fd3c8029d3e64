#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "tensor/cpu/parallel.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using autograd::variable_list;
using test::input;

TEST_CASE("reductions: gradients over dims, keepdim, strides") {
  using V = const variable_list&;
  const Tensor x = input({2, 3, 4}, 0.2, 2);
  test::check_op("sum", [](V v) { return v[0].sum(); }, {x});
  test::check_op("sum dims", [](V v) { return v[0].sum({0, -1}); }, {x});
  test::check_op("sum keepdim", [](V v) { return v[0].sum({1}, true); }, {x});
  test::check_op("mean", [](V v) { return v[0].mean({0, 1}); }, {x});
  test::check_op("prod", [](V v) { return v[0].prod(1); }, {x});
  test::check_op("prod all", [](V v) { return v[0].prod(); }, {input({2, 2}, 0.5, 1.5)});
  test::check_op("var", [](V v) { return v[0].var(IntArrayRef({2})); }, {x});
  test::check_op("var biased", [](V v) { return v[0].var(IntArrayRef({0, 2}), false, true); }, {x});
  test::check_op("std", [](V v) { return v[0].std(); }, {x});
  test::check_op("max", [](V v) { return v[0].max(); }, {x});
  test::check_op("max dim", [](V v) { return std::get<0>(v[0].max(1)); }, {x});
  test::check_op("min dim keepdim", [](V v) { return std::get<0>(v[0].min(-1, true)); }, {x});
  test::check_op("amax", [](V v) { return v[0].amax({0, 2}); }, {x});
  test::check_op("amin", [](V v) { return v[0].amin({1}, true); }, {x});
  for (double p : {0.5, 1.0, 1.5, 2.0, 3.0, double(INFINITY)})
    test::check_op("norm", [p](V v) { return v[0].norm(p, {1}); }, {x});
  test::check_op("norm all", [](V v) { return v[0].norm(); }, {x});
}

TEST_CASE("prod's gradient is right with zeros") {
  for (const Tensor& x : {tensor({0.0, 2.0, 3.0}, kDouble), tensor({0.0, 2.0, 0.0}, kDouble)}) {
    const Tensor leaf = x.clone().requires_grad_(true);
    test::OpCheckOptions options;
    options.other_dtypes = false;
    test::check_op(
        "prod", [](const variable_list& v) { return v[0].prod(0); }, {leaf}, options);
  }
}

TEST_CASE("norm has gradient 0 at 0, not nan") {
  const Tensor x = zeros({3}, TensorOptions(kDouble).requires_grad(true));
  x.norm().backward();
  CHECK(x.grad().equal(zeros({3}, kDouble)));
}

TEST_CASE("values: every layout against a plain loop, sums pairwise") {
  for (const DimVector& sizes :
       {DimVector{5, 7, 300}, DimVector{3, 1000, 2}, DimVector{70, 65, 3}}) {
    const Tensor x = empty(sizes, kDouble).uniform_(-1, 1);
    for (const DimVector& dims : {DimVector{0}, DimVector{1}, DimVector{2}, DimVector{0, 2},
                                  DimVector{0, 1}, DimVector{1, 2}, DimVector{0, 1, 2}}) {
      for (const Tensor& t : {x, x.transpose(0, 2), x.transpose(1, 2)}) {
        const Tensor total = t.sum(IntArrayRef(dims), true);
        DimVector index(3);
        for (int probe = 0; probe < 3; ++probe) {
          for (size_t d = 0; d < 3; ++d) index[d] = probe * (total.size(int64_t(d)) - 1) / 2;
          Tensor part = t;
          for (size_t d = 0; d < 3; ++d)
            if (total.size(int64_t(d)) > 1) part = part.narrow(int64_t(d), index[d], 1);
          const Tensor flat = part.reshape({-1}).contiguous();
          double expected = 0;
          for (int64_t i = 0; i < flat.numel(); ++i) expected += flat.data_ptr<double>()[i];
          const double got = total[index[0]][index[1]][index[2]].item<double>();
          CHECK(got == doctest::Approx(expected).epsilon(1e-12));
        }
      }
    }
  }
  // A sequential float sum of 1e7 tenths is off by over 8 percent.
  CHECK(full({10000000}, 0.1f, kFloat).sum().item<float>() == doctest::Approx(1e6).epsilon(1e-6));
  CHECK(full({1000000, 2}, 0.1f, kFloat).sum({0})[1].item<float>() ==
        doctest::Approx(1e5).epsilon(1e-6));
}

TEST_CASE("bits do not depend on the number of threads") {
  const Tensor x = randn({513, 1000});
  const int threads = get_num_threads();
  set_num_threads(1);
  const Tensor a = x.sum(), b = x.sum({0}), c = x.sum({1});
  set_num_threads(4);
  CHECK(x.sum().item<float>() == a.item<float>());
  CHECK((x.sum({0}) - b).abs().max().item<float>() == 0);
  CHECK((x.sum({1}) - c).abs().max().item<float>() == 0);
  set_num_threads(threads);
}

TEST_CASE("dtypes, empty tensors, NaN, indices") {
  CHECK(ones({3}, kInt).sum().dtype() == kLong);
  CHECK(ones({3}, kBool).sum().item<int>() == 3);
  CHECK(ones({3}, kHalf).sum().dtype() == kHalf);
  CHECK(ones({3}, kFloat).sum(kDouble).dtype() == kDouble);
  CHECK(zeros({0, 3}).sum({0}).equal(zeros({3})));
  CHECK(zeros({0}).prod().item<float>() == 1);
  CHECK(std::isnan(zeros({0}).mean().item<float>()));
  CHECK(std::isnan(ones({1}).var().item<float>()));
  const Tensor x = tensor({1.0, double(NAN), 3.0});
  CHECK(std::isnan(x.max().item<float>()));
  CHECK(x.argmax().item<int>() == 1);
  CHECK(x.argmin().item<int>() == 1);
  CHECK(tensor({2.0, 5.0, 5.0}).argmax().item<int>() == 1);
  const auto [values, indices] = tensor({{1, 9}, {7, 3}}).max(1);
  CHECK(values.equal(tensor({9, 7})));
  CHECK(indices.equal(tensor({1, 0})));
  CHECK(tensor({{1, 9}, {7, 3}}).argmin(0, true).equal(tensor({{0, 1}})));
  CHECK(tensor({true, false}).any().item<bool>());
  CHECK(!tensor({true, false}).all().item<bool>());
  CHECK(zeros({0}).all().item<bool>());
  CHECK(tensor({{0.0, 2.0}, {0.0, 0.0}}).any(1).equal(tensor({true, false})));
  CHECK(tensor({0, 3, 4}).count_nonzero().item<int>() == 2);
  CHECK(tensor({-300, 5}).max().item<int>() == 5);
  CHECK(tensor({200, 100}, kByte).max().item<int>() == 200);
}

TEST_CASE("ties of max() share the gradient; max(dim) gives it to the first") {
  const Tensor x = tensor({2.0, 2.0}, requires_grad());
  x.max().backward();
  CHECK(x.grad().equal(tensor({0.5, 0.5})));
  x.mutable_grad().reset();
  std::get<0>(x.max(0)).backward();
  CHECK(x.grad().equal(tensor({1.0, 0.0})));
}

TEST_CASE("errors") {
  CHECK_THROWS_WITH_AS(zeros({0}).max(), "max: tensor must not be empty, got shape [0]", Error);
  CHECK_THROWS_WITH_AS(zeros({2, 0}).max(1),
                       "max: reduced dims must not be empty, got shape [2, 0]", Error);
  CHECK_THROWS_WITH_AS(ones({2}, kLong).mean(), "mean: dtype must be floating, got Long", Error);
  CHECK_THROWS_WITH_AS(ones({2}).sum({1}), "sum: dim must be in [-1, 0], got 1", IndexError);
  CHECK_THROWS_WITH_AS(ones({2, 2}).sum({0, 0}), "sum: each dim may appear once, got [0, 0]",
                       Error);
}
