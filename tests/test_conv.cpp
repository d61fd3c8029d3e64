// Convolutions against a direct loop, their gradients, and their error texts.

#include <doctest/doctest.h>

#include "autograd/ops/conv.h"
#include "autograd/ops/elementwise.h"
#include "tensor/cpu/parallel.h"
#include "tensor/factories.h"
#include "tensor/shape.h"
#include "tests/op_check.h"

using namespace fg;
using namespace fg::test;

namespace {

using Dims = std::vector<int64_t>;

/// Values without a pattern that a wrong index could hide in.
Tensor wave(IntArrayRef sizes, double phase, ScalarType type = kDouble) {
  int64_t numel = 1;
  for (int64_t extent : sizes) numel *= extent;
  return (arange(numel, kDouble) * 0.7 + phase).sin().reshape(sizes).to(type);
}

Tensor leaf(IntArrayRef sizes, double phase) { return wave(sizes, phase).requires_grad_(); }

struct Case {
  Dims input, weight;
  Dims stride = {1}, padding = {0}, dilation = {1}, output_padding = {0};
  int64_t groups = 1;

  int64_t rank() const { return int64_t(weight.size()) - 2; }
  int64_t at(const Dims& values, int64_t d) const {
    return values[values.size() == 1 ? 0 : size_t(d)];
  }
};

/// Calls body(small position, large position, tap) for every pair that a convolution connects: the
/// small side is a convolution's output, the large side its input.
template <class Body>
void connect(const Case& c, const Dims& small, const Dims& large, const Body& body) {
  const size_t rank = small.size();
  const Dims kernel(c.weight.begin() + 2, c.weight.end());
  DimVector sizes(small.begin(), small.end());
  for (int64_t k : kernel) sizes.push_back(k);
  DimVector at(sizes.size(), 0);
  do {
    int64_t from = 0, to = 0, tap = 0;
    bool inside = true;
    for (size_t d = 0; d < rank; ++d) {
      const int64_t i = int64_t(d);
      const int64_t position =
          at[d] * c.at(c.stride, i) + at[rank + d] * c.at(c.dilation, i) - c.at(c.padding, i);
      inside = inside && position >= 0 && position < large[d];
      from = from * small[d] + at[d];
      to = to * large[d] + position;
      tap = tap * kernel[d] + at[rank + d];
    }
    if (inside) body(from, to, tap);
  } while (next_index(at, sizes));
}

int64_t product(const Dims& values) {
  int64_t result = 1;
  for (int64_t value : values) result *= value;
  return result;
}

/// The definition, without bias: the output's spatial extents are taken from `output`.
Tensor direct(const Tensor& x, const Tensor& w, const Case& c, const Tensor& output,
              bool transposed) {
  const size_t rank = size_t(c.rank());
  const Dims in(x.sizes().end() - rank, x.sizes().end());
  const Dims out(output.sizes().end() - rank, output.sizes().end());
  const int64_t batch = x.size(0), in_channels = x.size(1), out_channels = output.size(1);
  const int64_t group_in = in_channels / c.groups, group_out = out_channels / c.groups;
  const int64_t taps = product(Dims(c.weight.begin() + 2, c.weight.end()));
  const Tensor y = zeros(output.sizes(), kDouble);
  const double* xs = x.data_ptr<double>();
  const double* ws = w.data_ptr<double>();
  double* ys = y.data_ptr<double>();
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t i = 0; i < in_channels; ++i) {
      for (int64_t o = 0; o < out_channels; ++o) {
        if (i / group_in != o / group_out) continue;
        const double* from = xs + (n * in_channels + i) * product(in);
        double* to = ys + (n * out_channels + o) * product(out);
        const double* taps_of = transposed ? ws + (i * group_out + o % group_out) * taps
                                           : ws + (o * group_in + i % group_in) * taps;
        if (transposed) {
          connect(c, in, out,
                  [&](int64_t s, int64_t l, int64_t t) { to[l] += from[s] * taps_of[t]; });
        } else {
          connect(c, out, in,
                  [&](int64_t s, int64_t l, int64_t t) { to[s] += from[l] * taps_of[t]; });
        }
      }
    }
  }
  return y;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{2, 3, 9}, {4, 3, 3}},
      {{2, 4, 7}, {2, 2, 3}, {2}, {3}, {2}, {1}, 2},
      {{2, 3, 6, 7}, {4, 3, 3, 2}},
      {{3, 2, 2, 3}, {2, 2, 1, 1}},
      {{1, 4, 5, 4}, {2, 2, 2, 3}, {2, 3}, {1, 2}, {2, 1}, {1, 2}, 2},
      {{2, 3, 7, 19}, {3, 1, 3, 3}, {1}, {1}, {1}, {0}, 3},
      {{2, 2, 4, 5}, {2, 1, 3, 2}, {2}, {1}, {1}, {1}, 2},
      {{1, 2, 40, 41}, {3, 2, 3, 5}, {1}, {2}},
      {{9, 2, 5, 5}, {3, 2, 5, 5}},
      {{2, 9, 5, 6}, {20, 9, 2, 3}, {1, 2}, {1}, {1}, {0, 1}},
      {{2, 2, 4, 5, 6}, {3, 2, 2, 3, 3}, {1}, {1}},
      {{2, 4, 5, 6, 5}, {2, 2, 3, 2, 1}, {2, 1, 3}, {1, 0, 2}, {1, 3, 1}, {0, 2, 1}, 2},
      {{1, 2, 3, 4, 2}, {2, 2, 2, 3, 1}, {1, 2, 1}, {0, 1, 0}},
  };
  return all;
}

