// The weight gradient of a convolution behind a pointwise chain, in one kernel, against the CPU's kernels in double.
#include <limits>

#include "cuda/fused/conv3d_weight_grad.h"
#include "cuda/precision.h"
#include "tensor/cpu/chain.h"
#include "tensor/kernels/builtin_chains.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

struct Case {
  DimVector input, weight, padding = {0, 0, 0};
};

// Extents around those of tiles (8 or 16 rows, 64 columns); results of one element; channels that fill neither
// pairs nor blocks, and several blocks of each; kernels of all extents; rows of odd length and rows that are read in
// packs; more depths than there are planes in shared memory.
const Case kCases[] = {
    {{1, 8, 6, 11, 13}, {32, 8, 3, 3, 3}},
    {{2, 8, 3, 12, 16}, {32, 8, 3, 3, 3}},
    {{1, 3, 2, 7, 66}, {5, 3, 3, 3, 3}, {1, 1, 1}},
    {{2, 5, 3, 3, 3}, {33, 5, 3, 3, 3}},
    {{1, 9, 2, 15, 9}, {40, 9, 2, 3, 2}, {1, 2, 0}},
    {{2, 17, 1, 6, 8}, {10, 17, 1, 2, 3}, {0, 1, 0}},
    {{3, 1, 2, 4, 4}, {1, 1, 1, 1, 1}},
    {{0, 8, 5, 11, 13}, {32, 8, 3, 3, 3}},
};

ConvGeometry geometry_of(const Case& c) {
  ConvGeometry g;
  g.batch = c.input[0], g.in_channels = c.input[1], g.out_channels = c.weight[0];
  for (size_t d = 0; d < 3; ++d) {
    g.input[d] = c.input[d + 2], g.kernel[d] = c.weight[d + 2], g.padding[d] = c.padding[d];
    g.stride[d] = g.dilation[d] = 1;
    g.output[d] = g.input[d] + 2 * g.padding[d] - g.kernel[d] + 1;
  }
  return g;
}

struct Inputs {
  Tensor x, z, grad_y, operand;
  Inputs(const Case& c, ScalarType type, ScalarType grad_y_type) {
    const ConvGeometry g = geometry_of(c);
    const DimVector sizes{g.batch, g.out_channels, g.output[0], g.output[1], g.output[2]};
    x = random_values(c.input, type);
    z = random_values(sizes, kDouble).mul(3).to(type);
    grad_y = random_values(sizes, grad_y_type);
    operand = random_values({g.out_channels}, grad_y_type);
  }
};

struct Gradients {
  Tensor weight, bias, operand;
};
enum Wanted { kWeight = 1, kBias = 2, kOperand = 4, kAll = 7 };

template <class C>
Gradients run(const Case& c, const Inputs& in, ScalarType gradient_type, const C& chain,
              int wanted = kAll) {
  const ConvGeometry g = geometry_of(c);
  REQUIRE(cuda::conv3d_weight_grad_takes(g, in.x.dtype()));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto result = [&](const DimVector& sizes, int bit) {
    return wanted & bit ? full(sizes, nan, gradient_type).to(kCUDA) : Tensor();
  };
  Gradients got{result(c.weight, kWeight), result({g.out_channels}, kBias), {}};
  std::vector<Tensor> operands, grad_operands;
  if (C::num_channel_operands > 0) {
    got.operand = result({g.out_channels}, kOperand);
    operands = {on_gpu(in.operand)};
    grad_operands = {got.operand};
  }
  cuda::conv3d_chain_weight_grad(got.weight, got.bias, grad_operands, on_gpu(in.grad_y),
                                 on_gpu(in.z), on_gpu(in.x), operands, g, chain);
  return got;
}

Tensor weight_grad(const Case& c, const Tensor& grad_z, const Tensor& x) {
  const Tensor result = zeros(c.weight, kDouble);
  cpu::conv_weight_grad(result, grad_z, x, geometry_of(c));
  return result;
}
Tensor channel_sum(const Tensor& t) { return t.sum({0, 2, 3, 4}); }

