// What cuDNN is asked for: dims, strides and pads against the definition of a convolution, the cache's key,
// and the choice among plans. Needs no GPU.

#include <doctest/doctest.h>

#include "autograd/ops/conv.h"
#include "autograd/ops/elementwise.h"
#include "cuda/cudnn/choose_plan.h"
#include "cuda/cudnn/conv_problem.h"
#include "cuda/lru_cache.h"
#include "tensor/factories.h"
#include "tensor/shape.h"

using namespace fg;
using cuda::ConvDirection;
using cuda::ConvProblem;
using cuda::make_conv_problem;
using cuda::TensorShape;

namespace {

Tensor wave(IntArrayRef sizes, double phase) {
  return (arange(numel_of(sizes), kDouble) * 0.7 + phase).sin().reshape(sizes);
}

struct Case {
  DimVector input, weight;
  int64_t stride, padding, dilation, groups;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{2, 3, 9}, {4, 3, 3}, 2, 1, 1, 1},
      {{2, 3, 6, 7}, {4, 3, 3, 2}, 1, 2, 1, 1},
      {{1, 4, 7, 9}, {6, 2, 2, 3}, 2, 1, 2, 2},
      {{2, 3, 5, 6}, {3, 1, 3, 3}, 1, 1, 1, 3},
      {{2, 4, 5, 6, 5}, {2, 2, 3, 2, 1}, 2, 1, 1, 2},
      {{2, 3, 1, 1}, {5, 3, 1, 1}, 1, 0, 1, 1},
      {{2, 1, 5, 4}, {2, 1, 3, 3}, 1, 1, 1, 1},
  };
  return all;
}

/// The geometry as the op makes it, with 1 and 0 in front.
ConvGeometry geometry_of(const Case& c, const Tensor& output) {
  ConvGeometry g;
  g.batch = c.input[0];
  g.in_channels = c.input[1];
  g.out_channels = c.weight[0];
  g.groups = c.groups;
  g.input = g.kernel = g.output = g.stride = g.dilation = {1, 1, 1};
  const size_t rank = c.weight.size() - 2, lead = 3 - rank;
  for (size_t d = 0; d < rank; ++d) {
    g.input[lead + d] = c.input[2 + d];
    g.kernel[lead + d] = c.weight[2 + d];
    g.output[lead + d] = output.size(int64_t(2 + d));
    g.stride[lead + d] = c.stride;
    g.padding[lead + d] = c.padding;
    g.dilation[lead + d] = c.dilation;
  }
  return g;
}

int64_t offset_of(const TensorShape& shape, const DimVector& at) {
  int64_t offset = 0;
  for (size_t d = 0; d < at.size(); ++d) offset += at[d] * shape.strides[d];
  return offset;
}

/// y += conv(x, w) as cuDNN defines it from descriptors: cross-correlation, and as many groups as the input has
/// channels for each of the filter's.
void correlate(const ConvProblem& p, double* y, const double* x, const double* w) {
  const TensorShape input = p.input(), weight = p.weight(), output = p.output();
  const DimVector stride = p.stride(), padding = p.padding(), dilation = p.dilation();
  const int64_t groups = input.dims[1] / weight.dims[1];
  DimVector sizes = output.dims;
  for (size_t d = 1; d < weight.dims.size(); ++d) sizes.push_back(weight.dims[d]);
  DimVector at(sizes.size(), 0);
  do {
    const size_t rank = output.dims.size();
    const DimVector to(at.begin(), at.begin() + rank);
    DimVector tap{at[1]},
        from{at[0], at[1] / (output.dims[1] / groups) * weight.dims[1] + at[rank]};
    bool inside = true;
    for (size_t d = 1; d < rank; ++d) tap.push_back(at[rank + d - 1]);
    for (size_t d = 0; d + 2 < rank; ++d) {
      from.push_back(at[2 + d] * stride[d] + tap[2 + d] * dilation[d] - padding[d]);
      inside = inside && from[2 + d] >= 0 && from[2 + d] < input.dims[2 + d];
    }
    if (inside) y[offset_of(output, to)] += x[offset_of(input, from)] * w[offset_of(weight, tap)];
  } while (next_index(at, sizes));
}

