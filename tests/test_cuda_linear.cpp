// Linear layers on the GPU: bias and its gradient inside the products, activations as epilogues, 16-bit types.
#include "autograd/engine.h"
#include "autograd/ops/view.h"
#include "cuda/launch.h"
#include "nn/functional/linear.h"
#include "tensor/kernels/linear.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

constexpr ScalarType kTypes[] = {kFloat, kDouble, kHalf, kBFloat16};

Tensor activated(const Tensor& x, LinearActivation activation) {
  return activation == LinearActivation::Relu       ? relu(x)
         : activation == LinearActivation::GeluTanh ? gelu(x, "tanh")
                                                    : x;
}

/// A layer's two launchers on a device, from CPU tensors: y, grad_x, grad_bias.
std::vector<Tensor> run_layer(Device device, const Tensor& x, const Tensor& weight,
                              const Tensor& bias, const Tensor& grad_next,
                              const Tensor& next_weight, LinearActivation activation) {
  const auto moved = [device](const Tensor& t) { return t.defined() ? t.to(device) : t; };
  const auto options = x.options().device(device);
  const Tensor y = empty({x.size(0), weight.size(0)}, options);
  const Tensor aux = linear_aux(y, activation);
  const Tensor grad_pre = empty(y.sizes(), options), grad_bias = empty({weight.size(0)}, options);
  const Tensor w = moved(weight), b = moved(bias), in = moved(x), g = moved(grad_next);
  const Tensor next = moved(next_weight);
  ON_DEVICE(y, linear_forward, y, in, w, b, activation, aux);
  ON_DEVICE(y, linear_input_grad, grad_pre, grad_bias, g, next, activation, aux);
  return {y, grad_pre, grad_bias};
}

}  // namespace

TEST_CASE("cuda linear: epilogues against the composed layer") {
  const bool gpu = require_gpu();
  for (const auto& [rows, in, out, next] : std::vector<std::array<int64_t, 4>>{
           {1, 1, 1, 1}, {3, 5, 7, 2}, {4, 6, 8, 9}, {5, 16, 129, 4}, {33, 8, 200, 24}}) {
    for (const ScalarType type : kTypes) {
      for (const auto activation :
           {LinearActivation::None, LinearActivation::Relu, LinearActivation::GeluTanh}) {
        for (const bool with_bias : {true, false}) {
          CAPTURE(std::string(to_string(type)));
          CAPTURE(out);
          CAPTURE(int(activation));
          const Tensor x = random_values({rows, in}, type), weight = random_values({out, in}, type);
          const Tensor bias = with_bias ? random_values({out}, type) : Tensor();
          const Tensor grad_next = random_values({rows, next}, type);
          const Tensor next_weight = random_values({next, out}, type);
          // Composed, in double.
          const Tensor b = with_bias ? to_double(bias) : zeros({out}, kDouble);
          Tensor pre = to_double(x).matmul(to_double(weight).t()) + b;
          pre.requires_grad_(true);
          const Tensor y = activated(pre, activation);
          const Tensor grad_y = to_double(grad_next).matmul(to_double(next_weight));
          y.backward(grad_y);
          const Tensor y_bound =
              to_double(x).abs().matmul(to_double(weight).abs().t()) + b.abs() + 0.01;
          // The derivatives depend on a pre-activation that was rounded: |gelu''| < 1.2.
          Tensor grad_bound =
              to_double(grad_next).abs().matmul(to_double(next_weight).abs()) * (2 + y_bound);
          const double factor = product_tolerance(type, in + next + 2);
          if (activation == LinearActivation::Relu) {
            // Where rounding can carry it over relu's jump at 0, either derivative is right.
            const Tensor either = pre.detach().abs() <= y_bound * factor;
            REQUIRE(either.to(kDouble).mean().item<double>() < 0.1);
            grad_bound = grad_bound + where(either, grad_y.abs() / factor, zeros_like(grad_y));
          }
          for (const Device device : {Device(kCPU), Device(kCUDA)}) {
            if (device.is_cuda() && !gpu) continue;
            const auto got = run_layer(device, x, weight, bias, grad_next, next_weight, activation);
            check_within(got[0], y.detach(), y_bound, factor);
            check_within(got[1], pre.grad(), grad_bound, factor);
            check_within(got[2], pre.grad().sum({0}), grad_bound.sum({0}),
                         product_tolerance(type, in + next + rows));
          }
        }
      }
    }
  }
}

