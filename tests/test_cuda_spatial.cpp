// Pools, pads and patches on the GPU against the CPU: values, indices and gradients.
#include "autograd/ops/compare.h"
#include "autograd/ops/fold.h"
#include "autograd/ops/pad.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/view.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

constexpr ScalarType kFloatingTypes[] = {kFloat, kDouble, kHalf, kBFloat16};

/// Few different values, so that there are ties; exact in every type.
Tensor with_ties(IntArrayRef sizes) {
  static Generator generator;
  const Tensor x = empty(sizes, kDouble);
  return x.random_(-8, 9, generator);
}

/// op's value and its gradient, for a given upstream one, on x's device and in its type.
template <class Op>
std::vector<Tensor> run(const Op& op, const Tensor& x, const Tensor& upstream) {
  const Tensor leaf = x.detach().clone().requires_grad_();
  const Tensor y = op(leaf);
  y.backward(upstream.to(x.device(), x.dtype()));
  return {y.detach(), leaf.grad()};
}

/// Compares with the CPU in double; values and gradients are sums of few terms.
template <class Op>
void check(const Op& op, const Tensor& x, double terms) {
  const Tensor shape = op(x);
  const Tensor upstream = random_values(shape.sizes(), kHalf).to(kDouble);
  for (const ScalarType type : kFloatingTypes) {
    const Tensor in = x.to(type);
    const auto expected = run(op, in.to(kDouble), upstream);
    const auto got = run(op, in.to(kCUDA), upstream);
    for (size_t i = 0; i < 2; ++i) {
      CHECK(got[i].dtype() == type);
      REQUIRE(got[i].is_cuda());
      const double tolerance = (terms + 2) * unit_roundoff(type);
      CHECK(allclose(to_double(got[i]), expected[i], tolerance, tolerance * 8, true));
    }
  }
}

}  // namespace

TEST_CASE("cuda pool: the largest of windows of every kind, and where they stand") {
  if (!require_gpu()) return;
  struct Case {
    DimVector sizes, kernel, stride, padding, dilation;
    bool ceil_mode;
  };
  const Case cases[] = {{{2, 3, 8, 9}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, false},
                        {{1, 2, 11, 7}, {3, 3}, {2, 1}, {1, 1}, {1, 1}, false},
                        {{2, 1, 13, 12}, {3, 2}, {3, 2}, {1, 0}, {2, 3}, true},
                        {{3, 4, 5}, {5, 5}, {1, 1}, {2, 2}, {1, 1}, false},
                        {{1, 1, 1, 1}, {1, 1}, {1, 1}, {0, 0}, {1, 1}, false},
                        {{2, 2, 40, 33}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, true}};
  for (const Case& c : cases) {
    CAPTURE(c.sizes);
    const Tensor x = with_ties(c.sizes);
    const auto pool = [&](const Tensor& in) {
      return max_pool2d(in, c.kernel, c.stride, c.padding, c.dilation, c.ceil_mode);
    };
    check(pool, x, 9);
    for (const ScalarType type : kFloatingTypes) {
      Tensor in = x.to(type);
      if (in.numel() > 20) in.view({-1})[5] = std::numeric_limits<double>::quiet_NaN();
      const auto indices = [&](const Tensor& from) {
        return std::get<1>(
            max_pool2d_with_indices(from, c.kernel, c.stride, c.padding, c.dilation, c.ceil_mode));
      };
      CHECK(equal(indices(in.to(kCUDA)).cpu(), indices(in)));
    }
  }
  check([](const Tensor& in) { return max_pool1d(in, 3, 2, 1); }, with_ties({2, 3, 41}), 3);
  check([](const Tensor& in) { return max_pool3d(in, 2, 1, 1, 1); }, with_ties({1, 2, 4, 5, 6}), 8);
  check(
      [](const Tensor& in) {
        return std::get<0>(adaptive_max_pool2d(in, {3, 4}));
      },
      with_ties({2, 2, 7, 5}), 4);
}

