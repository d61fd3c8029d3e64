// Convolutions on the GPU against the CPU: every direction, type, order in memory, and their gradients.

#include <doctest/doctest.h>

#include "autograd/engine.h"
#include "autograd/gradcheck.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/elementwise.h"
#include "cuda/precision.h"
#include "tensor/factories.h"
#include "tensor/shape.h"
#include "tests/gpu.h"

using namespace fg;
using autograd::variable_list;

namespace {

struct Case {
  DimVector input, weight;
  DimVector stride = {1}, padding = {0}, dilation = {1}, output_padding = {0};
  int64_t groups = 1;
  bool transposed = false;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{2, 3, 9}, {4, 3, 3}},
      {{2, 4, 7}, {4, 2, 3}, {2}, {3}, {2}, {1}, 2, true},
      {{2, 3, 6, 7}, {4, 3, 3, 2}, {1}, {1}},
      {{3, 2, 2, 3}, {2, 2, 1, 1}},
      {{1, 4, 5, 4}, {4, 2, 2, 3}, {2, 3}, {1, 2}, {2, 1}, {1, 2}, 2, true},
      {{2, 3, 7, 19}, {3, 1, 3, 3}, {1}, {1}, {1}, {0}, 3},
      {{2, 2, 4, 5, 6}, {3, 2, 2, 3, 3}, {1}, {1}},
      {{2, 4, 3, 4, 5}, {4, 3, 3, 2, 3}, {2}, {1}, {1}, {1}, 2, true},
      {{0, 3, 6, 7}, {4, 3, 3, 2}},
  };
  return all;
}

/// Values on a grid of 1/8, which every type holds and whose products of a few terms are exact in float.
Tensor coarse(IntArrayRef sizes, double phase) {
  return ((arange(numel_of(sizes), kDouble) * 0.7 + phase).sin() * 8).round().div(8).reshape(sizes);
}

MemoryFormat last_of(const Tensor& t) {
  return t.dim() == 5 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast;
}

struct Result {
  Tensor y, grad_x, grad_w, grad_b;
};

Result run(const Case& c, Device device, ScalarType type, bool channels_last) {
  const auto place = [&](const Tensor& t) {
    const Tensor moved = t.to(type).to(device);
    return (channels_last && t.dim() >= 4 ? moved.contiguous(last_of(t)) : moved)
        .detach()
        .requires_grad_();
  };
  const int64_t out_channels = c.transposed ? c.weight[1] * c.groups : c.weight[0];
  const Tensor x = place(coarse(c.input, 0.1)), w = place(coarse(c.weight, 0.5));
  const Tensor b = place(coarse({out_channels}, 0.9));
  const Tensor y = convolution(x, w, b, c.stride, c.padding, c.dilation, c.transposed,
                               c.output_padding, c.groups);
  y.backward(coarse(y.sizes(), 0.3).to(type).to(device));
  return {y.detach(), x.grad(), w.grad(), b.grad()};
}

/// Relative to the largest magnitude: the sums here have a few hundred terms of about equal size.
void check_close(const Tensor& got, const Tensor& want, ScalarType type) {
  CHECK(got.sizes() == want.sizes());
  CHECK(got.dtype() == type);
  if (want.numel() == 0) return;
  // The inputs are exact in every type, so only the result is rounded to 16 bits.
  const double tolerance = type == kDouble  ? 1e-14
                           : type == kFloat ? 1e-6
                           : type == kHalf  ? 0x1p-11
                                            : 0x1p-8;
  const Tensor a = got.cpu().to(kDouble), b = want.to(kDouble);
  const double scale = b.abs().max().item<double>();
  CHECK((a - b).abs().max().item<double>() <= tolerance * (scale + 1));
}

/// Float means float while one lives.
struct ExactFloat {
  ExactFloat() { globalContext().setAllowTF32CuDNN(false); }
  ~ExactFloat() { globalContext().setAllowTF32CuDNN(before); }
  const bool before = globalContext().allowTF32CuDNN();
};

}  // namespace