TEST_CASE("cuda linear: forward and backward in one product each") {
  if (!require_gpu()) return;
  for (const ScalarType type : kTypes) {
    for (const bool with_bias : {true, false}) {
      for (const DimVector& lead : {DimVector{}, DimVector{9}, DimVector{3, 5}, DimVector{0}}) {
        CAPTURE(std::string(to_string(type)));
        CAPTURE(lead.size());
        DimVector sizes = lead;
        sizes.push_back(12);
        const Tensor x = random_values(sizes, type), weight = random_values({7, 12}, type);
        const Tensor bias = random_values({7}, type);
        const auto run = [&](Device device, ScalarType as) {
          std::vector<Tensor> leaves;
          for (const Tensor& t : {x, weight, bias})
            leaves.push_back(t.to(device).to(as).detach().requires_grad_(true));
          const Tensor y = linear(leaves[0], leaves[1], with_bias ? leaves[2] : Tensor());
          // An expanded gradient, as sums leave it.
          y.backward(full({}, 0.5, y.options()).expand(y.sizes()));
          std::vector<Tensor> results{y.detach(), leaves[0].grad(), leaves[1].grad()};
          if (with_bias) results.push_back(leaves[2].grad());
          return results;
        };
        const auto got = run(kCUDA, type), expected = run(kCPU, kDouble);
        for (size_t i = 0; i < got.size(); ++i) {
          CHECK(got[i].dtype() == type);
          CHECK(got[i].is_cuda());
          check_within(got[i], expected[i], full(expected[i].sizes(), 13, kDouble),
                       product_tolerance(type, 15));
        }
      }
    }
  }
}

TEST_CASE("cuda linear: gradients in Float of 16-bit operands are not rounded to 16 bits") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kHalf, kBFloat16}) {
    for (const ScalarType weight_type : {type, kFloat}) {
      for (const ScalarType bias_type : {type, kFloat}) {
        for (const auto& [rows, in, out] :
             {std::array<int64_t, 3>{1, 1, 1}, {33, 24, 16}, {40, 7, 13}, {0, 3, 2}}) {
          CAPTURE(type);
          CAPTURE(rows);
          const Tensor x = random_values({rows, in}, type), g = random_values({rows, out}, type);
          const TensorOptions options = TensorOptions(kCUDA);
          const Tensor weight = empty({out, in}, options.dtype(weight_type));
          const Tensor bias = empty({out}, options.dtype(bias_type));
          cuda::linear_weight_grad(weight, bias, g.to(kCUDA), x.to(kCUDA));
          const Tensor wide_x = to_double(x), wide_g = to_double(g);
          check_within(weight, wide_g.t().matmul(wide_x), wide_g.abs().t().matmul(wide_x.abs()),
                       product_tolerance(weight_type, rows));
          check_within(bias, wide_g.sum({0}), wide_g.abs().sum({0}),
                       product_tolerance(bias_type, rows));
          cuda::linear_weight_grad(weight, {}, g.to(kCUDA), x.to(kCUDA));
          check_within(weight, wide_g.t().matmul(wide_x), wide_g.abs().t().matmul(wide_x.abs()),
                       product_tolerance(weight_type, rows));
        }
      }
    }
  }
}

