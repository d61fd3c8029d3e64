// The losses on the GPU against the same in double on the CPU: pairs and classes, every reduction, targets that do
// not count or are out of range.
#include <cmath>
#include <limits>

#include "autograd/ops/compare.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/view.h"
#include "cuda/device.h"
#include "cuda/launch.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

constexpr ScalarType kFloatingTypes[] = {kFloat, kDouble, kHalf, kBFloat16};
constexpr Reduction kReductions[] = {Reduction::None, Reduction::Mean, Reduction::Sum};

double tolerance(ScalarType type, int64_t terms) {
  const double computed = type == kDouble ? 0x1p-53 : 0x1p-24;
  return (std::log2(double(terms) + 2) + 64) * computed + unit_roundoff(type);
}

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("cuda pair losses: values and both gradients") {
  if (!require_gpu()) return;
  using Loss = Tensor (*)(const Tensor&, const Tensor&, Reduction);
  const Loss losses[] = {
      [](const Tensor& x, const Tensor& t, Reduction r) { return mse_loss(x, t, r); },
      [](const Tensor& x, const Tensor& t, Reduction r) { return l1_loss(x, t, r); },
      [](const Tensor& x, const Tensor& t, Reduction r) { return smooth_l1_loss(x, t, r, 0.5); },
      [](const Tensor& x, const Tensor& t, Reduction r) { return huber_loss(x, t, r, 0.25); },
      [](const Tensor& x, const Tensor& t, Reduction r) {
        return binary_cross_entropy(x, t, {}, r);
      },
      [](const Tensor& x, const Tensor& t, Reduction r) {
        return binary_cross_entropy_with_logits(x, t, {}, {}, r);
      }};
  for (const ScalarType type : kFloatingTypes) {
    for (size_t which = 0; which < std::size(losses); ++which) {
      for (const int64_t count : {0, 1, 3, 8, 1000, 1031, 20011}) {
        for (const Reduction reduction : kReductions) {
          CAPTURE(type);
          CAPTURE(which);
          CAPTURE(count);
          CAPTURE(int(reduction));
          if (count == 0 && reduction == Reduction::Mean) continue;  // NaN
          // Probabilities, away from 0 and 1, and from the kinks at x = t and |x - t| = beta.
          const Tensor x = random_values({count}, kDouble).mul(0.2).add(0.75).to(type);
          const Tensor t = random_values({count}, kDouble).mul(0.2).add(0.25).to(type);
          const Tensor gx = x.to(kCUDA).requires_grad_(), gt = t.to(kCUDA).requires_grad_();
          const Tensor wx = to_double(x).requires_grad_(), wt = to_double(t).requires_grad_();
          const Tensor y = losses[which](gx, gt, reduction);
          const Tensor expected = losses[which](wx, wt, reduction);
          CHECK(y.dtype() == type);
          check_within(y, expected.detach(), expected.detach().abs().add(1),
                       tolerance(type, count));
          y.backward(ones_like(y));
          expected.backward(ones_like(expected));
          check_within(gx.grad(), wx.grad(), wx.grad().abs().mul(4), tolerance(type, 1));
          check_within(gt.grad(), wt.grad(), wt.grad().abs().mul(4), tolerance(type, 1));
        }
      }
    }
  }
}

TEST_CASE("cuda mse_loss: two launches there and none back") {
  if (!require_gpu()) return;
  for (const auto& [a, b] : {std::pair{kFloat, kFloat}, {kBFloat16, kFloat}, {kDouble, kDouble}}) {
    CAPTURE(a);
    const Tensor x = random_values({300, 1000}, a).to(kCUDA).requires_grad_();
    const Tensor t = random_values({300, 1000}, b).to(kCUDA);
    int64_t before = cuda::launch_count();
    const Tensor loss = mse_loss(x, t);
    CHECK(cuda::launch_count() == before + 2);  // the sum's parts, and what joins them
    before = cuda::launch_count();
    loss.backward({}, true);
    CHECK(cuda::launch_count() == before + 1);  // of the gradient that it starts from
    const Tensor first = x.grad();
    CHECK(first.dtype() == a);
    x.mutable_grad() = Tensor();
    loss.backward();
    CHECK(equal(first, x.grad()));
    CHECK_FALSE(first.data_ptr() == x.grad().data_ptr());
  }
}