Tensor forward(const Tensor& x, const Tensor& w, const Tensor& b, const Case& c) {
  return convolution(x, w, b, c.stride, c.padding, c.dilation, false, 0, c.groups);
}
Tensor transposed(const Tensor& x, const Tensor& w, const Tensor& b, const Case& c) {
  return convolution(x, w, b, c.stride, c.padding, c.dilation, true, c.output_padding, c.groups);
}

}  // namespace

TEST_CASE("convolution: values") {
  for (const Case& c : cases()) {
    CAPTURE(IntArrayRef(c.input));
    CAPTURE(IntArrayRef(c.weight));
    const Tensor x = wave(c.input, 0.1), w = wave(c.weight, 0.5), b = wave({c.weight[0]}, 0.9);
    const Tensor y = forward(x, w, b, c);
    Dims bias_shape(c.weight.size(), 1);
    bias_shape[1] = c.weight[0];
    CHECK(y.allclose(direct(x, w, c, y, false) + b.reshape(bias_shape), 1e-12, 1e-12));
    CHECK(forward(x, w, {}, c).allclose(direct(x, w, c, y, false), 1e-12, 1e-12));
    const Tensor y32 = forward(x.to(kFloat), w.to(kFloat), b.to(kFloat), c);
    CHECK(y32.dtype() == kFloat);
    CHECK(y32.to(kDouble).allclose(y, 1e-5, 1e-5));
  }
}

TEST_CASE("convolution, transposed: values") {
  for (const Case& c : cases()) {
    CAPTURE(IntArrayRef(c.weight));
    // The roles of the channels change sides: the layer's input has the weight's first extent.
    Dims input = c.input;
    input[1] = c.weight[0];
    const Tensor x = wave(input, 0.1), w = wave(c.weight, 0.5);
    const Tensor b = wave({c.weight[1] * c.groups}, 0.9);
    const Tensor y = transposed(x, w, b, c);
    for (int64_t d = 0; d < c.rank(); ++d) {
      const int64_t expected = (x.size(d + 2) - 1) * c.at(c.stride, d) - 2 * c.at(c.padding, d) +
                               c.at(c.dilation, d) * (w.size(d + 2) - 1) +
                               c.at(c.output_padding, d) + 1;
      CHECK(y.size(d + 2) == expected);
    }
    Dims bias_shape(c.weight.size(), 1);
    bias_shape[1] = b.size(0);
    CHECK(y.allclose(direct(x, w, c, y, true) + b.reshape(bias_shape), 1e-12, 1e-12));
  }
}

TEST_CASE("convolution: gradients") {
  for (const Case& c : cases()) {
    if (product(c.input) > 90) continue;  // too many elements to perturb one by one
    CAPTURE(IntArrayRef(c.weight));
    Dims small = c.input;
    check_op("convolution",
             [&](const std::vector<Tensor>& t) { return forward(t[0], t[1], t[2], c); },
             {leaf(small, 0.1), leaf(c.weight, 0.5), leaf({c.weight[0]}, 0.9)});
    small[1] = c.weight[0];
    check_op("convolution, transposed",
             [&](const std::vector<Tensor>& t) { return transposed(t[0], t[1], t[2], c); },
             {leaf(small, 0.1), leaf(c.weight, 0.5), leaf({c.weight[1] * c.groups}, 0.9)});
  }
}

