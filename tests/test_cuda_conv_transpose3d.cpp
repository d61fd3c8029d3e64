// The transposed convolution with its chain and pool in one kernel: against the CPU's plain ops in double.
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "autograd/composed.h"
#include "autograd/engine.h"
#include "autograd/fused/pointwise.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/pool.h"
#include "cuda/fused/conv_transpose3d_pool.h"
#include "cuda/precision.h"
#include "tensor/kernels/builtin_chains.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

struct Shape {
  int64_t batch, in, out, depth, height, width;

  DimVector input() const { return {batch, in, depth, height, width}; }
  DimVector output() const { return {batch, out, depth, height, width}; }
  ConvGeometry conv() const {
    ConvGeometry g;
    g.batch = batch, g.in_channels = out, g.out_channels = in;
    g.output = {depth, height, width};
    for (size_t d = 0; d < 3; ++d)
      g.input[d] = 2 * g.output[d], g.kernel[d] = 3, g.stride[d] = 2, g.padding[d] = 1,
      g.dilation[d] = 1;
    return g;
  }
  PoolGeometry pool() const {
    PoolGeometry g;
    g.planes = batch * out;
    g.output = {depth, height, width};
    for (size_t d = 0; d < 3; ++d)
      g.input[d] = 2 * g.output[d], g.kernel[d] = 2, g.stride[d] = 2, g.dilation[d] = 1;
    return g;
  }
};

// Small, as the emulation multiplies slowly. The last has more tiles than blocks run there at once.
const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {2, 3, 5, 3, 5, 7}, {1, 16, 32, 2, 4, 32}, {1, 17, 37, 1, 3, 9}, {1, 32, 64, 1, 1, 40},
      {1, 1, 1, 1, 1, 1}, {0, 3, 5, 3, 5, 7},    {1, 4, 3, 1, 2, 33},  {2, 2, 3, 3, 17, 4}};
  return all;
}

functors::ConvTranspose3dTail tail(double slope) {
  functors::ConvTranspose3dTail chain;
  chain.first.negative_slope = slope;
  chain.rest.rest.first.negative_slope = slope;
  return chain;
}

struct Case {
  Shape shape;
  double slope;
  Tensor x, weight, bias, multiplier, grad;  // on the CPU, of one dtype
};

/// Multiples of 1 / steps in [-1, 1].
Tensor on_grid(IntArrayRef sizes, double steps) {
  return (random_values(sizes, kDouble) * steps).round() / steps;
}

/// Values of so few bits that products are exact in every dtype and sums in float, and slopes are powers of two.
Case exact_case(const Shape& s, ScalarType type) {
  return {s,
          0.25,
          on_grid(s.input(), 8).to(type),
          on_grid({s.in, s.out, 3, 3, 3}, 4).to(type),
          on_grid({s.out}, 4).to(type),
          on_grid({s.out}, 4).to(type),
          on_grid(s.output(), 4).to(type)};
}
Case random_case(const Shape& s, ScalarType type) {
  return {s,
          0.2,
          random_values(s.input(), type),
          random_values({s.in, s.out, 3, 3, 3}, type),
          random_values({s.out}, type),
          random_values({s.out}, type),
          random_values(s.output(), type)};
}

struct Result {
  Tensor y, z_largest, which, grad_weight, grad_bias, grad_multiplier;
};

/// Plain ops in double; z_largest and which by the pool's indices.
Result expected_of(const Case& c) {
  const auto leaf = [](const Tensor& t) { return to_double(t).requires_grad_(true); };
  const Tensor weight = leaf(c.weight), bias = leaf(c.bias), multiplier = leaf(c.multiplier);
  const Tensor z = conv_transpose3d(to_double(c.x), weight, bias, 2, 1, 1);
  const Tensor a = detail::composed_chain(tail(c.slope), z, {multiplier});
  const Tensor y = max_pool3d(a, 2);
  y.backward(to_double(c.grad));
  Result r{y.detach(),  empty(y.sizes(), kDouble), empty(y.sizes(), kByte), weight.grad(),
           bias.grad(), multiplier.grad()};
  const Tensor indices = empty(y.sizes(), kLong);
  cpu::max_pool(empty(y.sizes(), kDouble), indices, a.detach(), c.shape.pool());
  const int64_t height = 2 * c.shape.height, width = 2 * c.shape.width;
  const int64_t plane = 2 * c.shape.depth * height * width;
  const Tensor all = z.detach();
  for (int64_t i = 0; i < y.numel(); ++i) {
    const int64_t at = indices.data_ptr<int64_t>()[i];
    const int64_t own_plane = i / (c.shape.depth * c.shape.height * c.shape.width);
    r.z_largest.data_ptr<double>()[i] = all.data_ptr<double>()[own_plane * plane + at];
    r.which.data_ptr<uint8_t>()[i] =
        uint8_t(at / (height * width) % 2 * 4 + at / width % 2 * 2 + at % 2);
  }
  return r;
}