Tensor stored(const Tensor& t, bool channels_last) {
  if (!channels_last || t.dim() < 4) return t.contiguous();
  return t.clone(t.dim() == 5 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast);
}

}  // namespace

TEST_CASE("conv problem: dims, strides and pads mean the same convolution") {
  for (const Case& c : cases()) {
    for (const bool channels_last : {false, true}) {
      CAPTURE(IntArrayRef(c.input));
      CAPTURE(IntArrayRef(c.weight));
      CAPTURE(channels_last);
      const Tensor x = wave(c.input, 0.1), w = wave(c.weight, 0.5);
      const Tensor want =
          convolution(x, w, {}, c.stride, c.padding, c.dilation, false, 0, c.groups);
      const Tensor y = stored(zeros_like(want), channels_last);
      const Tensor from = stored(x, channels_last), weight = stored(w, channels_last);
      const ConvProblem p =
          make_conv_problem(ConvDirection::Forward, from, weight, y, {}, geometry_of(c, want));
      CHECK(p.type == kDouble);
      CHECK(p.input().dims.size() == size_t(std::max<int64_t>(x.dim(), 4)));
      correlate(p, y.data_ptr<double>(), from.data_ptr<double>(), weight.data_ptr<double>());
      CHECK(y.allclose(want, 1e-12, 1e-12));
    }
  }
}

TEST_CASE("conv problem: strides do not depend on what a tensor carries where an extent is 1") {
  const Case c = {{2, 1, 5, 4}, {2, 1, 1, 1}, 1, 0, 1, 1};
  const Tensor x = wave(c.input, 0.1), w = wave(c.weight, 0.5), y = zeros({2, 2, 5, 4}, kDouble);
  const Tensor odd = from_blob(x.data_ptr(), x.sizes(), {20, 77, 4, 1}, kDouble);
  const ConvGeometry g = geometry_of(c, y);
  const ConvProblem p = make_conv_problem(ConvDirection::Forward, odd, w, y, {}, g);
  CHECK(p.input().strides == DimVector{20, 20, 4, 1});
  CHECK_FALSE(p.channels_last);
  const Tensor last = stored(y, true);
  CHECK(make_conv_problem(ConvDirection::Forward, odd, w, last, {}, g).input().strides ==
        DimVector{20, 1, 4, 1});
  CHECK(make_conv_problem(ConvDirection::Forward, odd, w, last, {}, g).channels_last);
}

TEST_CASE("conv problem: mixed orders in memory are refused") {
  const Case c = {{2, 3, 5, 4}, {2, 3, 1, 1}, 1, 0, 1, 1};
  const Tensor x = stored(wave(c.input, 0.1), true), w = wave(c.weight, 0.5);
  const Tensor y = zeros({2, 2, 5, 4}, kDouble);
  CHECK_THROWS_WITH_AS(
      make_conv_problem(ConvDirection::Forward, x, w, y, {}, geometry_of(c, y)),
      "convolution: tensors must be all contiguous or all channels last, got strides "
      "[60, 1, 12, 3] (input), [3, 1, 1, 1] (weight), [40, 20, 4, 1] (output)",
      Error);
}

TEST_CASE("conv problem: the bias and the side that it is added to") {
  const Case c = {{2, 4, 5, 4}, {6, 2, 3, 3}, 1, 1, 1, 2};
  const Tensor x = wave(c.input, 0.1), w = wave(c.weight, 0.5), y = zeros({2, 6, 5, 4}, kDouble);
  const ConvGeometry g = geometry_of(c, y);
  const Tensor bias = zeros({6}, kDouble);
  const ConvProblem forward = make_conv_problem(ConvDirection::Forward, x, w, y, bias, g);
  CHECK(forward.has_bias);
  CHECK(forward.bias().dims == DimVector{1, 6, 1, 1});
  CHECK(forward.bias().strides == DimVector{6, 1, 1, 1});
  const ConvProblem back = make_conv_problem(ConvDirection::InputGrad, x, w, y, bias, g);
  CHECK(back.bias().dims == DimVector{1, 4, 1, 1});
}

