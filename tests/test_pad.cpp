// Pads against their definitions, patches, shuffles, and the error texts.

#include <doctest/doctest.h>

#include "autograd/ops/conv.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/fold.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/pad.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using namespace fg::test;

namespace {

using Dims = std::vector<int64_t>;

Tensor counted(const Dims& sizes) {
  int64_t numel = 1;
  for (int64_t extent : sizes) numel *= extent;
  return arange(numel, kDouble).reshape(sizes) * 0.37 - 3;
}

/// Pads dim after dim by picking source rows: the definition of each mode along one dim. A circular
/// pad crops first.
Tensor picked(Tensor x, Dims pad, const std::string& mode) {
  for (size_t i = 0; i < pad.size() && mode == "circular"; ++i) {
    const int64_t dim = x.dim() - 1 - int64_t(i) / 2, cut = -std::min<int64_t>(pad[i], 0);
    x = x.narrow(dim, i % 2 == 0 ? cut : 0, x.size(dim) - cut);
    pad[i] = std::max<int64_t>(pad[i], 0);
  }
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    const int64_t dim = x.dim() - 1 - int64_t(i), n = x.size(dim);
    std::vector<int64_t> source;
    for (int64_t at = -pad[2 * i]; at < n + pad[2 * i + 1]; ++at) {
      int64_t from = at;
      if (mode == "replicate") from = std::clamp<int64_t>(at, 0, n - 1);
      if (mode == "circular") from = (at % n + n) % n;
      if (mode == "reflect") from = at < 0 ? -at : at >= n ? 2 * n - 2 - at : at;
      source.push_back(from);
    }
    x = x.index_select(dim, tensor(source));
  }
  return x;
}

}  // namespace

TEST_CASE("pad: modes that repeat the input") {
  const std::vector<std::pair<Dims, Dims>> cases = {
      {{2, 3, 4}, {2, 1}},
      {{3, 4}, {0, 3}},
      {{2, 3, 4}, {-1, 2}},
      {{1, 2, 3, 4}, {2, 1, 1, 2}},
      {{2, 3, 4}, {2, -2, -1, 2}},
      {{1, 2, 3, 4, 5}, {2, 1, 1, 2, 1, 0}},
      {{2, 3, 4, 5}, {4, 4, 3, 3, 2, 2}},
  };
  for (const auto& [sizes, pads] : cases) {
    for (const std::string mode : {"reflect", "replicate", "circular"}) {
      CAPTURE(IntArrayRef(sizes));
      CAPTURE(mode);
      const Tensor x = counted(sizes);
      CHECK(pad(x, pads, mode).equal(picked(x, pads, mode)));
      CHECK(pad(x.to(kInt), pads, mode).equal(picked(x.to(kInt), pads, mode)));
      check_op("pad " + mode, [&](const std::vector<Tensor>& t) { return pad(t[0], pads, mode); },
               {x.clone().requires_grad_()});
    }
  }
  CHECK(pad(counted({1, 1, 3}), {7, 5}, "replicate")
            .equal(picked(counted({1, 1, 3}), {7, 5}, "replicate")));
  CHECK(pad(counted({1, 1, 3}), {1, 1}, "reflect").grad_fn() == nullptr);
  CHECK(pad(counted({1, 1, 3}).requires_grad_(), {1, 1}, "reflect").grad_fn()->name() ==
        "PadBackward");
}

TEST_CASE("pad: constant") {
  const Tensor x = counted({2, 3, 4});
  const Tensor y = pad(x, {1, 2, 0, 1}, "constant", 0.5);
  REQUIRE(y.sizes() == IntArrayRef({2, 4, 7}));
  CHECK(y.narrow(1, 0, 3).narrow(2, 1, 4).equal(x));
  CHECK((y.eq(0.5)).sum().item<int64_t>() == y.numel() - x.numel());
  CHECK(pad(x, {-1, 1, 0, -2}).equal(pad(x.narrow(2, 1, 3).narrow(1, 0, 1), {0, 1})));
  CHECK(pad(x, {1, 1, 1, 1, 1, 1}).sizes() == IntArrayRef({4, 5, 6}));
  CHECK(pad(x, IntArrayRef()).equal(x));
  CHECK(pad(tensor({true, false}), {1, 0}, "constant", true).equal(tensor({true, true, false})));
  CHECK(pad(x.to(kLong), {0, 1}, "constant", 7).dtype() == kLong);
  CHECK(pad(x, {-4, 0}).sizes() == IntArrayRef({2, 3, 0}));
  for (const Dims& pads : {Dims{1, 2, 0, 1}, Dims{-1, 2, 1, -2}, Dims{0, 0, -1, -1, 3, -1}})
    check_op("pad constant",
             [&](const std::vector<Tensor>& t) { return constant_pad_nd(t[0], pads, 2); },
             {x.clone().requires_grad_()});
}