struct Mode {
  ScalarType type, y_type;  // of x, and of y and the multiplier
  bool tf32;
  double factor_error;  // of rounding a factor of a product
};
constexpr Mode kModes[] = {{kFloat, kFloat, true, 0x1p-11},      {kFloat, kFloat, false, 0x1p-22},
                           {kBFloat16, kFloat, true, 0x1p-8},    {kHalf, kFloat, true, 0x1p-11},
                           {kBFloat16, kBFloat16, true, 0x1p-8}, {kHalf, kHalf, true, 0x1p-11}};

Result kernels_on(const Case& c, const Mode& mode, ScalarType grad_type) {
  const Tensor x = on_gpu(c.x), weight = on_gpu(c.weight), bias = on_gpu(c.bias);
  const std::vector<Tensor> operands = {on_gpu(c.multiplier.to(mode.y_type))};
  const Tensor grad_y = on_gpu(c.grad.to(mode.y_type));
  const auto made = [&](const Tensor& like, ScalarType type) {
    return empty(like.sizes(), like.options().dtype(type));
  };
  const Result r{made(grad_y, mode.y_type), made(grad_y, x.dtype()), made(grad_y, kByte),
                 made(weight, grad_type),   made(bias, grad_type),   made(operands[0], grad_type)};
  const ConvGeometry g = c.shape.conv();
  const PoolGeometry pool = c.shape.pool();
  REQUIRE(cuda::conv_transpose3d_chain_pool_takes(g, pool, x.dtype()));
  cuda::conv_transpose3d_chain_pool_forward(r.y, r.z_largest, r.which, x, weight, bias, operands, g,
                                            pool, tail(c.slope));
  cuda::conv_transpose3d_chain_pool_backward(r.grad_weight, r.grad_bias, {r.grad_multiplier},
                                             grad_y, r.z_largest, r.which, x, operands, g, pool,
                                             tail(c.slope));
  return r;
}

/// What is exact in double, rounded once.
void check_rounded(const Tensor& got, const Tensor& expected) {
  CHECK(equal(got.cpu(), expected.to(got.dtype())));
}

/// With TF32 in convolutions switched on or off; as it was when it goes.
struct WithTF32 {
  bool before = globalContext().allowTF32CuDNN();
  explicit WithTF32(bool allow) { globalContext().setAllowTF32CuDNN(allow); }
  ~WithTF32() { globalContext().setAllowTF32CuDNN(before); }
};

/// grad_z from the gradients of the windows' largest elements.
Tensor spread(const Tensor& grad, const Tensor& which, const Shape& s) {
  const Tensor all = zeros({s.batch, s.out, 2 * s.depth, 2 * s.height, 2 * s.width}, kDouble);
  for (int64_t i = 0; i < grad.numel(); ++i) {
    const int64_t k = which.data_ptr<uint8_t>()[i];
    const int64_t w = i % s.width, h = i / s.width % s.height, line = i / (s.width * s.height);
    const int64_t row = (2 * line + k / 4) * 2 * s.height + 2 * h + k / 2 % 2;
    all.data_ptr<double>()[row * 2 * s.width + 2 * w + k % 2] = grad.data_ptr<double>()[i];
  }
  return all;
}

/// The gradient of the weights for x and grad_z.
Tensor weight_grad(const Tensor& x, const Tensor& grad_z, const Tensor& weight) {
  const Tensor leaf = to_double(weight).requires_grad_(true);
  conv_transpose3d(x, leaf, {}, 2, 1, 1).backward(grad_z);
  return leaf.grad();
}

}  // namespace