TEST_CASE("cuda linear: launches") {
  if (!require_gpu()) return;
  const auto leaf = [](IntArrayRef sizes) {
    return random_values(sizes, kFloat).to(kCUDA).requires_grad_(true);
  };
  const Tensor x = leaf({8, 16}), weight = leaf({4, 16}), bias = leaf({4});
  const Tensor grad = random_values({8, 4}, kFloat).to(kCUDA);
  int64_t before = cuda::launch_count();
  const Tensor y = linear(x, weight, bias);
  CHECK(cuda::launch_count() == before + 1);
  CHECK(y.grad_fn()->name() == "LinearBackward");
  before = cuda::launch_count();
  y.backward(grad);
  CHECK(cuda::launch_count() == before + 2);  // x's gradient; weight's and bias'
  before = cuda::launch_count();
  addmm(bias, x, weight.t());
  CHECK(cuda::launch_count() == before + 1);
}

TEST_CASE("cuda: the ops of the family keep 16-bit types") {
  if (!require_gpu()) return;
  using List = std::vector<Tensor>;
  const auto check = [](const char* name, const std::function<Tensor(const List&)>& op,
                        const std::vector<DimVector>& shapes, int64_t k) {
    CAPTURE(name);
    for (const ScalarType type : kTypes) {
      List host, device, bounds;
      for (const DimVector& shape : shapes) {
        const Tensor t = random_values(shape, type);
        host.push_back(to_double(t).requires_grad_(true));
        device.push_back(t.to(kCUDA).requires_grad_(true));
        bounds.push_back(to_double(t).abs().requires_grad_(true));
      }
      const Tensor expected = op(host), got = op(device), bound = op(bounds);
      CHECK(got.dtype() == type);
      check_within(got, expected.detach(), bound.detach(), product_tolerance(type, k));
      const Tensor grad = random_values(got.sizes(), type);
      expected.backward(to_double(grad));
      got.backward(grad.to(kCUDA));
      bound.backward(to_double(grad).abs());
      for (size_t i = 0; i < host.size(); ++i) {
        CHECK(device[i].grad().dtype() == type);
        // Broadcast operands gather more.
        check_within(device[i].grad(), host[i].grad(), bounds[i].grad(),
                     product_tolerance(type, 64));
      }
    }
  };
  check(
      "mm", [](const List& v) { return mm(v[0], v[1]); }, {{5, 9}, {9, 4}}, 9);
  check(
      "bmm", [](const List& v) { return bmm(v[0], v[1]); }, {{3, 5, 9}, {3, 9, 4}}, 9);
  check(
      "mv", [](const List& v) { return mv(v[0], v[1]); }, {{5, 9}, {9}}, 9);
  check(
      "matmul, one matrix on the right", [](const List& v) { return matmul(v[0], v[1]); },
      {{2, 3, 5, 9}, {1, 9, 4}}, 9);
  check(
      "matmul, one matrix on the left", [](const List& v) { return matmul(v[0], v[1]); },
      {{5, 9}, {2, 3, 9, 4}}, 9);
  check(
      "matmul, broadcast", [](const List& v) { return matmul(v[0], v[1]); },
      {{2, 1, 5, 9}, {3, 9, 4}}, 9);
  check(
      "addmm", [](const List& v) { return addmm(v[0], v[1], v[2], 0.5, 2); }, {{4}, {5, 9}, {9, 4}},
      9);
  check(
      "addmm, a bias", [](const List& v) { return addmm(v[0], v[1], v[2]); }, {{4}, {5, 9}, {9, 4}},
      9);
  check(
      "baddbmm", [](const List& v) { return baddbmm(v[0], v[1], v[2], 2, 0.5); },
      {{3, 1, 4}, {3, 5, 9}, {3, 9, 4}}, 9);
  check(
      "einsum",
      [](const List& v) {
        return einsum("bhqd,bhkd->bhqk", {v[0], v[1]});
      },
      {{2, 3, 5, 8}, {2, 3, 4, 8}}, 8);
  check(
      "bilinear", [](const List& v) { return nn::functional::bilinear(v[0], v[1], v[2], v[3]); },
      {{5, 3}, {5, 4}, {2, 3, 4}, {2}}, 12);
}