struct Tf32 {
  explicit Tf32(bool allow) { globalContext().setAllowTF32CuDNN(allow); }
  ~Tf32() { globalContext().setAllowTF32CuDNN(before); }
  const bool before = globalContext().allowTF32CuDNN();
};

template <class C>
void check_case(const Case& c, ScalarType type, bool tf32, ScalarType grad_y_type,
                ScalarType gradient_type, const C& chain) {
  CAPTURE(IntArrayRef(c.input));
  CAPTURE(IntArrayRef(c.weight));
  CAPTURE(to_string(type));
  CAPTURE(tf32);
  const Tf32 precision(tf32);
  const Inputs in(c, type, grad_y_type);
  const Tensor x = to_double(in.x), g = to_double(in.grad_y), z = to_double(in.z);
  const Tensor grad_z = empty(z.sizes(), kDouble), grad_operand = zeros({c.weight[0]}, kDouble);
  const DimVector flat{z.size(0), z.size(1), z.size(2) * z.size(3) * z.size(4)};
  std::vector<Tensor> operands, grad_operands;
  if (C::num_channel_operands > 0)
    operands = {to_double(in.operand)}, grad_operands = {grad_operand};
  cpu::chain_backward(grad_z.view(flat), grad_operands, g.view(flat), z.view(flat), operands,
                      chain);

  // Each element of grad_z is rounded like x, and errs by what the chain's functions do; sums of n terms err by n
  // roundings at most, of tensor cores' sums that are cut off.
  const bool rough = tf32 && type == kFloat;
  const double factors = type == kFloat ? (rough ? 0x1.01p-10 : 0x1p-21) : unit_roundoff(type);
  const double function = type == kBFloat16 ? 0x1p-10 : rough ? 0x1p-16 : 0x1p-20;
  const double sums = double(z.numel() / z.size(1) + 1) * 0x1p-23;
  const double smallest = type == kHalf ? 0x1p-25 : 0;
  const Tensor grad_error = grad_z.abs() * (factors + sums) + g.abs() * function + smallest;
  const double result = unit_roundoff(gradient_type);
  const Gradients got = run(c, in, gradient_type, chain);
  const Tensor weight = weight_grad(c, grad_z, x), bias = channel_sum(grad_z);
  CHECK(got.weight.dtype() == gradient_type);
  check_within(got.weight, weight, weight_grad(c, grad_error, x.abs()) + weight.abs() * result, 1);
  check_within(got.bias, bias, channel_sum(grad_error) + bias.abs() * result, 1);
  if (C::num_channel_operands > 0)
    check_within(got.operand, grad_operand,
                 channel_sum(g.abs()) * (sums + function) + grad_operand.abs() * result, 1);

  const Gradients again = run(c, in, gradient_type, chain);
  CHECK(equal(again.weight, got.weight));
  CHECK(equal(again.bias, got.bias));
}

}  // namespace

TEST_CASE("cuda weight gradient behind a chain: every type and extent") {
  if (!require_gpu()) return;
  for (const Case& c : kCases) {
    check_case(c, kFloat, true, kFloat, kFloat, functors::Conv3dTail());
    check_case(c, kFloat, false, kFloat, kFloat, functors::Conv3dTail());
    check_case(c, kHalf, true, kFloat, kHalf, functors::Conv3dTail());
    check_case(c, kBFloat16, true, kBFloat16, kFloat, functors::Conv3dTail());
  }
}

TEST_CASE("cuda weight gradient behind a chain without operands") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kHalf, kBFloat16})
    for (const ScalarType grad_y_type : {type, kFloat})
      check_case(kCases[2], type, true, grad_y_type, type, functors::Chain<functors::Relu>());
}

