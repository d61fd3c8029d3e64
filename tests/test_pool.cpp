// Pools against their definitions, their gradients, and their error texts.

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/pool.h"
#include "tensor/factories.h"
#include "tensor/shape.h"
#include "tests/op_check.h"

using namespace fg;
using namespace fg::test;

namespace {

using Dims = std::vector<int64_t>;

/// Distinct values in no order, at least 1e-3 apart, so that a perturbation moves no maximum.
Tensor shuffled(const Dims& sizes) {
  int64_t numel = 1;
  for (int64_t extent : sizes) numel *= extent;
  const Tensor x = empty(sizes, kDouble);
  for (int64_t i = 0; i < numel; ++i) x.data_ptr<double>()[i] = double(i * 7919 % 10007) / 5000 - 1;
  return x;
}
Tensor leaf(const Dims& sizes) { return shuffled(sizes).requires_grad_(); }

struct Case {
  Dims input, kernel, stride, padding, dilation;
  bool ceil_mode = false;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{2, 2, 9}, {3}, {}, {0}, {1}},
      {{2, 1, 10}, {3}, {2}, {1}, {2}, true},
      {{2, 2, 6, 7}, {2}, {}, {0}, {1}},
      {{1, 2, 6, 7}, {3, 2}, {2, 1}, {1, 0}, {1, 3}},
      {{2, 1, 7, 8}, {2, 3}, {3, 2}, {1}, {1}, true},
      {{1, 1, 1, 5}, {2}, {2}, {0}, {1}, true},
      {{1, 2, 4, 5, 5}, {2}, {}, {0}, {1}},
      {{1, 1, 5, 4, 6}, {2, 3, 2}, {2, 1, 3}, {1, 1, 0}, {2, 1, 1}, true},
  };
  return all;
}

/// The last spatial dims of a pool, as three.
struct Lifted {
  Lifted(const Case& c, const Tensor& output) : rank(c.input.size() - 2) {
    for (size_t d = 0; d < rank; ++d) {
      const auto at = [&](const Dims& v, int64_t none) {
        return v.empty() ? none : v[v.size() == 1 ? 0 : d];
      };
      const size_t to = 3 - rank + d;
      in[to] = c.input[d + 2], out[to] = output.size(int64_t(d) + 2);
      kernel[to] = at(c.kernel, 1), stride[to] = at(c.stride, kernel[to]);
      padding[to] = at(c.padding, 0), dilation[to] = at(c.dilation, 1);
    }
  }
  size_t rank;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1};
  int64_t padding[3] = {0, 0, 0}, dilation[3] = {1, 1, 1};

  int64_t in_plane() const { return in[0] * in[1] * in[2]; }

  /// Calls body(output offset in the plane, input offset or -1 for padding) for every tap.
  template <class Body>
  void visit(const Body& body) const {
    DimVector sizes, at(size_t(6), 0);
    for (int64_t extent : out) sizes.push_back(extent);
    for (int64_t extent : kernel) sizes.push_back(extent);
    do {
      int64_t from = 0, to = 0;
      bool inside = true;
      for (size_t d = 0; d < 3; ++d) {
        const int64_t position = at[d] * stride[d] - padding[d] + at[3 + d] * dilation[d];
        inside = inside && position >= 0 && position < in[d];
        from = from * in[d] + position;
        to = to * out[d] + at[d];
      }
      body(to, inside ? from : -1);
    } while (next_index(at, sizes));
  }
};

std::tuple<Tensor, Tensor> max_pool(const Tensor& x, const Case& c) {
  switch (c.input.size()) {
    case 3:
      return max_pool1d_with_indices(x, c.kernel, c.stride, c.padding, c.dilation, c.ceil_mode);
    case 4:
      return max_pool2d_with_indices(x, c.kernel, c.stride, c.padding, c.dilation, c.ceil_mode);
    default:
      return max_pool3d_with_indices(x, c.kernel, c.stride, c.padding, c.dilation, c.ceil_mode);
  }
}

