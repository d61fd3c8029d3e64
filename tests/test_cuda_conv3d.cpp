// The kernel of convolution and chain against the CPU's ops in double.
#include <cmath>
#include <limits>

#include "autograd/fused/stages.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/view.h"
#include "cuda/fused/conv3d_forward.h"
#include "cuda/precision.h"
#include "tensor/kernels/builtin_chains.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

struct Case {
  DimVector input, weight, padding = {0, 0, 0};
};

// Extents around those of tiles (8 x 64), 1-wide results, channels that fill neither words nor quads nor blocks,
// odd and even numbers of taps, kernels of all extents, more depths than the ring has, rows that end together and
// rows that do not.
const Case kCases[] = {
    {{2, 8, 5, 11, 14}, {32, 8, 3, 3, 3}},
    {{1, 3, 3, 5, 70}, {5, 3, 3, 3, 3}, {1, 1, 1}},
    {{2, 5, 3, 3, 3}, {33, 5, 3, 3, 3}},
    {{1, 8, 4, 6, 66}, {8, 8, 2, 3, 2}, {1, 2, 0}},
    {{1, 16, 1, 9, 66}, {40, 16, 1, 3, 3}, {0, 1, 2}},
    {{1, 9, 2, 5, 68}, {7, 9, 3, 3, 1}, {2, 0, 0}},
    {{3, 1, 2, 4, 4}, {1, 1, 1, 3, 1}, {0, 1, 0}},
    {{1, 7, 3, 6, 15}, {3, 7, 3, 3, 3}},
    {{0, 8, 5, 11, 13}, {32, 8, 3, 3, 3}},
};
#ifdef FUSEGRAD_CUDA_HOST
constexpr bool kEmulated = true;  // slowly: each case is run for one of the types
#else
constexpr bool kEmulated = false;
#endif

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

struct Operands {
  Tensor x, weight, bias, scale;  // scale: the chain's operand
  Operands(const Case& c, ScalarType type)
      : x(random_values(c.input, type)),
        weight(random_values(c.weight, type)),
        bias(random_values({c.weight[0]}, type)),
        scale(random_values({c.weight[0]}, type)) {}
};

struct Results {
  Tensor y, z;
};

template <class C>
Results run(const Case& c, const Operands& in, ScalarType y_type, bool with_bias, bool with_z,
            const C& chain) {
  const ConvGeometry g = geometry_of(c);
  REQUIRE(cuda::conv3d_forward_fits(g, in.x.dtype()));
  const DimVector sizes{g.batch, g.out_channels, g.output[0], g.output[1], g.output[2]};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto result = [&](ScalarType type) { return full(sizes, nan, type).to(kCUDA); };
  const Results results{result(y_type), with_z ? result(in.x.dtype()) : Tensor()};
  const std::vector<Tensor> operands{in.scale.to(kCUDA)};
  cuda::conv3d_chain_forward(results.y, results.z, in.x.to(kCUDA), in.weight.to(kCUDA),
                             with_bias ? in.bias.to(kCUDA) : Tensor(),
                             {operands.begin(), operands.begin() + C::num_channel_operands}, g,
                             chain);
  return results;
}

Tensor reference(const Case& c, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return conv3d(x, weight, bias, 1, c.padding);
}

/// The largest error of z in units of the sum of absolute products: rounding the factors, and each of the sums.
double product_error(ScalarType type, bool tf32, int64_t terms) {
  const double factors = type != kFloat ? 0 : tf32 ? 0x1.01p-10 : 0x1p-21;
  return factors + double(terms) * 0x1p-23;
}

struct Tf32 {
  explicit Tf32(bool allow) { globalContext().setAllowTF32CuDNN(allow); }
  ~Tf32() { globalContext().setAllowTF32CuDNN(before); }
  const bool before = globalContext().allowTF32CuDNN();
};

/// What a float is multiplied in, or the 16-bit type.
struct Precision {
  ScalarType type;
  bool tf32 = true;
  ScalarType y_type = type;
};
constexpr Precision kPrecisions[] = {
    {kFloat, true}, {kFloat, false},       {kHalf},
    {kBFloat16},    {kHalf, true, kFloat}, {kBFloat16, true, kFloat}};

template <class C, class Reference>
void check_case(const Case& c, const Precision& precision, bool with_bias, const C& chain,
                const Reference& chain_reference) {
  const ScalarType type = precision.type;
  CAPTURE(IntArrayRef(c.input));
  CAPTURE(IntArrayRef(c.weight));
  CAPTURE(to_string(type));
  CAPTURE(precision.tf32);
  CAPTURE(to_string(precision.y_type));
  CAPTURE(with_bias);
  const Tf32 tf32(precision.tf32);
  Operands in(c, type);
  in.scale = in.scale.to(precision.y_type);
  const Tensor x = to_double(in.x), weight = to_double(in.weight), scale = to_double(in.scale);
  const Tensor bias = with_bias ? to_double(in.bias) : Tensor();
  const Tensor z = reference(c, x, weight, bias), y = chain_reference(z, scale);
  const Tensor size = reference(c, x.abs(), weight.abs(), with_bias ? bias.abs() : bias);
  const double error = product_error(type, precision.tf32, weight[0].numel() + 1);
  const Results both = run(c, in, precision.y_type, with_bias, true, chain);
  check_within(both.z, z, size * error + z.abs() * unit_roundoff(type), 1);
  // The chains here have slopes of at most 1.13 (GELU's); their functions err by 2^-11 in bfloat16.
  const double function_error = type == kBFloat16 ? 0x1p-11 : 0x1p-20;
  const Tensor bound = size * (1.2 * error) + (z.abs() + scale.abs().max()) * function_error;
  check_within(both.y, y, bound + y.abs() * unit_roundoff(precision.y_type), 1);
  if (kEmulated && with_bias) return;
  const Results alone = run(c, in, precision.y_type, with_bias, false, chain);
  CHECK(equal(alone.y, both.y));
}

}  // namespace