TEST_CASE("cuda weight gradient behind a chain: gradients that are not wanted are left alone") {
  if (!require_gpu()) return;
  const Case& c = kCases[5];
  const Inputs in(c, kFloat, kFloat);
  const functors::Conv3dTail chain;
  const Gradients all = run(c, in, kFloat, chain);
  for (int wanted = 0; wanted < kAll; ++wanted) {
    const Gradients some = run(c, in, kFloat, chain, wanted);
    if (wanted & kWeight) CHECK(equal(some.weight, all.weight));
    if (wanted & kBias) CHECK(equal(some.bias, all.bias));
    if (wanted & kOperand) CHECK(equal(some.operand, all.operand));
  }
}

TEST_CASE("cuda weight gradient behind a chain: where operands lie makes no difference") {
  if (!require_gpu()) return;
  const Case& c = kCases[1];
  const auto shifted = [](const Tensor& t) {
    const Tensor longer = zeros({t.numel() + 1}, t.options());
    const Tensor behind = longer.narrow(0, 1, t.numel());
    behind.copy_(t.flatten());
    return behind.view(t.sizes());
  };
  for (const ScalarType type : {kFloat, kBFloat16}) {
    Inputs in(c, type, type);
    const Gradients aligned = run(c, in, kFloat, functors::Conv3dTail());
    in.x = shifted(in.x), in.z = shifted(in.z), in.grad_y = shifted(in.grad_y);
    const Gradients unaligned = run(c, in, kFloat, functors::Conv3dTail());
    CHECK(equal(aligned.weight, unaligned.weight));
    CHECK(equal(aligned.bias, unaligned.bias));
  }
}

TEST_CASE("cuda weight gradient behind a chain: NaN stays in its channel, infinity is no number") {
  if (!require_gpu()) return;
  const Case& c = kCases[0];
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), HUGE_VAL}) {
    for (const bool tf32 : {true, false}) {
      const Tf32 precision(tf32);
      Inputs in(c, kFloat, kFloat);
      const Gradients clean = run(c, in, kFloat, functors::Chain<functors::Relu>());
      in.z[0][2][3][4].index_put_({10}, 1.0);
      in.grad_y[0][2][3][4].index_put_({10}, value);
      const Gradients got = run(c, in, kFloat, functors::Chain<functors::Relu>());
      const Tensor changed = got.weight.cpu();
      CHECK_FALSE(changed[2].isfinite().any().item<bool>());
      CHECK_FALSE(std::isfinite(got.bias.cpu()[2].item<float>()));
      CHECK(equal(changed.narrow(0, 0, 2), clean.weight.cpu().narrow(0, 0, 2)));
      CHECK(equal(changed.narrow(0, 3, 29), clean.weight.cpu().narrow(0, 3, 29)));
    }
  }
}

TEST_CASE("cuda weight gradient behind a chain: what it takes") {
  const auto takes = [](ScalarType type, auto change) {
    ConvGeometry g = geometry_of(kCases[0]);
    change(g);
    return cuda::conv3d_weight_grad_takes(g, type);
  };
  const auto as_it_is = [](ConvGeometry&) {};
  for (const ScalarType type : {kFloat, kHalf, kBFloat16}) CHECK(takes(type, as_it_is));
  CHECK_FALSE(takes(kDouble, as_it_is));
  CHECK_FALSE(takes(kFloat, [](ConvGeometry& g) { g.stride[1] = 2; }));
  CHECK_FALSE(takes(kFloat, [](ConvGeometry& g) { g.dilation[2] = 2; }));
  CHECK_FALSE(takes(kFloat, [](ConvGeometry& g) { g.groups = 2; }));
  CHECK_FALSE(takes(kFloat, [](ConvGeometry& g) { g.kernel[1] = 4; }));
  CHECK(takes(kFloat, [](ConvGeometry& g) { g.in_channels = 32, g.out_channels = 64; }));
  CHECK_FALSE(takes(kFloat, [](ConvGeometry& g) { g.in_channels = 33; }));
  CHECK_FALSE(takes(kFloat, [](ConvGeometry& g) { g.out_channels = 65; }));
  CHECK_FALSE(takes(kFloat, [](ConvGeometry& g) { g.output = {512, 512, 512}; }));
}
