// layer, group, instance, RMS and batch norm on the GPU against the same in double on the CPU.
#include <cmath>
#include <limits>

#include "autograd/ops/batch_norm.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/view.h"
#include "tensor/kernels/norm.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

constexpr ScalarType kFloatingTypes[] = {kFloat, kDouble, kHalf, kBFloat16};

/// [batch, groups, channels, inner]: rows held by 4 lanes, a warp, a block and longer ones; gradients of the
/// parameters in the same pass (by columns and by channels) and by a fold of their own.
const NormShape kShapes[] = {{0, 1, 3, 1},    {5, 1, 1, 1},     {3, 1, 8, 1},     {70, 1, 16, 1},
                             {9, 1, 13, 1},   {4, 1, 96, 1},    {33, 1, 128, 1},  {3, 1, 257, 1},
                             {5, 1, 1000, 1}, {3, 1, 1024, 1},  {2, 1, 2056, 1},  {2, 1, 3001, 1},
                             {1, 1, 8200, 1}, {2, 1, 16400, 1}, {1, 1, 33000, 1}, {3, 2, 3, 1},
                             {2, 3, 2, 5},    {2, 2, 4, 8},     {3, 4, 2, 49},    {2, 2, 3, 64},
                             {1, 3, 1, 400},  {2, 1, 5, 1032},  {1, 1, 9, 2001},  {1, 2, 2, 8200}};

struct Norm {
  NormShape shape;
  bool centered;

  Tensor operator()(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    if (!centered) return rms_norm(x, {shape.channels}, weight, 1e-5);
    if (shape.groups == 1 && shape.inner == 1)
      return layer_norm(x, {shape.channels}, weight, bias, 1e-5);
    return group_norm(x, shape.groups, weight, bias, 1e-5);
  }
};

Tensor leaf(const Tensor& x, Device device) {
  return x.defined() ? x.to(device).requires_grad_() : x;
}
Tensor wide_leaf(const Tensor& x) { return x.defined() ? to_double(x).requires_grad_() : x; }

double computed_error(ScalarType type) { return type == kDouble ? 0x1p-53 : 0x1p-24; }

/// Values about 3, which a one-pass variance would pay for, whose neighbours are 1 to 3 apart: rstd, which
/// magnifies every rounding, stays below 2 in rows of more than one.
Tensor input_values(IntArrayRef sizes, ScalarType type) {
  const Tensor noise = random_values(sizes, kDouble).mul(0.5);
  const Tensor sign = arange(noise.numel(), kDouble).remainder(2).mul(2).sub(1);
  return noise.add(sign.view(sizes)).add(3).to(type);
}

/// Forward and backward of one case. The bounds are those of a normalised row: values of the size of xhat
/// times weight, gradients of the size of rstd times the row's largest gradient.
template <class Op>
void compare(const Op& op, const Tensor& x, const Tensor& weight, const Tensor& bias,
             int64_t reduced) {
  const ScalarType type = x.dtype();
  const Tensor g = random_values(x.sizes(), type);
  const Tensor gx = leaf(x, kCUDA), gw = leaf(weight, kCUDA), gb = leaf(bias, kCUDA);
  const Tensor wx = wide_leaf(x), ww = wide_leaf(weight), wb = wide_leaf(bias);
  const Tensor y = op(gx, gw, gb), expected = op(wx, ww, wb);
  CHECK(y.dtype() == type);
  const double tolerance =
      (std::log2(double(reduced) + 2) + 32) * computed_error(type) + unit_roundoff(type);
  check_within(y, expected.detach(), expected.detach().abs().add(2), tolerance);
  y.backward(g.to(kCUDA));
  expected.backward(to_double(g));
  if (x.numel() == 0) return;
  const Tensor largest = wx.grad().abs().max();
  check_within(gx.grad(), wx.grad(), wx.grad().abs().add(largest.add(1)), 8 * tolerance);
  const auto check_parameter = [&](const Tensor& got, const Tensor& wanted) {
    if (!got.defined()) return;
    CHECK(got.grad().dtype() == got.dtype());
    // As many terms of the size of g * xhat as there are elements per channel.
    const double terms = double(x.numel()) / double(got.numel());
    check_within(got.grad(), wanted.grad(), wanted.grad().abs().add(2 * terms), 8 * tolerance);
  };
  check_parameter(gw, ww);
  check_parameter(gb, wb);
}

}  // namespace