TEST_CASE("cuda convolution: values and gradients as on the CPU") {
  if (!require_gpu()) return;
  const ExactFloat exact;
  for (const Case& c : cases()) {
    const Result want = run(c, kCPU, kDouble, false);
    for (const ScalarType type : {kDouble, kFloat, kHalf, kBFloat16}) {
      for (const bool channels_last : {false, true}) {
        CAPTURE(IntArrayRef(c.input));
        CAPTURE(IntArrayRef(c.weight));
        CAPTURE(to_string(type));
        CAPTURE(channels_last);
        const Result got = run(c, kCUDA, type, channels_last);
        check_close(got.y, want.y, type);
        check_close(got.grad_x, want.grad_x, type);
        check_close(got.grad_w, want.grad_w, type);
        check_close(got.grad_b, want.grad_b, type);
      }
    }
  }
}

TEST_CASE("cuda convolution: channels last in, channels last out") {
  if (!require_gpu()) return;
  const Tensor x = coarse({2, 3, 6, 7}, 0.1).to(kCUDA), w = coarse({4, 3, 3, 2}, 0.5).to(kCUDA);
  const auto last = MemoryFormat::ChannelsLast;
  const auto conv = [](const Tensor& a, const Tensor& b) { return conv2d(a, b); };
  CHECK(conv(x, w).is_contiguous());
  CHECK(conv(x.contiguous(last), w).is_contiguous(last));
  CHECK(conv(x, w.contiguous(last)).is_contiguous(last));
  CHECK_FALSE(conv(x, w.contiguous(last)).is_contiguous());

  // The gradients arrive in their tensors' own order.
  const Tensor leaf = x.contiguous(last).requires_grad_(), weight = w.clone().requires_grad_();
  const Tensor y = conv(leaf, weight);
  y.backward(y.detach());
  CHECK(leaf.grad().is_contiguous(last));
  CHECK(weight.grad().is_contiguous());
}

TEST_CASE("cuda convolution: gradients by differences, to the second order") {
  if (!require_gpu()) return;
  // Small: under the emulation each of the many evaluations costs milliseconds.
  const Case grouped = {{1, 2, 3, 3}, {2, 1, 2, 2}, {1}, {1}, {1}, {0}, 2};
  const Case transposed = {{1, 2, 2, 2}, {2, 1, 2, 2}, {2, 1}, {1, 0}, {1}, {1, 0}, 1, true};
  for (const Case& c : {grouped, transposed}) {
    const auto leaf = [](const DimVector& sizes, double phase) {
      return coarse(sizes, phase).to(kCUDA).requires_grad_();
    };
    const int64_t out_channels = c.transposed ? c.weight[1] * c.groups : c.weight[0];
    const variable_list inputs{leaf(c.input, 0.1), leaf(c.weight, 0.5), leaf({out_channels}, 0.9)};
    const auto f = [&](const variable_list& in) {
      return variable_list{convolution(in[0], in[1], in[2], c.stride, c.padding, c.dilation,
                                       c.transposed, c.output_padding, c.groups)};
    };
    CHECK(autograd::gradcheck(f, inputs));
    CHECK(autograd::gradgradcheck(f, inputs));
  }
}

TEST_CASE("cuda convolution: measured or not, with or without TF32, about the same") {
  if (!require_gpu()) return;
  const Case& c = cases()[2];
  const Result want = run(c, kCPU, kDouble, false);
  globalContext().setBenchmarkCuDNN(true);
  for (const bool tf32 : {false, true}) {
    globalContext().setAllowTF32CuDNN(tf32);
    const Result got = run(c, kCUDA, kFloat, true);
    const Result again = run(c, kCUDA, kFloat, true);
    CHECK(got.y.cpu().to(kDouble).allclose(want.y, 1e-2, 1e-2));
    CHECK(got.y.cpu().equal(again.y.cpu()));
    CHECK(got.grad_w.cpu().equal(again.grad_w.cpu()));
  }
  globalContext().setBenchmarkCuDNN(false);
  globalContext().setAllowTF32CuDNN(true);
}
