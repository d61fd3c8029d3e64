// The elementwise kernels where packs begin and end, against the CPU; and the functions that have a short form for
// bfloat16, for every value of the 16-bit types, against double.
#include <doctest/doctest.h>

#include "autograd/engine.h"
#include "autograd/fused/builtin.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/copy.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/join.h"
#include "autograd/ops/view.h"
#include "cuda/launch.h"
#include "tensor/factories.h"
#include "tensor/kernels/normal.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

// Values that every dtype holds, and whose sums and products too.
Tensor small_numbers(IntArrayRef sizes, ScalarType type) { return (rand(sizes) * 10).to(type); }

// All finite values of a 16-bit type.
Tensor every_value(ScalarType type) {
  const Tensor all = empty({65536}, type);
  for (int i = 0; i < 65536; ++i) static_cast<uint16_t*>(all.data_ptr())[i] = uint16_t(i);
  return all.masked_select(isfinite(all));
}

// |got - expected| <= tolerance * |expected|, or both below `tiny`.
void check_relative(const Tensor& got, const Tensor& expected, double tolerance, double tiny) {
  const Tensor excess = (test::to_double(got) - expected).abs() - expected.abs() * tolerance - tiny;
  CHECK(excess.max().item<double>() <= 0);
}

}  // namespace

TEST_CASE("elementwise ops at every size and start around packs") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kBFloat16, kHalf, kDouble, kByte, kLong}) {
    for (const int64_t n : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 4095, 4096, 4097, 12289}) {
      for (const int64_t start : {0, 1, 2, 3, 4, 8, 16}) {
        const Tensor x = small_numbers({n + start}, type), y = small_numbers({n}, type);
        const Tensor a = x.narrow(0, start, n), there = x.to(kCUDA).narrow(0, start, n);
        CAPTURE(str(type, " ", n, " from ", start));
        CHECK(equals_on_gpu(there + y.to(kCUDA), a + y));
        CHECK(equals_on_gpu(there * 2, a * 2));
        CHECK(equals_on_gpu(there > y.to(kCUDA), a > y));
        CHECK(equals_on_gpu(where(there > y.to(kCUDA), there, y.to(kCUDA)), where(a > y, a, y)));
        const Tensor whole = x.to(kCUDA);
        whole.narrow(0, start, n).add_(y.to(kCUDA));  // and nothing around it
        CHECK(equals_on_gpu(whole, cat({x.narrow(0, 0, start), a + y})));
      }
    }
  }
}

TEST_CASE("broadcast operands at the borders of packs and blocks") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kBFloat16, kDouble}) {
    for (const DimVector& sizes : {DimVector{5, 8}, DimVector{3, 4}, DimVector{7, 12},
                                   DimVector{6, 2048}, DimVector{3, 5, 16}, DimVector{2, 9, 7}}) {
      const Tensor x = small_numbers(sizes, type), there = x.to(kCUDA);
      const Tensor row = x.select(0, 0), column = x.narrow(-1, 0, 1), number = x.sum();
      CAPTURE(x.toString());
      CHECK(equals_on_gpu(there + there.select(0, 0), x + row));
      CHECK(equals_on_gpu(there * there.narrow(-1, 0, 1), x * column));
      CHECK(equals_on_gpu(there.narrow(-1, 0, 1) - there, column - x));
      CHECK(equals_on_gpu(there + number.to(kCUDA), x + number));  // one element on the GPU
      CHECK(equals_on_gpu(number.to(kDouble) + there, number.to(kDouble) + x));
      CHECK(equals_on_gpu(there.select(0, 0) + there.narrow(-1, 0, 1), row + column));
      CHECK(equals_on_gpu(there.transpose(0, 1) + there.transpose(0, 1), (x + x).transpose(0, 1)));
    }
  }
  const Tensor few = rand({3}),
               there = few.to(kCUDA);  // a number is not rounded to the elements' type
  CHECK(equals_on_gpu(there.to(kBFloat16) * 1.001, few.to(kBFloat16) * 1.001));
}