TEST_CASE("cuda norm: rows of every layout and type, with and without parameters") {
  if (!require_gpu()) return;
  for (const ScalarType type : kFloatingTypes) {
    for (const NormShape& shape : kShapes) {
      CAPTURE(type);
      CAPTURE(shape.batch);
      CAPTURE(shape.groups);
      CAPTURE(shape.channels);
      CAPTURE(shape.inner);
      const bool rows = shape.groups == 1 && shape.inner == 1;
      DimVector sizes = {shape.batch, shape.all_channels()};
      if (shape.inner > 1) sizes.push_back(shape.inner);
      const Tensor x = input_values(sizes, type);
      const Tensor w = random_values({shape.all_channels()}, type);
      const Tensor b = random_values({shape.all_channels()}, type);
      compare(Norm{shape, true}, x, w, b, shape.row_size());
      compare(Norm{shape, true}, x, Tensor(), Tensor(), shape.row_size());
      if (type != kDouble) compare(Norm{shape, true}, x, w.to(kFloat), Tensor(), shape.row_size());
      if (rows) compare(Norm{shape, false}, x, w, Tensor(), shape.row_size());
    }
  }
}

TEST_CASE("cuda norm: many long rows, which shared memory keeps in part") {
  if (!require_gpu()) return;
  // Float's is longer than what is kept of grad_y and x, bfloat16's is kept whole.
  for (const ScalarType type : {kFloat, kBFloat16}) {
    CAPTURE(type);
    const NormShape shape{1, 64, 5, 6603};
    const Tensor x = input_values({1, shape.all_channels(), shape.inner}, type);
    const Tensor w = random_values({shape.all_channels()}, type);
    compare(Norm{shape, true}, x, w, Tensor(), shape.row_size());
  }
}

TEST_CASE("cuda norm: more long rows than blocks, whose next row is on its way") {
  if (!require_gpu()) return;
  // One block per multiprocessor or two, rows of whole packs and of single elements.
  for (const auto& [columns, type] : {std::pair<int64_t, ScalarType>{33000, kFloat},
                                      {33001, kFloat},
                                      {33000, kBFloat16},
                                      {33001, kHalf},
                                      {16500, kDouble}}) {
    CAPTURE(columns);
    CAPTURE(type);
    const NormShape shape{300, 1, columns, 1};
    const Tensor x = input_values({shape.batch, columns}, type);
    compare(Norm{shape, true}, x, random_values({columns}, type), Tensor(), columns);
  }
}

TEST_CASE("cuda norm: parameters' gradients alone") {
  if (!require_gpu()) return;
  for (const NormShape& shape : {NormShape{33, 1, 128, 1}, {3, 1, 13, 1}, {2, 2, 4, 8}}) {
    const Tensor x = random_values({shape.batch, shape.all_channels(), shape.inner}, kDouble);
    const Tensor w = random_values({shape.all_channels()}, kDouble);
    const auto grad = [&](Device device) {
      const Tensor weight = w.detach().to(device).requires_grad_();
      group_norm(x.to(device), shape.groups, weight).square().sum().backward();
      return to_double(weight.grad());
    };
    check_within(grad(kCUDA), grad(kCPU), grad(kCPU).abs().add(1), 0x1p-40);
  }
}