TEST_CASE("cuda conv_transpose3d with pool: exact values, extents around the tiles, all dtypes") {
  if (!require_gpu()) return;
  const size_t in_all_modes = 1;
  for (size_t i = 0; i < shapes().size(); ++i) {
    for (size_t k = 0; k < std::size(kModes); ++k) {
      if (i >= in_all_modes && k != i % std::size(kModes)) continue;
      const Mode mode = kModes[k];
      const WithTF32 tf32(mode.tf32);
      const Shape& shape = shapes()[i];
      CAPTURE(int(mode.type));
      CAPTURE(mode.tf32);
      CAPTURE(shape.width);
      const Case c = exact_case(shape, mode.type);
      const Result got = kernels_on(c, mode, kFloat), expected = expected_of(c);
      check_rounded(got.y, expected.y);
      check_rounded(got.z_largest, expected.z_largest);
      check_rounded(got.which, expected.which);
      check_rounded(got.grad_weight, expected.grad_weight);
      check_rounded(got.grad_bias, expected.grad_bias);
      // Its terms have z as a factor, which the 16-bit types round.
      const double bound = double(c.grad.numel()) * 16 * unit_roundoff(mode.type);
      check_within(got.grad_multiplier, expected.grad_multiplier,
                   ones(expected.grad_multiplier.sizes(), kDouble),
                   mode.type == kFloat ? 0 : bound);
    }
  }
}

TEST_CASE("cuda conv_transpose3d with pool: errors of random values") {
  if (!require_gpu()) return;
  for (const Mode mode : kModes) {
    const WithTF32 tf32(mode.tf32);
    for (const Shape& s : {Shape{1, 16, 32, 1, 3, 34}, Shape{1, 29, 33, 2, 1, 8}}) {
      CAPTURE(int(mode.type));
      CAPTURE(mode.tf32);
      const Case c = random_case(s, mode.type);
      const Result got = kernels_on(c, mode, kFloat);
      const Tensor x = to_double(c.x), weight = to_double(c.weight), bias = to_double(c.bias);
      const Tensor z = conv_transpose3d(x, weight, bias, 2, 1, 1);
      // Slopes and multipliers are at most 1, so z's error bounds y's.
      const Tensor size =
          max_pool3d(conv_transpose3d(x.abs(), weight.abs(), bias.abs(), 2, 1, 1), 2);
      const double allowed = 2 * mode.factor_error + 0x1p-23 + 2 * unit_roundoff(mode.y_type);
      const Tensor multiplier = to_double(c.multiplier).requires_grad_(true);
      check_within(got.y,
                   max_pool3d(detail::composed_chain(tail(c.slope), z, {multiplier}), 2).detach(),
                   size, allowed);

      // From here on what forward has kept is the truth: near ties may have gone either way.
      const Tensor largest = to_double(got.z_largest).requires_grad_(true);
      const Tensor y = detail::composed_chain(tail(c.slope), largest, {multiplier});
      check_within(got.y, y.detach(), size, 4 * unit_roundoff(mode.type));
      y.backward(to_double(c.grad));
      const Tensor grad_z = spread(largest.grad(), got.which.cpu(), s);
      // As it is multiplied: in Half what is small is rounded to a multiple of 2^-24.
      const bool narrow = is_reduced_floating(mode.type);
      const Tensor factor = narrow ? to_double(grad_z.to(mode.type)) : grad_z;
      check_within(got.grad_weight, weight_grad(x, factor, c.weight),
                   weight_grad(x.abs(), grad_z.abs(), c.weight), 2 * mode.factor_error + 0x1p-22);
      const Tensor plane_size = largest.grad().abs().sum({0, 2, 3, 4});
      check_within(got.grad_bias, grad_z.sum({0, 2, 3, 4}), plane_size, 0x1p-22);
      check_within(got.grad_multiplier, multiplier.grad(),
                   (to_double(c.grad) * largest.detach()).abs().sum({0, 2, 3, 4}), 0x1p-22);
    }
  }
}