TEST_CASE("convolution: gradients on large shapes are the adjoint") {
  // <conv(x, w), g> is linear in x and in w, so <x, grad_x> and <w, grad_w> both equal it. The shapes
  // take each way through the kernels: bands of lines, pieces of long lines, few and many channels,
  // strides, one channel per group, single taps, with and without padding, several small images at once, and
  // more taps than a block of weights has.
  const std::vector<Case> large = {
      {{8, 3, 40, 37}, {5, 3, 3, 3}, {1}, {1}},
      {{9, 6, 33, 34}, {6, 1, 3, 3}, {2}, {1}, {1}, {0}, 6},
      {{9, 3, 33, 41}, {3, 1, 3, 3}, {1}, {1, 2}, {2, 1}, {0}, 3},
      {{2, 40, 12, 12}, {70, 40, 3, 3}},
      {{3, 18, 21, 22}, {20, 9, 3, 3}, {1}, {1, 2}, {1, 2}, {0}, 2},
      {{1, 16, 50, 50}, {24, 16, 1, 1}},
      {{9, 16, 7, 5}, {12, 8, 1, 1}, {1}, {0}, {1}, {0}, 2},
      {{1, 9, 2500}, {17, 9, 5}, {1}, {3}, {2}},
      {{2, 2, 3300}, {2, 1, 4}, {3}, {1}, {1}, {0}, 2},
      {{2, 10, 5, 14, 13}, {9, 10, 2, 3, 3}, {1}, {1, 1, 0}},
      {{13, 130, 4, 5}, {70, 130, 3, 3}, {1}, {1}},
      {{7, 150, 4, 4}, {17, 150, 3, 3}},
      {{21, 24, 6, 7}, {38, 12, 3, 3}, {2}, {1}, {1}, {0}, 2},
  };
  for (const Case& c : large) {
    CAPTURE(IntArrayRef(c.input));
    const Tensor x = leaf(c.input, 0.1), w = leaf(c.weight, 0.5);
    const Tensor y = forward(x, w, {}, c);
    CHECK(y.detach().allclose(direct(x.detach(), w.detach(), c, y, false), 1e-11, 1e-11));
    const Tensor g = wave(y.sizes(), 0.3);
    y.backward(g);
    const double expected = (y.detach() * g).sum().item<double>();
    CHECK((x.detach() * x.grad()).sum().item<double>() == doctest::Approx(expected).epsilon(1e-10));
    CHECK((w.detach() * w.grad()).sum().item<double>() == doctest::Approx(expected).epsilon(1e-10));
    const Tensor x32 = x.detach().to(kFloat).requires_grad_();
    const Tensor w32 = w.detach().to(kFloat).requires_grad_();
    forward(x32, w32, {}, c).backward(g.to(kFloat));
    const double scale_x = x.grad().abs().max().item<double>();
    const double scale_w = w.grad().abs().max().item<double>();
    CHECK((x32.grad().to(kDouble) - x.grad()).abs().max().item<double>() < 2e-6 * scale_x);
    CHECK((w32.grad().to(kDouble) - w.grad()).abs().max().item<double>() < 2e-5 * scale_w);
  }
}

TEST_CASE("convolution: one node, and only the gradients asked for") {
  const Tensor x = wave({2, 3, 6, 6}, 0.1), w = wave({4, 3, 3, 3}, 0.5).requires_grad_();
  const Tensor y = conv2d(x, w);
  REQUIRE(y.grad_fn());
  CHECK(y.grad_fn()->name() == "ConvolutionBackward");
  y.sum().backward();
  CHECK(!x.grad().defined());
  CHECK(w.grad().defined());
  NoGradGuard no_grad;
  CHECK(!conv2d(x, w).grad_fn());
}