Tensor avg_pool(const Tensor& x, const Case& c, bool include_pad, optional<int64_t> divisor) {
  switch (c.input.size()) {
    case 3:
      return avg_pool1d(x, c.kernel, c.stride, c.padding, c.ceil_mode, include_pad);
    case 4:
      return avg_pool2d(x, c.kernel, c.stride, c.padding, c.ceil_mode, include_pad, divisor);
    default:
      return avg_pool3d(x, c.kernel, c.stride, c.padding, c.ceil_mode, include_pad, divisor);
  }
}

}  // namespace

TEST_CASE("max_pool: values and indices") {
  for (const Case& c : cases()) {
    CAPTURE(IntArrayRef(c.input));
    const Tensor x = shuffled(c.input);
    const auto [y, indices] = max_pool(x, c);
    const Lifted l(c, y);
    const Tensor expected = full(y.sizes(), -std::numeric_limits<double>::infinity(), kDouble);
    const Tensor at = full(y.sizes(), -1, kLong);
    const int64_t planes = x.numel() / l.in_plane(), out_plane = y.numel() / planes;
    for (int64_t p = 0; p < planes; ++p) {
      l.visit([&](int64_t to, int64_t from) {
        if (from < 0) return;
        const double value = x.data_ptr<double>()[p * l.in_plane() + from];
        double& best = expected.data_ptr<double>()[p * out_plane + to];
        if (value <= best) return;
        best = value;
        at.data_ptr<int64_t>()[p * out_plane + to] = from;
      });
    }
    CHECK(y.equal(expected));
    CHECK(indices.equal(at));
    CHECK(std::get<0>(max_pool(x.to(kBFloat16), c))
              .equal(std::get<0>(max_pool(x.to(kBFloat16).to(kDouble), c)).to(kBFloat16)));
  }
}

TEST_CASE("max_pool: whole lines at once are what single windows are") {
  // Long and short lines, windows cut by either end, equal values and NaN; a stride of 3 takes single ones.
  for (const ScalarType type : {kFloat, kDouble}) {
    for (const Case& c : std::vector<Case>{{{3, 2, 5, 24}, {2}, {}, {0}, {1}},
                                           {{2, 2, 4, 301}, {3}, {2}, {1}, {1}},
                                           {{2, 1, 4, 300}, {2, 5}, {1}, {1, 2}, {1, 2}, true},
                                           {{2, 1, 3, 67}, {3, 4}, {2, 3}, {1}, {1}, true},
                                           {{1, 1, 2, 16}, {2}, {}, {0}, {1}}}) {
      CAPTURE(IntArrayRef(c.input));
      Tensor x = (shuffled(c.input) * 4).round();
      x.masked_fill_(shuffled(c.input) > 0.97, std::nan(""));
      x = x.to(type);
      const auto [y, indices] = max_pool(x, c);
      const Lifted l(c, y);
      const int64_t planes = x.numel() / l.in_plane(), out_plane = y.numel() / planes;
      const Tensor values = x.to(kDouble);
      std::vector<int64_t> expected(size_t(y.numel()), -1);
      for (int64_t p = 0; p < planes; ++p) {
        const double* const in = values.data_ptr<double>() + p * l.in_plane();
        l.visit([&](int64_t to, int64_t from) {
          int64_t& best = expected[size_t(p * out_plane + to)];
          if (from >= 0 && (best < 0 || in[from] > in[best] || std::isnan(in[from]))) best = from;
        });
      }
      const Tensor at = tensor(expected).view(indices.sizes());
      CHECK(indices.equal(at));
      const Tensor picked = x.reshape({planes, -1}).gather(1, at.reshape({planes, -1}));
      CHECK(y.reshape({planes, -1}).allclose(picked, 0, 0, true));
    }
  }
}