TEST_CASE("cuda mse_loss: the bits do not depend on alignment") {
  if (!require_gpu()) return;
  for (const auto& [a, b] :
       {std::pair{kFloat, kFloat}, {kBFloat16, kFloat}, {kHalf, kBFloat16}, {kHalf, kHalf}}) {
    const Tensor x = random_values({20011}, a).to(kCUDA), t = random_values({20011}, b).to(kCUDA);
    const auto run = [&](const Tensor& input) {
      const Tensor leaf = input.detach().requires_grad_();
      const Tensor y = mse_loss(leaf, t);
      y.backward();
      return std::pair(y.detach(), leaf.grad());
    };
    const Tensor off = empty({20012}, x.options()).slice(0, 1);
    off.copy_(x);
    const auto [y, grad] = run(x);
    const auto [y_off, grad_off] = run(off);
    CHECK(equal(y, y_off));
    CHECK(equal(grad, grad_off));
  }
}

TEST_CASE("cuda binary_cross_entropy: what is no probability is reported") {
  if (!require_gpu()) return;
  const Tensor t = full({40}, 0.5, TensorOptions(kFloat).device(kCUDA));
  Tensor x = full({40}, 0.5, kFloat);
  x.select(0, 33).fill_(1.5);
  const auto run = [&] {
    binary_cross_entropy(x.to(kCUDA), t);
    cuda::synchronize();
  };
  CHECK(error_of(run) == "binary_cross_entropy: input must lie in [0, 1], got 1.5");
  x.select(0, 33).fill_(1.0);
  CHECK(error_of(run) == "no error");
}

TEST_CASE("cuda cross_entropy and nll_loss: values and gradients") {
  if (!require_gpu()) return;
  const std::pair<int64_t, int64_t> sizes[] = {{0, 3},  {1, 1},   {5, 3},    {70, 10},  {3, 32},
                                               {4, 33}, {2, 250}, {3, 1001}, {2, 5000}, {1, 20003}};
  for (const ScalarType type : kFloatingTypes) {
    for (const auto& [rows, classes] : sizes) {
      for (const Reduction reduction : kReductions) {
        CAPTURE(type);
        CAPTURE(rows);
        CAPTURE(classes);
        CAPTURE(int(reduction));
        if (rows == 0 && reduction == Reduction::Mean) continue;  // NaN
        const Tensor x = random_values({rows, classes}, kDouble).mul(4).to(type);
        Tensor target = random_values({rows}, kDouble).add(1).mul(double(classes) / 2).to(kLong);
        if (rows > 2) target.select(0, 1).fill_(-100);
        const Tensor weight = random_values({classes}, kDouble).add(1.5).to(type);
        const auto compare = [&](const auto& op) {
          const Tensor leaf = x.to(kCUDA).requires_grad_(), wide = to_double(x).requires_grad_();
          const Tensor y = op(leaf, target.to(kCUDA), weight.to(kCUDA));
          const Tensor expected = op(wide, target, to_double(weight));
          CHECK(y.dtype() == type);
          check_within(y, expected.detach(), expected.detach().abs().add(8), tolerance(type, rows));
          y.backward(ones_like(y));
          expected.backward(ones_like(expected));
          const Tensor largest = rows ? wide.grad().abs().max() : zeros({}, kDouble);
          check_within(leaf.grad(), wide.grad(), wide.grad().abs().add(largest),
                       2 * tolerance(type, rows));
        };
        compare([&](const Tensor& input, const Tensor& t, const Tensor&) {
          return cross_entropy(input, t, {}, reduction);
        });
        compare([&](const Tensor& input, const Tensor& t, const Tensor& w) {
          return nll_loss(input, t, w, reduction);
        });
        compare([&](const Tensor& input, const Tensor& t, const Tensor& w) {
          return cross_entropy(input, t, w, reduction, -100, 0.1);
        });
      }
    }
  }
}

