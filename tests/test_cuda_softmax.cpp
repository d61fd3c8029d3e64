// softmax, log_softmax and logsumexp on the GPU against the same in double on the CPU.
#include <cmath>
#include <limits>

#include "autograd/ops/compare.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/view.h"
#include "tensor/kernels/softmax.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr ScalarType kFloatingTypes[] = {kFloat, kDouble, kHalf, kBFloat16};

/// Rows held by 4 lanes, a warp, a block; rows longer than that; columns with one and with several lanes.
const SoftmaxShape kShapes[] = {
    {0, 3, 1},    {2, 0, 1},    {1, 1, 1},    {70, 3, 1},   {5, 10, 1},    {3, 31, 1},
    {9, 32, 1},   {2, 33, 1},   {3, 64, 1},   {5, 250, 1},  {2, 257, 1},   {3, 1000, 1},
    {2, 1021, 1}, {2, 1025, 1}, {1, 3001, 1}, {1, 9000, 1}, {1, 16500, 1}, {1, 33000, 1},
    {2, 5, 3},    {3, 7, 130},  {1, 70, 140}, {2, 100, 5},  {1, 300, 40},  {2, 1, 4}};

double tolerance(ScalarType type) {
  const double computed = type == kDouble ? 0x1p-53 : 0x1p-24;
  return 32 * computed + unit_roundoff(type);
}

Tensor misaligned(const Tensor& x) {
  const Tensor block = empty({x.numel() + 1}, x.options());
  const Tensor view = block.slice(0, 1).view(x.sizes());
  view.copy_(x);
  return view;
}

}  // namespace

TEST_CASE("cuda softmax: values and gradients of every layout and type") {
  if (!require_gpu()) return;
  for (const ScalarType type : kFloatingTypes) {
    for (const SoftmaxShape& shape : kShapes) {
      for (const bool log : {false, true}) {
        CAPTURE(type);
        CAPTURE(shape.outer);
        CAPTURE(shape.extent);
        CAPTURE(shape.inner);
        CAPTURE(log);
        const auto op = [&](const Tensor& t) { return log ? log_softmax(t, 1) : softmax(t, 1); };
        const Tensor x =
            random_values({shape.outer, shape.extent, shape.inner}, kDouble).mul(4).to(type);
        const Tensor g = random_values(x.sizes(), type);
        const Tensor leaf = x.to(kCUDA).requires_grad_(), y = op(leaf);
        CHECK(y.dtype() == type);
        const Tensor wide = to_double(x), expected = op(wide);
        // The logarithm's error is that of x - max, whatever cancels.
        const Tensor size = log ? expected.abs().add(8) : expected;
        check_within(y, expected, size, tolerance(type));

        y.backward(g.to(kCUDA));
        CHECK(leaf.grad().dtype() == type);
        // From the rounded result, as the kernel has it.
        const Tensor out = to_double(y), wide_g = to_double(g);
        const Tensor terms = log ? wide_g : wide_g.mul(out);
        const Tensor sum = terms.sum(1, true), sum_size = terms.abs().sum(1, true);
        const Tensor grad = log ? wide_g.sub(out.exp().mul(sum)) : out.mul(wide_g.sub(sum));
        const Tensor grad_size =
            log ? wide_g.abs().add(out.exp().mul(sum_size)) : out.mul(wide_g.abs().add(sum_size));
        check_within(leaf.grad(), grad, grad_size, tolerance(type));
      }
    }
  }
}

TEST_CASE("cuda softmax: infinities and NaN as on the CPU") {
  if (!require_gpu()) return;
  for (const int64_t extent : {3, 40, 900, 3000, 40000}) {
    for (const int64_t inner : {1, 2}) {
      for (const double value : {-kInf, kInf, kNaN}) {
        CAPTURE(extent);
        CAPTURE(inner);
        CAPTURE(value);
        Tensor x = random_values({3, extent, inner}, kFloat);
        x.select(0, 0).fill_(value);                        // a slice of nothing else
        x.select(0, 1).select(0, extent / 2).fill_(value);  // one element
        for (const bool log : {false, true}) {
          CAPTURE(log);
          const Tensor y = log ? log_softmax(x, 1) : softmax(x, 1);
          const Tensor got = (log ? log_softmax(x.to(kCUDA), 1) : softmax(x.to(kCUDA), 1)).cpu();
          CHECK(allclose(got, y, 1e-5, 1e-6, true));
        }
        if (inner > 1) continue;
        CHECK(allclose(x.to(kCUDA).logsumexp({1}).cpu(), x.logsumexp({1}), 1e-5, 1e-6, true));
      }
    }
  }
}

TEST_CASE("cuda softmax: more long rows than blocks, whose next row is on its way") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kBFloat16}) {
    for (const int64_t extent : {33000, 33001, 60000}) {
      CAPTURE(type);
      CAPTURE(extent);
      const Tensor x = random_values({300, extent}, type), g = random_values({300, extent}, type);
      const Tensor leaf = x.to(kCUDA).requires_grad_(), wide = to_double(x).requires_grad_();
      const Tensor y = log_softmax(leaf, 1), expected = log_softmax(wide, 1);
      check_within(y, expected.detach(), expected.detach().abs().add(8), tolerance(type));
      y.backward(g.to(kCUDA));
      expected.backward(to_double(g));
      // exp(y) feels the rounding of y, which is about 11.
      check_within(leaf.grad(), wide.grad(), wide.grad().abs().add(0.1), 16 * tolerance(type));
    }
  }
}

TEST_CASE("cuda logsumexp: values and gradients") {
  if (!require_gpu()) return;
  for (const ScalarType type : kFloatingTypes) {
    for (const auto& [rows, extent] : {std::pair<int64_t, int64_t>{3, 0},
                                       {2, 1},
                                       {40, 5},
                                       {3, 33},
                                       {2, 300},
                                       {2, 5000},
                                       {1, 20001},
                                       {0, 4}}) {
      CAPTURE(type);
      CAPTURE(rows);
      CAPTURE(extent);
      const Tensor x = random_values({rows, extent}, kDouble).mul(6).to(type);
      const Tensor leaf = x.to(kCUDA).requires_grad_(), y = leaf.logsumexp({1});
      const Tensor wide = to_double(x).requires_grad_(), expected = wide.logsumexp({1});
      CHECK(y.dtype() == type);
      if (extent == 0) {
        CHECK(y.eq(-kInf).all().item<bool>());
        continue;
      }
      check_within(y, expected.detach(), expected.detach().abs().add(1), tolerance(type));
      y.sum().backward();
      expected.sum().backward();
      // exp(x - y), |x - y| and |y| being up to 20, feels the rounding of both; so does the expected one.
      check_within(leaf.grad(), wide.grad(), wide.grad(), 64 * unit_roundoff(type));
    }
  }
}

TEST_CASE("cuda softmax: the bits depend on neither alignment nor chance") {
  if (!require_gpu()) return;
  for (const ScalarType type : kFloatingTypes) {
    for (const SoftmaxShape& shape : kShapes) {
      CAPTURE(type);
      CAPTURE(shape.extent);
      CAPTURE(shape.inner);
      const Tensor x = random_values({shape.outer, shape.extent, shape.inner}, type).to(kCUDA);
      const Tensor once = softmax(x, 1).cpu();
      CHECK(equal(softmax(x, 1).cpu(), once));
      CHECK(equal(softmax(misaligned(x), 1).cpu(), once));
    }
  }
}