TEST_CASE("avg_pool: values") {
  for (Case c : cases()) {
    c.dilation = {1};
    CAPTURE(IntArrayRef(c.input));
    const Tensor x = shuffled(c.input);
    for (const bool include_pad : {true, false}) {
      for (const optional<int64_t> divisor : {optional<int64_t>(), optional<int64_t>(-3)}) {
        if (divisor && c.input.size() == 3) continue;
        const Tensor y = avg_pool(x, c, include_pad, divisor);
        const Lifted l(c, y);
        const int64_t planes = x.numel() / l.in_plane(), out_plane = y.numel() / planes;
        const Tensor sum = zeros(y.sizes(), kDouble);
        std::vector<double> inside(size_t(out_plane), 0);
        for (int64_t p = 0; p < planes; ++p) {
          l.visit([&](int64_t to, int64_t from) {
            if (from < 0) return;
            sum.data_ptr<double>()[p * out_plane + to] +=
                x.data_ptr<double>()[p * l.in_plane() + from];
            if (p == 0) inside[size_t(to)] += 1;
          });
        }
        for (int64_t i = 0; i < sum.numel(); ++i) {
          // With padding counted, a window counts up to the end of the padding, not what
          // ceil_mode adds behind it.
          double count = 1;
          int64_t rest = i % out_plane;
          for (size_t d = 3; d-- > 0; rest /= l.out[d]) {
            const int64_t begin = rest % l.out[d] * l.stride[d] - l.padding[d];
            count *= double(std::min(begin + l.kernel[d], l.in[d] + l.padding[d]) - begin);
          }
          if (!include_pad) count = inside[size_t(i % out_plane)];
          sum.data_ptr<double>()[i] /= divisor ? double(*divisor) : count;
        }
        CHECK(y.allclose(sum, 1e-13, 1e-13));
      }
    }
  }
}

TEST_CASE("pools: gradients") {
  for (Case c : cases()) {
    CAPTURE(IntArrayRef(c.input));
    check_op("max_pool",
             [&](const std::vector<Tensor>& t) { return std::get<0>(max_pool(t[0], c)); },
             {leaf(c.input)});
    c.dilation = {1};
    check_op("avg_pool",
             [&](const std::vector<Tensor>& t) { return avg_pool(t[0], c, false, nullopt); },
             {leaf(c.input)});
  }
  check_op("lp_pool1d", [](const std::vector<Tensor>& t) { return lp_pool1d(t[0] + 2, 3, 2); },
           {leaf({2, 1, 7})});
  check_op("lp_pool2d",
           [](const std::vector<Tensor>& t) {
             return lp_pool2d(t[0] + 2, 2, {2, 3}, 1, true);
           },
           {leaf({1, 2, 4, 5})});
}

TEST_CASE("max_pool: equal values, NaN, padding and infinities") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const Tensor x = tensor({1., 1., 1., nan, 2., -inf, -inf, -inf}).to(kDouble).reshape({1, 1, 8});
  const auto [y, indices] = max_pool1d_with_indices(x, 2);
  const double* v = y.data_ptr<double>();
  const int64_t* at = indices.data_ptr<int64_t>();
  CHECK(v[0] == 1);
  CHECK(at[0] == 0);
  CHECK(std::isnan(v[1]));
  CHECK(at[1] == 3);
  CHECK(v[2] == 2);
  CHECK(v[3] == -inf);
  CHECK(at[3] == 6);
  // Padding never wins, not even over -inf or against negative values.
  const Tensor z = full({1, 1, 3, 3}, -5., kDouble);
  CHECK(max_pool2d(z, 3, 1, 1).equal(z));
  // All of the gradient goes to the first of equals.
  const Tensor ones_leaf = ones({1, 1, 4}, kDouble).requires_grad_();
  max_pool1d(ones_leaf, 4).sum().backward();
  CHECK(ones_leaf.grad().equal(tensor({1., 0., 0., 0.}).to(kDouble).reshape({1, 1, 4})));
}

TEST_CASE("max_pool: one node") {
  const Tensor x = leaf({1, 1, 4, 4});
  const auto [y, indices] = max_pool2d_with_indices(x, 2);
  CHECK(y.grad_fn()->name() == "MaxPoolBackward");
  CHECK(!indices.requires_grad());
  CHECK(!indices.grad_fn());
  CHECK(avg_pool2d(x, 2).grad_fn()->name() == "MeanPoolBackward");
}

