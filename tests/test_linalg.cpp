#include <cmath>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using autograd::variable_list;
using test::input;

TEST_CASE("products: gradients to second order, strided operands, 16-bit types") {
  using V = const variable_list&;
  const auto product = [](V v) { return matmul(v[0], v[1]); };
  test::check_op("mm", product, {input({3, 4}), input({4, 2})});
  test::check_op("bmm", product, {input({2, 3, 4}), input({2, 4, 2})});
  test::check_op("matmul folded", product, {input({2, 3, 4}), input({4, 2})});
  test::check_op("matmul broadcast", product, {input({2, 1, 3, 4}), input({3, 4, 2})});
  test::check_op("mv", product, {input({3, 4}), input({4})});
  test::check_op("vector x matrices", product, {input({4}), input({2, 4, 3})});
  test::check_op("dot", product, {input({4}), input({4})});
  test::check_op("outer", [](V v) { return outer(v[0], v[1]); }, {input({3}), input({4})});
  test::check_op("addmm", [](V v) { return addmm(v[0], v[1], v[2], 0.5, 2); },
                 {input({2}), input({3, 4}), input({4, 2})});
  test::check_op("baddbmm", [](V v) { return baddbmm(v[0], v[1], v[2], 0.5, 2); },
                 {input({2, 3, 2}), input({2, 3, 4}), input({2, 4, 2})});
  test::check_op("addmv", [](V v) { return addmv(v[0], v[1], v[2], 0.5, 2); },
                 {input({3}), input({3, 4}), input({4})});
  test::check_op("linear", [](V v) { return linear(v[0], v[1], v[2]); },
                 {input({2, 3, 4}), input({5, 4}), input({5})});
  test::check_op("linear without bias", [](V v) { return linear(v[0], v[1]); },
                 {input({3, 4}), input({5, 4})});
}

TEST_CASE("einsum") {
  using V = const variable_list&;
  const std::vector<std::pair<std::string, std::vector<DimVector>>> cases = {
      {"ij,jk->ik", {{2, 3}, {3, 4}}},
      {"bij,bjk->bik", {{2, 2, 3}, {2, 3, 4}}},
      {"ij->ji", {{2, 3}}},
      {"ii->i", {{3, 3}}},
      {"ii", {{3, 3}}},
      {"ij,ij->", {{2, 3}, {2, 3}}},
      {"i,j", {{2}, {3}}},
      {"...ij,...jk->...ik", {{2, 2, 3}, {1, 3, 2}}},
      {"bhqd,bhkd->bhqk", {{2, 2, 3, 2}, {2, 2, 4, 2}}},
      {"ij,jk,kl->il", {{2, 3}, {3, 2}, {2, 3}}},
      {"ab,b->a", {{2, 3}, {3}}},
  };
  for (const auto& [equation, shapes] : cases) {
    variable_list inputs;
    for (const DimVector& shape : shapes) inputs.push_back(input(shape));
    test::check_op(
        equation, [e = equation](V v) { return einsum(e, v); }, inputs);
  }
  const Tensor a = input({2, 3}).detach(), b = input({3, 4}).detach(), c = input({4, 2}).detach();
  CHECK(einsum("ij,jk,kl->li", {a, b, c}).allclose(mm(mm(a, b), c).t()));
  CHECK(einsum("...j,j...->...", {a[0], b}).allclose(mv(b.t(), a[0])));
  CHECK(einsum("ba", {a}).equal(a.t()));
  CHECK_THROWS_WITH_AS(einsum("ij,jk->ik", {a}), "einsum: equation has 2 operands, got 1 tensors",
                       Error);
  CHECK_THROWS_WITH_AS(einsum("ij->k", {a}),
                       "einsum: every output subscript must occur in an operand, got ij->k", Error);
  CHECK_THROWS_WITH_AS(einsum("ijk->i", {a}),
                       "einsum: operand 0 of shape [2, 3] must match the subscripts ijk", Error);
  CHECK_THROWS_WITH_AS(einsum("ij,jk->ik", {a, c}),
                       "einsum: a subscript stands for extents 3 and 4", Error);
}

TEST_CASE("values against a plain loop at odd extents, empty extents, integers") {
  for (const auto& [m, k, n] : std::vector<std::array<int64_t, 3>>{
           {1, 1, 1}, {7, 13, 5}, {65, 33, 129}, {1, 300, 2}, {130, 1, 70}}) {
    const Tensor a = randn({m, k}, kDouble), b = randn({k, n}, kDouble);
    const Tensor expected = (a.unsqueeze(2) * b.unsqueeze(0)).sum({1});
    CHECK(mm(a, b).allclose(expected, 1e-12, 1e-12));
    CHECK(mm(a.t().contiguous().t(), b.t().contiguous().t()).allclose(expected, 1e-12, 1e-12));
    const Tensor wide = randn({m, 2 * k}, kDouble);
    wide.slice(1, 0, nullopt, 2).copy_(a);
    CHECK(mm(wide.slice(1, 0, nullopt, 2), b).allclose(expected, 1e-12, 1e-12));
  }
  CHECK(mm(zeros({2, 0}), zeros({0, 3})).equal(zeros({2, 3})));
  CHECK(mm(zeros({0, 2}), zeros({2, 3})).sizes() == IntArrayRef({0, 3}));
  CHECK(addmm(ones({3}), zeros({2, 0}), zeros({0, 3})).equal(ones({2, 3})));
  CHECK(mm(tensor({{1, 2}, {3, 4}}), tensor({{5}, {6}})).equal(tensor({{17}, {39}})));
  const Tensor nan = full({2, 2}, NAN);
  CHECK(addmm(nan, ones({2, 2}), ones({2, 2}), 0).equal(full({2, 2}, 2.0)));
}

TEST_CASE("linear is one node, whose weight gradient arrives as the weight lies") {
  const Tensor x = input({3, 4}), weight = input({5, 4}), bias = input({5});
  const Tensor y = linear(x, weight, bias);
  CHECK(y.grad_fn()->name() == "LinearBackward");
  y.backward(ones_like(y));
  CHECK(weight.grad().is_contiguous());
  CHECK(bias.grad().equal(full({5}, 3.0, kDouble)));
  CHECK_THROWS_WITH_AS(linear(x, weight, zeros({5})),
                       "linear: weight and bias must have dtype Double (the input's), got Float",
                       Error);
}

TEST_CASE("errors") {
  const Tensor a = zeros({2, 3}), b = zeros({4, 2});
  CHECK_THROWS_WITH_AS(mm(a, b), "mm: shapes [2, 3] and [4, 2] cannot be multiplied", Error);
  CHECK_THROWS_WITH_AS(mm(a, zeros({3})), "mm: tensors must have 2 dims, got shapes [2, 3] and [3]",
                       Error);
  CHECK_THROWS_WITH_AS(mm(a, zeros({3, 2}, kDouble)),
                       "mm: tensors must have one dtype, got Float and Double", Error);
  CHECK_THROWS_WITH_AS(matmul(a, zeros({})),
                       "matmul: tensors must have at least 1 dim, got shapes [2, 3] and []", Error);
  CHECK_THROWS_WITH_AS(linear(a, zeros({5, 4})),
                       "linear: input must have 4 features in its last dim, got shape [2, 3]",
                       Error);
  CHECK_THROWS_WITH_AS(linear(a, zeros({5, 3}), zeros({4})),
                       "linear: bias must have shape [5], got [4]", Error);
  CHECK_THROWS_WITH_AS(addmm(zeros({5}), a, zeros({3, 2})),
                       "addmm: self of shape [5] must be broadcastable to [2, 2]", Error);
}