TEST_CASE("cuda norm: rows of one value, and constant rows far from 0") {
  if (!require_gpu()) return;
  for (const int64_t columns : {7, 500, 3000, 40000}) {
    CAPTURE(columns);
    const Tensor x = full({2, columns}, 1000.1f, kFloat);
    const Tensor y = layer_norm(x.to(kCUDA), {columns});
    check_within(y, zeros({2, columns}, kDouble), ones({2, columns}, kDouble), 0.05);
    Tensor bad = x.clone();
    bad.select(0, 1).select(0, columns / 2).fill_(std::numeric_limits<double>::quiet_NaN());
    const Tensor z = layer_norm(bad.to(kCUDA), {columns}).cpu();
    CHECK(!z.select(0, 0).isnan().any().item<bool>());
    CHECK(z.select(0, 1).isnan().all().item<bool>());
  }
}

TEST_CASE("cuda batch_norm: training and evaluation, values, gradients, running statistics") {
  if (!require_gpu()) return;
  const int64_t sizes[][3] = {{0, 3, 1}, {5, 1, 1},   {64, 16, 1}, {300, 5, 1},  {3000, 8, 1},
                              {2, 3, 5}, {4, 2, 256}, {3, 17, 49}, {2, 2, 9000}, {1, 3, 20}};
  for (const ScalarType type : kFloatingTypes) {
    for (const auto& [batch, channels, inner] : sizes) {
      for (const bool training : {true, false}) {
        CAPTURE(type);
        CAPTURE(batch);
        CAPTURE(channels);
        CAPTURE(inner);
        CAPTURE(training);
        DimVector shape = {batch, channels};
        if (inner > 1) shape.push_back(inner);
        const Tensor x = input_values(shape, type);
        const Tensor w = random_values({channels}, type), b = random_values({channels}, type);
        // On the GPU and in double each with running statistics of its own.
        const Tensor running[2][2] = {
            {full({channels}, 0.25,
                  TensorOptions(type == kDouble ? kDouble : kFloat).device(kCUDA)),
             full({channels}, 2.0,
                  TensorOptions(type == kDouble ? kDouble : kFloat).device(kCUDA))},
            {full({channels}, 0.25, kDouble), full({channels}, 2.0, kDouble)}};
        const auto op = [&](const Tensor& t, const Tensor& weight, const Tensor& bias) {
          const auto& mine = running[t.is_cuda() ? 0 : 1];
          return batch_norm(t, weight, bias, mine[0], mine[1], training, 0.1, 1e-5);
        };
        compare(op, x, w, b, batch * inner);
        for (const int i : {0, 1})
          check_within(running[0][i], running[1][i], running[1][i].abs().add(1),
                       64 * computed_error(type));
      }
    }
  }
}

TEST_CASE("cuda norm: the bits depend on neither alignment nor chance") {
  if (!require_gpu()) return;
  for (const NormShape& shape : kShapes) {
    if (shape.batch == 0) continue;
    CAPTURE(shape.channels);
    CAPTURE(shape.inner);
    const Tensor x =
        random_values({shape.batch, shape.all_channels(), shape.inner}, kFloat).to(kCUDA);
    const Tensor w = random_values({shape.all_channels()}, kFloat).to(kCUDA);
    const auto run = [&](const Tensor& input) {
      const Tensor leaf = input.detach().requires_grad_();
      const Tensor weight = w.detach().requires_grad_();
      const Tensor y = group_norm(leaf, shape.groups, weight);
      y.square().sum().backward();
      return std::vector<Tensor>{y.detach().cpu(), leaf.grad().cpu(), weight.grad().cpu()};
    };
    const std::vector<Tensor> once = run(x);
    const Tensor block = empty({x.numel() + 1}, x.options());
    const Tensor shifted = block.slice(0, 1).view(x.sizes());
    shifted.copy_(x);
    const std::vector<Tensor> again = run(x), moved = run(shifted);
    for (size_t i = 0; i < once.size(); ++i) {
      CHECK(equal(again[i], once[i]));
      CHECK(equal(moved[i], once[i]));
    }
  }
}