TEST_CASE("conv problem: every field counts in the cache's key") {
  const Case c = {{2, 4, 5, 4}, {6, 2, 3, 3}, 1, 1, 1, 2};
  const Tensor x = wave(c.input, 0.1), w = wave(c.weight, 0.5), y = zeros({2, 6, 5, 4}, kDouble);
  const ConvProblem base =
      make_conv_problem(ConvDirection::Forward, x, w, y, {}, geometry_of(c, y));
  std::vector<ConvProblem> all(1, base);
  const auto changed = [&](const auto& change) { change(all.emplace_back(base)); };
  changed([](ConvProblem& p) { p.geometry.batch = 3; });
  changed([](ConvProblem& p) { p.geometry.groups = 1; });
  changed([](ConvProblem& p) { p.geometry.padding[2] = 0; });
  changed([](ConvProblem& p) { p.geometry.dilation[1] = 2; });
  changed([](ConvProblem& p) { p.direction = ConvDirection::WeightGrad; });
  changed([](ConvProblem& p) { p.spatial_dims = 3; });
  changed([](ConvProblem& p) { p.type = kBFloat16; });
  changed([](ConvProblem& p) { p.channels_last = true; });
  changed([](ConvProblem& p) { p.has_bias = true; });
  changed([](ConvProblem& p) { p.allow_tf32 = true; });
  changed([](ConvProblem& p) { p.deterministic = true; });
  changed([](ConvProblem& p) { p.alignment = 4; });
  cuda::LruCache<ConvProblem, size_t> cache(100);
  for (size_t i = 0; i < all.size(); ++i) cache.insert(all[i], i);
  CHECK(cache.stats().size == int64_t(all.size()));
  for (size_t i = 0; i < all.size(); ++i) CHECK(cache.find(all[i]) == i);
}

TEST_CASE("conv problem: alignment is what all addresses share, at most 16") {
  const Tensor memory = zeros({1000}, kFloat);
  char* base = static_cast<char*>(memory.data_ptr());
  base += -reinterpret_cast<intptr_t>(base) & 63;
  const Case c = {{1, 2, 3, 3}, {2, 2, 1, 1}, 1, 0, 1, 1};
  const Tensor y = from_blob(base, {1, 2, 3, 3}, kFloat), w = from_blob(base, {2, 2, 1, 1}, kFloat);
  const auto alignment = [&](int64_t bytes) {
    const Tensor x = from_blob(base + bytes, {1, 2, 3, 3}, kFloat);
    return int(make_conv_problem(ConvDirection::Forward, x, w, y, {}, geometry_of(c, y)).alignment);
  };
  CHECK(alignment(64) == 16);
  CHECK(alignment(16) == 16);
  CHECK(alignment(8) == 8);
  CHECK(alignment(12) == 4);
}

namespace {
/// Stands for a plan: an index, false for -1.
struct Choice {
  int index = -1;
  explicit operator bool() const { return index >= 0; }
};
}  // namespace

TEST_CASE("choose plan: the first that can be built and run") {
  std::vector<int> ran;
  const auto build = [](size_t i) { return i == 0 ? Choice{} : Choice{int(i)}; };
  const auto run = [&](const Choice& c) {
    ran.push_back(c.index);
    return c.index != 1;
  };
  CHECK(cuda::choose_first(5, build, run).index == 2);
  CHECK(ran == std::vector<int>{1, 2});
  CHECK_FALSE(cuda::choose_first(0, build, run));
  CHECK_FALSE(cuda::choose_first(2, build, run));
}

TEST_CASE("choose plan: the fastest of the first that work") {
  std::vector<int> measured;
  const auto build = [](size_t i) { return i == 1 ? Choice{} : Choice{int(i)}; };
  const auto measure = [&](const Choice& c) -> std::optional<float> {
    if (c.index == 2) return std::nullopt;
    measured.push_back(c.index);
    return c.index == 12 ? 0.5f : c.index == 4 || c.index == 5 ? 1.0f : 3.0f;
  };
  CHECK(cuda::choose_fastest(7, build, measure).index == 4);
  measured.clear();
  CHECK(cuda::choose_fastest(100, build, measure).index == 4);  // 12 is beyond those measured
  CHECK(measured.size() == cuda::kMeasuredCandidates);
  CHECK(measured.back() == 11);
  CHECK_FALSE(cuda::choose_fastest(0, build, measure));
}