TEST_CASE("pad: errors") {
  const Tensor x = zeros({2, 3, 4});
  CHECK_THROWS_WITH_AS(
      pad(x, {1}), "pad: pad must list pairs for at most the 3 dims of input [2, 3, 4], got [1]",
      Error);
  CHECK_THROWS_WITH_AS(
      pad(x[0][0], {1, 1, 1, 1}),
      "pad: pad must list pairs for at most the 1 dims of input [4], got [1, 1, 1, 1]", Error);
  CHECK_THROWS_WITH_AS(pad(x, {-3, -2}),
                       "pad: pad [-3, -2] crops more than there is of input [2, 3, 4]", Error);
  CHECK_THROWS_WITH_AS(pad(x, {-5, 6}),
                       "pad: pad [-5, 6] crops more than there is of input [2, 3, 4]", Error);
  CHECK_THROWS_WITH_AS(pad(x, {4, 0}, "reflect"),
                       "pad: mode 'reflect' needs pad [4, 0] below the extents of input [2, 3, 4]",
                       Error);
  CHECK_THROWS_WITH_AS(
      pad(x, {0, 5}, "circular"),
      "pad: mode 'circular' needs pad [0, 5] not above the extents of input [2, 3, 4]", Error);
  CHECK_THROWS_WITH_AS(pad(x, {-4, 0}, "replicate"),
                       "pad: pad [-4, 0] leaves nothing of input [2, 3, 4]", Error);
  CHECK_THROWS_WITH_AS(pad(x, {1, 1, 1, 1, 1, 1}, "reflect"),
                       "pad: input must have 4 (unbatched) or 5 dims, got shape [2, 3, 4]", Error);
  CHECK_THROWS_WITH_AS(
      pad(x, IntArrayRef(), "reflect"),
      "pad: pad must list pairs for 1, 2 or 3 dims (any number only in mode 'constant'), got []",
      Error);
  CHECK_THROWS_WITH_AS(
      pad(x, {1, 1}, "mirror"),
      "pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', got 'mirror'", Error);
}

TEST_CASE("im2col and col2im") {
  const Tensor x = counted({2, 3, 6, 7}).sin();
  const Tensor columns = im2col(x, {2, 3}, {1, 2}, {1, 0}, {2, 1});
  REQUIRE(columns.sizes() == IntArrayRef({2, 18, 12}));
  // A convolution is a matrix product over the patches.
  const Tensor w = counted({4, 3, 2, 3}).sin();
  const Tensor y = conv2d(x, w, {}, {2, 1}, {1, 0}, {1, 2});
  CHECK(w.reshape({4, 18}).matmul(columns).allclose(y.reshape({2, 4, 12}), 1e-12, 1e-12));
  // col2im counts each input as often as a patch holds it.
  const Tensor folded = col2im(columns, {6, 7}, {2, 3}, {1, 2}, {1, 0}, {2, 1});
  const Tensor often = col2im(ones_like(columns), {6, 7}, {2, 3}, {1, 2}, {1, 0}, {2, 1});
  CHECK(folded.allclose(x * often, 1e-12, 1e-12));
  CHECK(im2col(x[1], 2).equal(im2col(x, 2)[1]));
  CHECK(col2im(columns[1], {6, 7}, {2, 3}, {1, 2}, {1, 0}, {2, 1}).equal(folded[1]));
  CHECK(im2col(x.to(kHalf), 2).equal(im2col(x, 2).to(kHalf)));

  check_op("im2col", [](const std::vector<Tensor>& t) { return im2col(t[0], 2, 1, 1, 2); },
           {counted({1, 2, 4, 3}).requires_grad_()});
  check_op("col2im",
           [](const std::vector<Tensor>& t) {
             return col2im(t[0], {3, 4}, 2);
           },
           {counted({1, 8, 6}).requires_grad_()});
  CHECK_THROWS_WITH_AS(im2col(x, 8),
                       "im2col: kernel_size [8, 8] with dilation [1, 1] must not be larger than "
                       "the padded image, got [6, 7] with padding [0, 0]",
                       Error);
  CHECK_THROWS_WITH_AS(
      col2im(zeros({1, 7, 6}), {3, 4}, 2),
      "col2im: input must have a multiple of 4 rows (kernel_size [2, 2]), got shape [1, 7, 6]",
      Error);
  CHECK_THROWS_WITH_AS(col2im(zeros({1, 8, 5}), {3, 4}, 2),
                       "col2im: input must have 6 columns ([2, 3] positions), got shape [1, 8, 5]",
                       Error);
}

TEST_CASE("pixel_shuffle, pixel_unshuffle, channel_shuffle") {
  const Tensor x = counted({2, 8, 3, 2});
  const Tensor y = pixel_shuffle(x, 2);
  REQUIRE(y.sizes() == IntArrayRef({2, 2, 6, 4}));
  for (int64_t c : {0, 1})
    for (int64_t h : {0, 5})
      for (int64_t w : {1, 2})
        CHECK(y[1][c][h][w].item<double>() ==
              x[1][c * 4 + h % 2 * 2 + w % 2][h / 2][w / 2].item<double>());
  CHECK(pixel_unshuffle(y, 2).equal(x));
  CHECK(pixel_shuffle(x[0], 2).equal(y[0]));
  const Tensor shuffled = channel_shuffle(x, 2);
  CHECK(shuffled.index_select(1, tensor({0, 1, 2, 7}))
            .equal(x.index_select(1, tensor({0, 4, 1, 7}))));
  check_op("pixel_shuffle", [](const std::vector<Tensor>& t) { return pixel_shuffle(t[0], 2); },
           {counted({4, 2, 1}).requires_grad_()});
  CHECK_THROWS_WITH_AS(pixel_shuffle(x, 3),
                       "pixel_shuffle: input's channels must be a multiple of 9 (upscale_factor 3 "
                       "squared), got shape [2, 8, 3, 2]",
                       Error);
  CHECK_THROWS_WITH_AS(pixel_unshuffle(x, 2),
                       "pixel_unshuffle: input's height and width must be multiples of "
                       "downscale_factor 2, got shape [2, 8, 3, 2]",
                       Error);
  CHECK_THROWS_WITH_AS(channel_shuffle(x, 3),
                       "channel_shuffle: groups must be positive and divide the channels of input "
                       "[2, 8, 3, 2], got 3",
                       Error);
}