TEST_CASE(
    "cuda convolution with chain: values of every type, with and without bias and pre-activation") {
  if (!require_gpu()) return;
  const auto tail = [](const Tensor& z, const Tensor& c) {
    return gelu(z.relu()).sigmoid() + c.view({1, -1, 1, 1, 1});
  };
  for (size_t i = 0; i < std::size(kCases); ++i) {
    for (size_t j = 0; j < std::size(kPrecisions); ++j) {
      if (kEmulated && i % 4 != j % 4 && !(i == 0 && j == 5)) continue;
      for (const bool with_bias : {true, false}) {
        if (kEmulated && with_bias == (i % 3 == 0)) continue;
        check_case(kCases[i], kPrecisions[j], with_bias, functors::Conv3dTail(), tail);
      }
    }
  }
}

TEST_CASE("cuda convolution with chain: a chain without operands") {
  if (!require_gpu()) return;
  const auto relu = [](const Tensor& z, const Tensor&) { return z.relu(); };
  for (const Precision& precision : kPrecisions)
    check_case(kCases[2], precision, true, functors::Chain<functors::Relu>(), relu);
}

TEST_CASE(
    "cuda convolution with chain: NaN and infinity reach those results alone that they belong to") {
  if (!require_gpu()) return;
  const Case c{{1, 3, 3, 5, 70}, {5, 3, 3, 3, 3}};  // words, quads and steps that are not full
  for (const ScalarType type : {kFloat, kHalf, kBFloat16}) {
    for (const double value : {std::numeric_limits<double>::quiet_NaN(), HUGE_VAL}) {
      Operands in(c, type);
      in.x[0][2][2][4].index_put_({66}, value);
      const Tensor z = reference(c, to_double(in.x), to_double(in.weight), to_double(in.bias));
      const Tensor got =
          to_double(run(c, in, type, true, true, functors::Chain<functors::Relu>()).z);
      CHECK(equal(got.isnan(), z.isnan()));
      CHECK(equal(got.isinf(), z.isinf()));
      CHECK(equal(got.isinf().logical_and(got > 0), z.isinf().logical_and(z > 0)));
    }
  }
}

TEST_CASE("cuda convolution with chain: what fits, and what it takes") {
  if (!require_gpu()) return;
  const auto fits = [](const Case& c, ScalarType type, auto change) {
    ConvGeometry g = geometry_of(c);
    change(g);
    return cuda::conv3d_forward_fits(g, type);
  };
  const auto as_it_is = [](ConvGeometry&) {};
  const Case plain{{2, 8, 5, 11, 13}, {32, 8, 3, 3, 3}};
  CHECK(fits(plain, kFloat, as_it_is));
  CHECK_FALSE(fits(plain, kDouble, as_it_is));
  CHECK_FALSE(fits(plain, kFloat, [](ConvGeometry& g) { g.stride[1] = 2; }));
  CHECK_FALSE(fits(plain, kFloat, [](ConvGeometry& g) { g.dilation[2] = 2; }));
  CHECK_FALSE(fits(plain, kFloat, [](ConvGeometry& g) { g.groups = 2; }));
  CHECK_FALSE(fits({{2, 8, 5, 11, 13}, {32, 8, 3, 2, 3}}, kFloat, as_it_is));
  CHECK_FALSE(fits({{2, 8, 5, 11, 13}, {32, 8, 4, 3, 3}}, kFloat, as_it_is));
  CHECK_FALSE(fits({{2, 8, 5, 11, 13}, {32, 8, 3, 3, 5}}, kFloat, as_it_is));
  CHECK(fits({{2, 16, 5, 11, 13}, {32, 16, 3, 3, 3}}, kFloat, as_it_is));
  CHECK_FALSE(fits({{2, 32, 5, 11, 13}, {32, 32, 3, 3, 3}}, kFloat, as_it_is));
  CHECK(fits({{2, 32, 5, 11, 13}, {32, 32, 3, 3, 3}}, kHalf, as_it_is));
  CHECK_FALSE(fits({{2, 64, 5, 11, 13}, {32, 64, 3, 3, 3}}, kHalf, as_it_is));
  CHECK_FALSE(fits({{2, 8, 512, 512, 1024}, {32, 8, 3, 3, 3}}, kFloat, as_it_is));

  const auto better = [](const Case& c) {
    return cuda::conv3d_forward_takes(geometry_of(c), kFloat);
  };
  CHECK(better({{64, 8, 32, 64, 64}, {32, 8, 3, 3, 3}}));
  CHECK_FALSE(better({{64, 8, 1, 64, 64}, {32, 8, 1, 3, 3}}));
  CHECK_FALSE(better({{64, 8, 32, 64, 24}, {32, 8, 3, 3, 3}}));
}