TEST_CASE("cuda cross_entropy: more rows than the grid has teams, in two launches and one back") {
  if (!require_gpu()) return;
  for (const auto& [rows, classes] :
       {std::pair<int64_t, int64_t>{137000, 2}, {1100, 33}, {2, 60000}}) {
    CAPTURE(rows);
    CAPTURE(classes);
    const Tensor x = random_values({rows, classes}, kFloat);
    Tensor target = random_values({rows}, kDouble).add(1).mul(double(classes) / 2).to(kLong);
    target.slice(0, 0, rows / 2).fill_(-100);
    const Tensor leaf = x.to(kCUDA).requires_grad_(), t = target.to(kCUDA);
    const Tensor wide = to_double(x).requires_grad_();
    int64_t before = cuda::launch_count();
    const Tensor y = cross_entropy(leaf, t);
    // Few long rows are cut into pieces, which takes a launch more.
    CHECK(cuda::launch_count() == before + (rows < 1000 ? 3 : 2));
    const Tensor g = full({}, 1.0, TensorOptions(kFloat).device(kCUDA));
    before = cuda::launch_count();
    y.backward(g);
    CHECK(cuda::launch_count() == before + 1);
    const Tensor expected = cross_entropy(wide, target);
    check_within(y, expected.detach(), expected.detach().abs().add(8), tolerance(kFloat, rows));
    expected.backward();
    check_within(leaf.grad(), wide.grad(), wide.grad().abs().add(1 / double(rows)),
                 tolerance(kFloat, rows));
  }
}

TEST_CASE("cuda cross_entropy: the bits do not depend on alignment") {
  if (!require_gpu()) return;
  for (const ScalarType type : kFloatingTypes) {
    for (const int64_t classes : {24, 1000, 1003}) {
      CAPTURE(type);
      CAPTURE(classes);
      const Tensor x = random_values({40, classes}, type).to(kCUDA);
      const Tensor block = empty({x.numel() + 1}, x.options());
      const Tensor off = block.slice(0, 1).view(x.sizes());
      off.copy_(x);
      const Tensor target = zeros({40}, TensorOptions(kLong).device(kCUDA));
      const auto run = [&](const Tensor& input) {
        const Tensor leaf = input.detach().requires_grad_();
        const Tensor y = cross_entropy(leaf, target);
        y.backward();
        return std::pair(y.detach(), leaf.grad());
      };
      const auto [y, grad] = run(x);
      const auto [y_off, grad_off] = run(off);
      CHECK(equal(y, y_off));
      CHECK(equal(grad, grad_off));
    }
  }
}

TEST_CASE("cuda cross_entropy: infinite and absent scores as on the CPU") {
  if (!require_gpu()) return;
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const int64_t classes : {5, 700, 5000}) {
    CAPTURE(classes);
    const Tensor x = random_values({4, classes}, kFloat);
    x.select(0, 0).fill_(-kInf);
    x.select(0, 1).select(0, 2).fill_(-kInf);
    x.select(0, 2).select(0, 1).fill_(kInf);
    x.select(0, 3).select(0, 0).fill_(std::numeric_limits<double>::quiet_NaN());
    const Tensor target = full({4}, 2, kLong);
    const auto run = [&](Device device) {
      const Tensor leaf = x.to(device).requires_grad_();
      const Tensor y = cross_entropy(leaf, target.to(device), {}, Reduction::None);
      y.backward(ones_like(y));
      return std::pair(y.detach().cpu(), leaf.grad().cpu());
    };
    const auto [got, got_grad] = run(kCUDA);
    const auto [expected, expected_grad] = run(kCPU);
    CHECK(allclose(got, expected, 1e-5, 1e-6, true));
    CHECK(allclose(got_grad, expected_grad, 1e-5, 1e-6, true));
  }
}

TEST_CASE("cuda class losses: a target out of range is reported, whatever the row's length") {
  if (!require_gpu()) return;
  for (const int64_t classes : {3, 40, 3000, 40000}) {
    for (const int64_t bad : {int64_t(-1), classes}) {
      CAPTURE(classes);
      CAPTURE(bad);
      const Tensor x = zeros({2, classes}, TensorOptions(kFloat).device(kCUDA));
      Tensor target = zeros({2}, kLong);
      target.select(0, 1).fill_(bad);
      const auto message = [&](const char* op) {
        return std::string(op) + ": target must lie in [0, " + std::to_string(classes) + "), got " +
               std::to_string(bad);
      };
      const Tensor t = target.to(kCUDA);
      CHECK(error_of([&] {
              cross_entropy(x, t);
              cuda::synchronize();
            }) == message("cross_entropy"));
      CHECK(error_of([&] {
              nll_loss(x, t);
              cuda::synchronize();
            }) == message("nll_loss"));
      CHECK(error_of([&] {
              cross_entropy(x, t, {}, Reduction::Mean, bad);
              nll_loss(x, t, {}, Reduction::Mean, bad);
              cuda::synchronize();
            }) == "no error");
    }
  }
}