TEST_CASE("adaptive pools") {
  const Tensor x = shuffled({2, 2, 7, 5});
  const Tensor mean = adaptive_avg_pool2d(x, {3, 4});
  const auto [largest, indices] = adaptive_max_pool2d(x, {3, 4});
  for (int64_t h = 0; h < 3; ++h) {
    for (int64_t w = 0; w < 4; ++w) {
      const int64_t top = h * 7 / 3, left = w * 5 / 4;
      const int64_t height = (h * 7 + 7 + 2) / 3 - top, width = (w * 5 + 5 + 3) / 4 - left;
      const Tensor window = x.narrow(2, top, height).narrow(3, left, width);
      CHECK(mean.select(2, h).select(2, w).allclose(window.mean({2, 3}), 1e-13, 1e-13));
      CHECK(largest.select(2, h).select(2, w).equal(window.amax({2, 3})));
    }
  }
  const DimVector flat = {4, 12};
  CHECK(x.reshape({4, 35}).gather(1, indices.reshape(flat)).equal(largest.reshape(flat)));
  CHECK(adaptive_avg_pool2d(x, {7, 5}).equal(x));
  CHECK(adaptive_avg_pool2d(x, 9).sizes() == IntArrayRef({2, 2, 9, 9}));
  CHECK(adaptive_avg_pool1d(x[0], 1).allclose(x[0].mean({2}, true), 1e-13, 1e-13));
  CHECK(adaptive_avg_pool3d(x, {1, 2, 1}).sizes() == IntArrayRef({2, 1, 2, 1}));
  CHECK(adaptive_avg_pool2d(x, 0).sizes() == IntArrayRef({2, 2, 0, 0}));

  check_op("adaptive_avg_pool1d",
           [](const std::vector<Tensor>& t) { return adaptive_avg_pool1d(t[0], 3); },
           {leaf({2, 2, 7})});
  check_op("adaptive_avg_pool2d",
           [](const std::vector<Tensor>& t) {
             return adaptive_avg_pool2d(t[0], {3, 2});
           },
           {leaf({2, 4, 5})});
  check_op("adaptive_avg_pool3d",
           [](const std::vector<Tensor>& t) {
             return adaptive_avg_pool3d(t[0], {2, 3, 1});
           },
           {leaf({1, 2, 3, 4, 2})});
  check_op("adaptive_max_pool2d",
           [](const std::vector<Tensor>& t) {
             return std::get<0>(adaptive_max_pool2d(t[0], {3, 2}));
           },
           {leaf({1, 2, 4, 5})});
  CHECK(std::get<0>(adaptive_max_pool1d(x[0], 2)).sizes() == IntArrayRef({2, 7, 2}));
  CHECK(std::get<1>(adaptive_max_pool3d(x, 2)).sizes() == IntArrayRef({2, 2, 2, 2}));
}

TEST_CASE("max_unpool") {
  const Tensor x = shuffled({2, 2, 5, 6});
  const auto [y, indices] = max_pool2d_with_indices(x, 2, {2, 3}, 0, 1);
  const Tensor back = max_unpool2d(y, indices, 2, {2, 3}, 0, IntArrayRef({5, 6}));
  CHECK(back.sizes() == x.sizes());
  CHECK(max_unpool2d(y, zeros_like(indices), 2, {2, 3}).sizes() == IntArrayRef({2, 2, 4, 5}));
  CHECK(back.ne(0).sum().item<int64_t>() == y.numel());
  CHECK(back.reshape({4, 30}).gather(1, indices.reshape({4, 4})).equal(y.reshape({4, 4})));
  const Tensor at = indices;
  check_op(
      "max_unpool2d",
      [&](const std::vector<Tensor>& t) {
        return max_unpool2d(t[0], at.to(t[0].device()), 2, {2, 3}, 0, IntArrayRef({2, 2, 5, 6}));
      },
      {leaf({2, 2, 2, 2})});
  const auto [y1, i1] = max_pool1d_with_indices(x[0], 2);
  CHECK(max_unpool1d(y1, i1, 2).sizes() == IntArrayRef({2, 5, 6}));
  const auto [y3, i3] = max_pool3d_with_indices(x.narrow(2, 0, 4), {1, 2, 2});
  CHECK(max_unpool3d(y3, i3, {1, 2, 2}).sizes() == IntArrayRef({2, 2, 4, 6}));
}