TEST_CASE("cuda pool: means of windows of every kind") {
  if (!require_gpu()) return;
  for (const bool count_include_pad : {false, true}) {
    for (const bool ceil_mode : {false, true}) {
      const auto pool = [&](const Tensor& in) {
        return avg_pool2d(in, {3, 2}, {2, 1}, {1, 1}, ceil_mode, count_include_pad);
      };
      check(pool, with_ties({2, 3, 10, 9}), 8);
    }
  }
  check([](const Tensor& in) { return avg_pool2d(in, 2, 2, 0, false, true, 3); },
        with_ties({1, 2, 6, 6}), 4);
  check([](const Tensor& in) { return avg_pool2d(in, 9, 1, 0); }, with_ties({2, 2, 12, 11}), 81);
  check(
      [](const Tensor& in) {
        return avg_pool3d(in, {2, 3, 1}, {1, 2, 1}, {1, 1, 0});
      },
      with_ties({1, 2, 5, 6, 4}), 6);
  for (const DimVector& output :
       {DimVector{1, 1}, DimVector{3, 4}, DimVector{20, 15}, DimVector{7, 1}})
    check([&](const Tensor& in) { return adaptive_avg_pool2d(in, output); },
          with_ties({2, 3, 11, 13}), 143);
  check([](const Tensor& in) { return adaptive_avg_pool1d(in, 5); }, with_ties({3, 2, 2000}), 401);
}

TEST_CASE("cuda pad: every mode, crops included, and the gradient") {
  if (!require_gpu()) return;
  const Tensor x = with_ties({2, 3, 5, 7});
  for (const char* mode : {"reflect", "replicate", "circular", "constant"}) {
    CAPTURE(mode);
    for (const std::vector<int64_t>& amount : {std::vector<int64_t>{1, 2},
                                               {3, 0, 2, 1},
                                               {0, 0, 0, 0},
                                               {-1, 2, 3, -2},
                                               {4, 4, 4, 4},
                                               {-2, -3, -1, -1}}) {
      check([&](const Tensor& in) { return pad(in.flatten(0, 1), amount, mode); }, x, 9);
    }
    const std::vector<int64_t> cube = {1, 1, 2, 0, 1, 2};
    check([&](const Tensor& in) { return pad(in, cube, mode); }, with_ties({2, 2, 4, 3, 5}), 27);
  }
  check([](const Tensor& in) { return pad(in, {60, 40}, "replicate"); }, with_ties({2, 3}), 62);
  const Tensor whole = with_ties({3, 6}).to(kInt);
  CHECK(equal(pad(whole.to(kCUDA), {2, 1}, "reflect").cpu(), pad(whole, {2, 1}, "reflect")));
}

TEST_CASE("cuda fold: patches and their sums") {
  if (!require_gpu()) return;
  struct Case {
    DimVector kernel, dilation, padding, stride;
  };
  for (const Case& c :
       {Case{{3, 3}, {1, 1}, {1, 1}, {1, 1}}, Case{{2, 3}, {2, 1}, {1, 2}, {2, 3}},
        Case{{1, 1}, {1, 1}, {0, 0}, {2, 2}}, Case{{4, 2}, {1, 3}, {3, 1}, {3, 1}}}) {
    const Tensor x = with_ties({2, 3, 9, 8});
    const auto unfold = [&](const Tensor& in) {
      return im2col(in, c.kernel, c.dilation, c.padding, c.stride);
    };
    check(unfold, x, 9);
    const auto fold = [&](const Tensor& in) {
      return col2im(in, {9, 8}, c.kernel, c.dilation, c.padding, c.stride);
    };
    check(fold, with_ties(unfold(x).sizes()), 9);
  }
}

TEST_CASE("cuda pool: max_unpool puts values back") {
  if (!require_gpu()) return;
  const Tensor x = with_ties({1, 2, 4, 4});
  const auto [values, indices] = max_pool2d_with_indices(x, 2);
  CHECK(equal(max_unpool2d(values.to(kCUDA), indices.to(kCUDA), 2).cpu(),
              max_unpool2d(values, indices, 2)));
}