TEST_CASE("fills of every dtype, start and layout, in one launch or none") {
  if (!require_gpu()) return;
  for (const ScalarType type : kAllTypes) {
    for (const int64_t n : {1, 5, 16, 31, 4099}) {
      for (const int64_t start : {0, 1, 3}) {
        for (const int64_t value : {0, 1, 77}) {
          const Tensor x = ones({n + start + 2}, type), y = x.to(kCUDA);
          const int64_t before = cuda::launch_count();
          y.narrow(0, start, n).fill_(value);
          CHECK(cuda::launch_count() <= before + 1);
          x.narrow(0, start, n).fill_(value);
          CAPTURE(str(type, " ", n, " from ", start, ": ", value));
          CHECK(equals_on_gpu(y, x));
        }
      }
    }
    const Tensor x = zeros({6, 64}, type), y = x.to(kCUDA);
    for (const Tensor& t : {x, y}) {
      t.narrow(1, 16, 32).fill_(3);
      t.t().narrow(0, 1, 3).fill_(2);
      t.slice(1, 0, nullopt, 5).fill_(1);
    }
    CHECK(equals_on_gpu(y, x));
  }
}

TEST_CASE("transposes whose lines start anywhere") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kByte, kBFloat16, kFloat, kDouble}) {
    for (const int64_t rows : {3, 63, 64, 65, 128, 136}) {
      for (const int64_t cols : {8, 64, 130, 256}) {
        for (const int64_t start : {0, 1, 8}) {
          const Tensor x = small_numbers({rows, cols + start}, type), y = x.to(kCUDA);
          CAPTURE(str(type, " ", rows, " x ", cols, " from ", start));
          CHECK(equals_on_gpu(y.narrow(1, start, cols).t().contiguous(),
                              x.narrow(1, start, cols).t().contiguous()));
          const Tensor place = zeros({cols + start, rows + 1}, y.options());
          place.narrow(0, start, cols).narrow(1, 0, rows).copy_(y.narrow(1, start, cols).t());
          CHECK(equals_on_gpu(place.narrow(0, start, cols).narrow(1, 0, rows),
                              x.narrow(1, start, cols).t().contiguous()));
          CHECK(equals_on_gpu(place.select(1, rows), zeros({cols + start}, type)));
        }
      }
    }
  }
  for (const ScalarType type : {kByte, kBFloat16, kFloat, kDouble}) {  // many tiles each way
    const Tensor x = small_numbers({2, 2200, 140}, type), y = x.to(kCUDA);
    CHECK(equals_on_gpu(y.transpose(1, 2).contiguous(), x.transpose(1, 2).contiguous()));
  }
}

TEST_CASE("the fast normal distribution") {
  using namespace functors;
  double worst_above = 0, worst_middle = 0, worst_below = 0, worst_short = 0, worst_short_tail = 0;
  for (double x = -12.75; x < 12.75; x += 1.0 / 512) {
    const double expected = 0.5 * std::erfc(-double(float(x)) / std::sqrt(2.0));
    const double error = std::abs(fast_normal_cdf(float(x)) - expected);
    double& worst = x > -0.5 ? worst_above : x > -2 ? worst_middle : worst_below;
    if (x > -8) worst = std::max(worst, error / expected);
    if (x <= -8) CHECK(error <= expected);
    const double short_error = std::abs(normal_cdf(ShortFloat(float(x))).value - expected);
    double& worst_of_short = x > -4 ? worst_short : worst_short_tail;
    worst_of_short = std::max(worst_of_short, short_error / expected);
    CHECK(std::abs(fast_normal_pdf(float(x)) - normal_pdf(x)) <= 0x1p-16 * normal_pdf(x));
  }
  CHECK(worst_above <= 0x1p-22);
  CHECK(worst_middle <= 0x1p-20);
  CHECK(worst_below <= 0x1p-15);
  CHECK(worst_short <= std::exp2(-11.5));
  CHECK(worst_short_tail <= std::exp2(-8.5));
  constexpr float kInf = std::numeric_limits<float>::infinity();
  CHECK(fast_normal_cdf(kInf) == 1);
  CHECK(fast_normal_cdf(-kInf) == 0);
  CHECK(fast_normal_cdf(-100) == 0);
  CHECK(fast_normal_cdf(3e38f) == 1);
  CHECK(std::isnan(fast_normal_cdf(std::nanf(""))));
  CHECK(normal_cdf(ShortFloat(kInf)).value == 1);
  CHECK(normal_cdf(ShortFloat(-3e38f)).value == 0);
  CHECK(std::isnan(normal_cdf(ShortFloat(std::nanf(""))).value));
}