TEST_CASE("pools: unbatched, empty batch") {
  const Tensor x = shuffled({2, 3, 6, 6});
  CHECK(max_pool2d(x[1], 2).equal(max_pool2d(x, 2)[1]));
  CHECK(avg_pool2d(x[1], 2).equal(avg_pool2d(x, 2)[1]));
  const Tensor none = zeros({0, 3, 6, 6}, kDouble).requires_grad_();
  max_pool2d(none, 2).sum().backward();
  CHECK(none.grad().sizes() == none.sizes());
  CHECK(avg_pool2d(none, 2).sizes() == IntArrayRef({0, 3, 3, 3}));
}

TEST_CASE("pools: errors") {
  const Tensor x = zeros({2, 3, 6, 6});
  CHECK_THROWS_WITH_AS(max_pool2d(x[0][0], 2),
                       "max_pool2d: input must have 3 (unbatched) or 4 dims, got shape [6, 6]",
                       Error);
  CHECK_THROWS_WITH_AS(avg_pool2d(zeros({2, 0, 6, 6}), 2),
                       "avg_pool2d: only the batch of input may be empty, got shape [2, 0, 6, 6]",
                       Error);
  CHECK_THROWS_WITH_AS(max_pool2d(x.to(kInt), 2),
                       "max_pool2d: input must have a floating dtype, got Int", Error);
  CHECK_THROWS_WITH_AS(max_pool2d(x, 0), "max_pool2d: kernel_size must be at least 1, got [0]",
                       Error);
  CHECK_THROWS_WITH_AS(max_pool2d(x, {1, 2, 3}),
                       "max_pool2d: kernel_size must have 1 or 2 values, got [1, 2, 3]", Error);
  CHECK_THROWS_WITH_AS(max_pool2d(x, 2, 0), "max_pool2d: stride must be at least 1, got [0]",
                       Error);
  CHECK_THROWS_WITH_AS(max_pool2d(x, {4, 3}, 1, 2),
                       "max_pool2d: padding must be at most half of kernel_size [4, 3], got [2, 2]",
                       Error);
  CHECK_THROWS_WITH_AS(avg_pool2d(x, 7),
                       "avg_pool2d: kernel_size [7, 7] with dilation [1, 1] must not be larger "
                       "than the padded input, got input [2, 3, 6, 6] with padding [0, 0]",
                       Error);
  CHECK_THROWS_WITH_AS(max_pool1d(zeros({1, 1, 2}), 2, 1, 1, 3),
                       "max_pool1d: window 0 of input [1, 1, 2] reads padding only, with "
                       "kernel_size [2] and dilation [3]",
                       Error);
  CHECK_THROWS_WITH_AS(avg_pool2d(x, 2, {}, 0, false, true, 0),
                       "avg_pool2d: divisor_override must not be 0", Error);
  CHECK_THROWS_WITH_AS(adaptive_avg_pool2d(x, {1, -1}),
                       "adaptive_avg_pool2d: output_size must be at least 0, got [1, -1]", Error);
  const Tensor indices = zeros({2, 3, 6, 6}, kLong);
  CHECK_THROWS_WITH_AS(max_unpool2d(x, indices.to(kInt), 2),
                       "max_unpool2d: indices must be Long, got Int", Error);
  CHECK_THROWS_WITH_AS(max_unpool2d(x, indices[0], 2),
                       "max_unpool2d: indices must have input's shape [2, 3, 6, 6], got [3, 6, 6]",
                       Error);
  CHECK_THROWS_WITH_AS(
      max_unpool2d(x, indices + 144, 2),
      "max_unpool2d: indices must lie in [0, 144), the output's plane [12, 12], got 144", Error);
  CHECK_THROWS_WITH_AS(
      max_unpool2d(x, indices, 2, {}, 0, IntArrayRef({12, 14})),
      "max_unpool2d: output_size must be within one stride [2, 2] of [12, 12], got [12, 14]",
      Error);
  CHECK_THROWS_WITH_AS(max_unpool2d(x, indices, 2, {}, 0, IntArrayRef({12})),
                       "max_unpool2d: output_size must have 2 or 4 values, got [12]", Error);
}