TEST_CASE("convolution: bits do not depend on the number of threads") {
  const auto run = [](int threads) {
    set_num_threads(threads);
    std::vector<Tensor> results;
    for (const Case& c : {Case{{5, 8, 19, 23}, {12, 8, 3, 3}, {1}, {1}},
                          Case{{11, 130, 4, 4}, {40, 130, 3, 3}, {1}, {1}},
                          Case{{9, 12, 6, 5}, {20, 6, 3, 3}, {2}, {1}, {1}, {0}, 2}}) {
      const Tensor x = wave(c.input, 0.1, kFloat).requires_grad_();
      const Tensor w = wave(c.weight, 0.5, kFloat).requires_grad_();
      const Tensor y = forward(x, w, {}, c);
      y.backward(wave(y.sizes(), 0.3, kFloat));
      for (const Tensor& t : {y.detach(), x.grad(), w.grad()}) results.push_back(t);
    }
    return results;
  };
  const int threads = get_num_threads();
  const auto one = run(1), three = run(3);
  set_num_threads(threads);
  for (size_t i = 0; i < one.size(); ++i) CHECK(one[i].equal(three[i]));
}

TEST_CASE("convolution: padding by name") {
  for (int64_t kernel : {1, 2, 3, 4}) {
    for (int64_t dilation : {1, 2, 3}) {
      const Tensor x = wave({2, 2, 9, 8}, 0.1), w = wave({3, 2, kernel, 3}, 0.5);
      const Tensor same = conv2d(x, w, {}, 1, "same", dilation);
      REQUIRE(same.sizes() == IntArrayRef({2, 3, 9, 8}));
      // Half of the padding in front, rounded down; the rest behind.
      const int64_t total = dilation * (kernel - 1);
      const Tensor wide = conv2d(x, w, {}, 1, {total, dilation}, dilation);
      CHECK(same.allclose(wide.narrow(2, total - total / 2, 9), 1e-12, 1e-12));
      if (total < 9 && 2 * dilation < 8)
        CHECK(conv2d(x, w, {}, 1, "valid", dilation).equal(conv2d(x, w, {}, 1, 0, dilation)));
    }
  }
  const Tensor x = wave({2, 3, 8}, 0.1), w = wave({3, 3, 4}, 0.5);
  CHECK(conv1d(x, w, {}, 1, "same").sizes() == IntArrayRef({2, 3, 8}));
  CHECK(conv3d(wave({1, 1, 4, 5, 6}, 0.1), wave({2, 1, 2, 3, 4}, 0.5), {}, 1, "same").sizes() ==
        IntArrayRef({1, 2, 4, 5, 6}));
}

TEST_CASE("convolution: unbatched, empty batch, views, 16 bit") {
  const Tensor x = wave({2, 3, 7, 6}, 0.1), w = wave({4, 3, 3, 3}, 0.5), b = wave({4}, 0.9);
  const Tensor y = conv2d(x, w, b);
  CHECK(conv2d(x[1], w, b).equal(y[1]));
  CHECK(conv_transpose2d(y[1], w).sizes() == x[1].sizes());
  CHECK(conv2d(x.transpose(2, 3).contiguous().transpose(2, 3), w, b).equal(y));

  const Tensor empty_input = zeros({0, 3, 7, 6}, kDouble).requires_grad_();
  const Tensor weight = w.clone().requires_grad_(), bias = b.clone().requires_grad_();
  const Tensor none = conv2d(empty_input, weight, bias);
  CHECK(none.sizes() == IntArrayRef({0, 4, 5, 4}));
  none.sum().backward();
  CHECK(empty_input.grad().sizes() == empty_input.sizes());
  CHECK(weight.grad().equal(zeros_like(w)));
  CHECK(bias.grad().equal(zeros_like(b)));

  for (const ScalarType type : {kHalf, kBFloat16}) {
    const Tensor reduced = conv2d(x.to(type), w.to(type), b.to(type));
    CHECK(reduced.dtype() == type);
    CHECK(reduced.equal(
        conv2d(x.to(type).to(kFloat), w.to(type).to(kFloat), b.to(type).to(kFloat)).to(type)));
  }
}