namespace {

// gelu in double is (1 + erf) / 2 times x, which loses its tail to cancellation; this does not.
Tensor exact_gelu(const Tensor& x) { return x * erfc(x * -functors::kInvSqrt2) * 0.5; }

using Function = Tensor (*)(const Tensor&);
struct Case {
  const char* name;
  Function f, exact;
};

}  // namespace

TEST_CASE("functions with a short form, for every 16-bit value") {
  if (!require_gpu()) return;
  const Function sigmoid_op = [](const Tensor& x) { return sigmoid(x); };
  const Function silu_op = [](const Tensor& x) { return silu(x); };
  const Function mish_op = [](const Tensor& x) { return mish(x); };
  const Case cases[] = {
      {"gelu", [](const Tensor& x) { return gelu(x); }, exact_gelu},
      {"sigmoid", sigmoid_op, sigmoid_op},
      {"silu", silu_op, silu_op},
      {"mish", mish_op, mish_op},
      {"chain", [](const Tensor& x) { return leaky_relu2_gelu2(x); },
       [](const Tensor& x) { return exact_gelu(exact_gelu(leaky_relu(leaky_relu(x)))); }}};
  for (const ScalarType type : {kBFloat16, kHalf}) {
    const Tensor x = every_value(type);
    // Rounding to nearest, and a quarter more; what is flushed to 0.
    const double tolerance = 1.25 * test::unit_roundoff(type);
    for (const Case& c : cases) {
      CAPTURE(str(c.name, " in ", type));
      const Tensor there = x.to(kCUDA).requires_grad_(true);
      const Tensor wide = x.to(kDouble).requires_grad_(true);
      const Tensor got = c.f(there), expected = c.exact(wide);
      // The tail beyond -8 is only as good as float's or, in bfloat16, within half of its roundoff.
      const Tensor near = x.to(kDouble) > -4;
      const double tiny = type == kHalf ? 0x1p-24 : 1e-37;
      check_relative(got.detach().cpu().masked_select(near), expected.detach().masked_select(near),
                     tolerance, tiny);
      check_relative(got, expected.detach(), 2 * tolerance, type == kHalf ? 0x1p-24 : 1e-36);
      got.backward(ones_like(got));
      expected.backward(ones_like(expected));
      // Near a gradient's zeros its parts, and the rounded output that sigmoid saves, decide.
      check_relative(there.grad().cpu().masked_select(near), wide.grad().masked_select(near),
                     tolerance, test::unit_roundoff(type));
    }
  }
  for (const float value : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    const Tensor x = full({20}, value, kBFloat16), there = x.to(kCUDA);
    for (const Case& c : cases) {
      CAPTURE(str(c.name, " of ", value));
      CHECK(allclose(c.f(there).cpu().to(kFloat), c.f(x).to(kFloat), 0, 0, /*equal_nan=*/true));
      CHECK(allclose(c.f(-there).cpu().to(kFloat), c.f(-x).to(kFloat), 0, 0, true));
    }
  }
}