TEST_CASE(
    "cuda conv_transpose3d with pool: ties go to the first, NaN wins and spreads no further") {
  if (!require_gpu()) return;
  const Shape s{2, 3, 5, 3, 5, 7};
  for (const Mode mode : {kModes[0], kModes[1], kModes[4]}) {
    const WithTF32 tf32(mode.tf32);
    CAPTURE(int(mode.type));
    CAPTURE(mode.tf32);
    Case c = exact_case(s, mode.type);
    c.weight.zero_();
    Result got = kernels_on(c, mode, kFloat);
    CHECK(got.which.sum().item<int64_t>() == 0);
    check_rounded(got.grad_weight, expected_of(c).grad_weight);

    c = exact_case(s, mode.type);
    c.x.index_put_({1, 2, 1, 2, 3}, std::numeric_limits<double>::quiet_NaN());
    got = kernels_on(c, mode, kFloat);
    const Result expected = expected_of(c);
    const Tensor is_nan = expected.y.isnan();
    CHECK(is_nan.sum().item<int64_t>() == 8 * s.out);
    CHECK(equal(got.y.isnan().cpu(), is_nan));
    CHECK(equal(got.z_largest.isnan().cpu(), is_nan));
    check_rounded(got.which, expected.which);
    check_rounded(got.y.nan_to_num(), expected.y.nan_to_num());
  }
}

TEST_CASE("cuda conv_transpose3d with pool: equal bits from run to run, only what is wanted") {
  if (!require_gpu()) return;
  const Shape s{1, 5, 33, 1, 5, 36};
  for (const Mode mode : {kModes[0], kModes[1], kModes[2]}) {
    const WithTF32 tf32(mode.tf32);
    const Case c = random_case(s, mode.type);
    const Result first = kernels_on(c, mode, mode.type), second = kernels_on(c, mode, mode.type);
    CHECK(equal(first.y, second.y));
    CHECK(equal(first.which, second.which));
    CHECK(equal(first.grad_weight, second.grad_weight));
    CHECK(equal(first.grad_bias, second.grad_bias));
    CHECK(equal(first.grad_multiplier, second.grad_multiplier));

    const Tensor x = on_gpu(c.x), grad_y = on_gpu(c.grad.to(mode.y_type));
    const std::vector<Tensor> operands = {on_gpu(c.multiplier.to(mode.y_type))};
    const Tensor y = empty_like(first.y);
    cuda::conv_transpose3d_chain_pool_forward(y, {}, {}, x, on_gpu(c.weight), on_gpu(c.bias),
                                              operands, s.conv(), s.pool(), tail(c.slope));
    CHECK(equal(y, first.y));
    const Tensor grad_weight = empty_like(first.grad_weight), bias = empty_like(first.grad_bias);
    const auto backward = [&](const Tensor& weight_to, const Tensor& bias_to) {
      cuda::conv_transpose3d_chain_pool_backward(weight_to, bias_to, {Tensor()}, grad_y,
                                                 first.z_largest, first.which, x, operands,
                                                 s.conv(), s.pool(), tail(c.slope));
    };
    backward(grad_weight, {});
    CHECK(equal(grad_weight, first.grad_weight));
    backward({}, bias);
    CHECK(equal(bias, first.grad_bias));
  }
}

TEST_CASE("cuda conv_transpose3d with pool: what it takes") {
  const Shape s{2, 3, 5, 3, 5, 7};
  const auto takes = [](const Shape& shape, ScalarType type, auto change) {
    ConvGeometry g = shape.conv();
    PoolGeometry pool = shape.pool();
    change(g, pool);
    return cuda::conv_transpose3d_chain_pool_takes(g, pool, type);
  };
  const auto as_is = [](ConvGeometry&, PoolGeometry&) {};
  CHECK(takes(s, kFloat, as_is));
  CHECK(takes({1, 32, 64, 1, 1, 1}, kHalf, as_is));
  CHECK_FALSE(takes(s, kDouble, as_is));
  CHECK_FALSE(takes({1, 33, 64, 1, 1, 1}, kFloat, as_is));
  CHECK_FALSE(takes({1, 32, 65, 1, 1, 1}, kFloat, as_is));
  CHECK_FALSE(takes(s, kFloat, [](ConvGeometry& g, PoolGeometry&) { g.input[2] -= 1; }));
  CHECK_FALSE(takes(s, kFloat, [](ConvGeometry& g, PoolGeometry&) { g.kernel[0] = 1; }));
  CHECK_FALSE(takes(s, kFloat, [](ConvGeometry&, PoolGeometry& p) { p.stride[1] = 1; }));
  CHECK_FALSE(takes(s, kFloat, [](ConvGeometry&, PoolGeometry& p) { p.padding[1] = 1; }));
}