TEST_CASE("convolution: errors") {
  const Tensor x = zeros({2, 4, 6, 6}), w = zeros({6, 4, 3, 3});
  CHECK_THROWS_WITH_AS(conv2d(zeros({6, 6}), w),
                       "conv2d: input must have 3 (unbatched) or 4 dims, got shape [6, 6]", Error);
  CHECK_THROWS_WITH_AS(conv2d(zeros({2, 4, 0, 6}), w),
                       "conv2d: only the batch of input may be empty, got shape [2, 4, 0, 6]",
                       Error);
  CHECK_THROWS_WITH_AS(conv2d(x.to(kLong), w), "conv2d: input must have a floating dtype, got Long",
                       Error);
  CHECK_THROWS_WITH_AS(conv2d(x, zeros({6, 4, 3})),
                       "conv2d: weight must have 4 dims, got shape [6, 4, 3]", Error);
  CHECK_THROWS_WITH_AS(conv2d(x, zeros({6, 4, 0, 3})),
                       "conv2d: weight must not be empty, got shape [6, 4, 0, 3]", Error);
  CHECK_THROWS_WITH_AS(conv2d(x, w.to(kDouble)),
                       "conv2d: weight must have the dtype of input, Float, got Double", Error);
  CHECK_THROWS_WITH_AS(conv2d(x, w, zeros({6}, kDouble)),
                       "conv2d: bias must have the dtype of input, Float, got Double", Error);
  CHECK_THROWS_WITH_AS(conv2d(x, w, {}, 1, 0, 1, 0), "conv2d: groups must be positive, got 0",
                       Error);
  CHECK_THROWS_WITH_AS(
      conv2d(x, w, {}, 1, 0, 1, 4),
      "conv2d: groups must divide the 6 output channels of weight [6, 4, 3, 3], got 4", Error);
  CHECK_THROWS_WITH_AS(
      conv_transpose2d(x, w, {}, 1, 0, 0, 4),
      "conv_transpose2d: groups must divide the 6 input channels of weight [6, 4, 3, 3], got 4",
      Error);
  CHECK_THROWS_WITH_AS(
      conv2d(x, w, {}, 1, 0, 1, 2),
      "conv2d: input must have 8 channels (weight [6, 4, 3, 3], groups 2), got shape [2, 4, 6, 6]",
      Error);
  CHECK_THROWS_WITH_AS(
      conv_transpose2d(x, w),
      "conv_transpose2d: input must have 6 channels (weight [6, 4, 3, 3], groups 1), got "
      "shape [2, 4, 6, 6]",
      Error);
  CHECK_THROWS_WITH_AS(conv2d(x, w, zeros({5})), "conv2d: bias must have shape [6], got [5]",
                       Error);
  CHECK_THROWS_WITH_AS(conv2d(x, w, {}, {1, 2, 3}),
                       "conv2d: stride must have 1 or 2 values, got [1, 2, 3]", Error);
  CHECK_THROWS_WITH_AS(conv1d(zeros({1, 1, 5}), zeros({1, 1, 3}), {}, {1, 2}),
                       "conv1d: stride must have 1 value, got [1, 2]", Error);
  CHECK_THROWS_WITH_AS(conv2d(x, w, {}, 0), "conv2d: stride must be at least 1, got [0]", Error);
  CHECK_THROWS_WITH_AS(conv2d(x, w, {}, 1, {0, -1}),
                       "conv2d: padding must be at least 0, got [0, -1]", Error);
  CHECK_THROWS_WITH_AS(conv2d(x, w, {}, 1, 0, 0), "conv2d: dilation must be at least 1, got [0]",
                       Error);
  CHECK_THROWS_WITH_AS(
      conv2d(x, w, {}, 1, {1, 0}, 4),
      "conv2d: kernel [3, 3] with dilation [4, 4] must not be larger than the padded input, "
      "got input [2, 4, 6, 6] with padding [1, 0]",
      Error);
  CHECK_THROWS_WITH_AS(conv2d(x, w, {}, 2, "same"),
                       "conv2d: padding 'same' needs stride 1, got [2]", Error);
  CHECK_THROWS_WITH_AS(conv2d(x, w, {}, 1, "full"),
                       "conv2d: padding must be 'same', 'valid' or numbers, got 'full'", Error);
  const Tensor z = zeros({2, 6, 4, 4});
  CHECK_THROWS_WITH_AS(
      conv_transpose2d(z, w, {}, 2, 0, 2),
      "conv_transpose2d: output_padding must be smaller than stride [2, 2] or dilation [1, 1], "
      "got [2]",
      Error);
  CHECK_THROWS_WITH_AS(
      conv_transpose2d(z, w, {}, 1, 3),
      "conv_transpose2d: padding [3, 3] leaves nothing of the output for input [2, 6, 4, 4] "
      "and weight kernel [3, 3]",
      Error);
  CHECK_THROWS_WITH_AS(convolution(x, zeros({3, 3}), {}, 1, 0, 1, false, 0, 1),
                       "convolution: weight must have 3, 4 or 5 dims, got shape [3, 3]", Error);
}
