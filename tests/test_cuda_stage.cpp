// Fused stages on the GPU: against the same in double on the CPU, in every type, and how many kernels they start.
#include <cmath>
#include <limits>
#include <map>

#include "autograd/engine.h"
#include "autograd/fused/registry.h"
#include "autograd/fused/stages.h"
#include "cuda/launch.h"
#include "cuda/precision.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;
using autograd::grad;
using autograd::variable_list;

namespace {

/// x's type and that of the parameters.
struct Types {
  ScalarType x, parameters;
};
constexpr Types kTypes[] = {{kFloat, kFloat},       {kDouble, kDouble}, {kHalf, kHalf},
                            {kBFloat16, kBFloat16}, {kHalf, kFloat},    {kBFloat16, kFloat}};

/// Convolutions in float32, as the comparison with double wants it.
class Float32Convolutions {
 public:
  Float32Convolutions() { globalContext().setAllowTF32CuDNN(false); }
  ~Float32Convolutions() { globalContext().setAllowTF32CuDNN(was_allowed_); }

 private:
  bool was_allowed_ = globalContext().allowTF32CuDNN();
};

/// Multiples of `unit`, at most four of them: products of such and their sums are exact in every type, so that all types
/// agree on what is largest, and on which side of a bound it is.
Tensor exact_values(IntArrayRef sizes, double unit) {
  return random_values(sizes, kDouble).mul(2.499).round().mul(unit);
}

Tensor misaligned(const Tensor& x) {
  const Tensor block = empty({x.numel() + 1}, x.options());
  const Tensor view = block.slice(0, 1).view(x.sizes());
  view.copy_(x);
  return view;
}

double scale_of(const Tensor& t) { return t.numel() == 0 ? 0 : t.abs().max().item<double>(); }

/// `terms`: how many an element of the result sums up at most; `cancelled`: how large terms are that cancel, as in the
/// gradients of a norm.
void check_near(const Tensor& got, const Tensor& expected, ScalarType type, int64_t terms,
                double cancelled) {
  const double computed = type == kDouble ? 0x1p-53 : 0x1p-24;
  const double factor = 16 * unit_roundoff(type) + 16 * double(terms) * computed;
  // Terms that are too small for Half's precision are rounded to multiples of 2^-24.
  const double half_step = type == kHalf ? double(terms) * 0x1p-14 : 0;
  const double smallest = std::max(half_step, cancelled * computed / unit_roundoff(type));
  check_within(got, expected, full(expected.sizes(), scale_of(expected) + smallest, kDouble),
               factor);
}

/// Inputs `like_x` are of x's type, the others parameters; undefined ones stay so. On the GPU in all types, with and
/// without packs, against the CPU in double. `widens`: Float parameters make the result Float. `x_learns`: x's gradient is
/// wanted, which convolutions' kernels with the tail inside do not compute.
void check_stage(const std::function<Tensor(const variable_list&)>& op, const variable_list& values,
                 int64_t terms, bool widens, const std::vector<size_t>& like_x = {0},
                 bool x_learns = true, double cancelled = 0x1p-4) {
  const Float32Convolutions float32;
  for (const Types& types : kTypes) {
    for (const bool whole_packs : {true, false}) {
      CAPTURE(types.x);
      CAPTURE(types.parameters);
      CAPTURE(whole_packs);
      variable_list on_gpu, exact, wanted, wanted_exact;
      for (size_t i = 0; i < values.size(); ++i) {
        const bool is_x = std::find(like_x.begin(), like_x.end(), i) != like_x.end();
        if (!values[i].defined()) {
          on_gpu.emplace_back(), exact.emplace_back();
          continue;
        }
        const Tensor narrow = values[i].to(is_x ? types.x : types.parameters);
        const Tensor moved = narrow.to(kCUDA);
        on_gpu.push_back(whole_packs ? moved : misaligned(moved));
        exact.push_back(narrow.to(kDouble));
        if (is_x && !x_learns) continue;
        wanted.push_back(on_gpu.back().requires_grad_());
        wanted_exact.push_back(exact.back().requires_grad_());
      }
      const Tensor y = op(on_gpu), expected = op(exact);
      CHECK(y.dtype() == (widens ? types.parameters : types.x));
      check_near(y, expected.detach(), types.x, terms, 0);
      const Tensor seed = exact_values(expected.sizes(), 0.25);
      const Tensor g = seed.to(y.dtype()).to(kCUDA);
      const variable_list got = grad({y}, wanted, {whole_packs ? g : misaligned(g)});
      const variable_list gradients = grad({expected}, wanted_exact, {seed});
      for (size_t i = 0; i < got.size(); ++i) {
        CAPTURE(i);
        CHECK(got[i].dtype() == wanted[i].dtype());
        // Of a 16-bit x the gradient of z is rounded once on the way.
        check_near(got[i], gradients[i], types.x, terms + seed.numel() / 8,
                   is_reduced_floating(types.x) ? cancelled : 0x1p-4);
      }
    }
  }
}

}  // namespace

TEST_CASE("cuda stages: convolution and chain") {
  if (!require_gpu()) return;
  const auto conv3d = [](const variable_list& in) {
    return conv3d_relu_leaky_relu_gelu_sigmoid_bias(in[0], in[1], in[2], in[3]);
  };
  for (const bool x_learns : {true, false}) {
    CAPTURE(x_learns);
    check_stage(conv3d,
                {exact_values({2, 2, 4, 7, 9}, 0.5), exact_values({3, 2, 3, 3, 3}, 0.125),
                 exact_values({3}, 0.25), exact_values({3, 1, 1, 1}, 0.25)},
                54, true, {0}, x_learns);
    check_stage(conv3d,
                {exact_values({5, 1, 3, 3, 6}, 0.5), exact_values({8, 1, 3, 3, 3}, 0.125), Tensor(),
                 exact_values({8}, 0.25)},
                27, true, {0}, x_learns);
  }
  // A shape that conv3d_forward_takes.
  check_stage(conv3d,
              {exact_values({1, 2, 10, 10, 66}, 0.5), exact_values({3, 2, 3, 3, 3}, 0.125),
               exact_values({3}, 0.25), exact_values({3, 1, 1, 1}, 0.25)},
              54, true, {0}, false);
  const auto conv2d = [](const variable_list& in) {
    return conv2d_relu(in[0], in[1], in[2], 2, 1, 1, 2);
  };
  check_stage(
      conv2d,
      {exact_values({3, 4, 5, 6}, 0.5), exact_values({6, 2, 3, 3}, 0.125), exact_values({6}, 0.25)},
      18, false);
}

TEST_CASE("cuda stages: convolution, chain and pool") {
  if (!require_gpu()) return;
  const auto transposed = [](const variable_list& in) {
    return conv_transpose3d_leaky_relu_scale_leaky_relu_max_pool3d(in[0], in[1], in[2], in[3], 2, 2,
                                                                   1, 1);
  };
  for (const DimVector& sizes :
       {DimVector{3, 2, 3, 2, 5}, DimVector{1, 2, 1, 1, 1}, DimVector{2, 2, 2, 5, 4}})
    for (const bool x_learns : {true, false})
      check_stage(transposed,
                  {exact_values(sizes, 0.5), exact_values({2, 3, 3, 3, 3}, 0.125),
                   exact_values({3}, 0.25), exact_values({3, 1, 1, 1}, 0.5)},
                  16, true, {0}, x_learns);
  // Inputs behind the last window; windows of more than a byte counts.
  for (const DimVector& kernel : {DimVector{2, 3}, DimVector{17, 16}})
    check_stage(
        [&](const variable_list& in) {
          return conv2d_relu_max_pool2d(in[0], in[1], in[2], kernel, 1, 1);
        },
        {exact_values({2, 2, 19, 35}, 0.5), exact_values({3, 2, 3, 3}, 0.125),
         exact_values({3}, 0.25)},
        18, false);
}

TEST_CASE("cuda stages: ties, NaN and infinities of a pool as on the CPU") {
  if (!require_gpu()) return;
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const auto run = [](const Tensor& x, double multiplier) {
    const Tensor weight = ones({1, 1, 1, 1, 1}, x.options());
    const Tensor y = conv_transpose3d_leaky_relu_scale_leaky_relu_max_pool3d(
        x, weight, {}, full({1}, multiplier, x.options()), 2);
    return variable_list{y, grad({y}, {x}, {ones_like(y)})[0]};
  };
  for (const double value : {std::nan(""), kInf, -kInf, 0.0, 1.0}) {
    for (const double multiplier : {-2.0, 0.5}) {
      CAPTURE(value);
      CAPTURE(multiplier);
      Tensor x = ones({1, 1, 4, 4, 4}, kFloat);
      x.view({-1}).slice(0, 20, 31).fill_(value);
      const Tensor leaf = x.clone().requires_grad_(), on_gpu = x.to(kCUDA).requires_grad_();
      const variable_list expected = run(leaf, multiplier), got = run(on_gpu, multiplier);
      for (size_t i = 0; i < 2; ++i)
        CHECK(allclose(got[i].detach().cpu(), expected[i].detach(), 1e-6, 0, true));
    }
  }
}

TEST_CASE("cuda stages: product, chain and norm, for rows of every layout") {
  if (!require_gpu()) return;
  struct Case {
    int64_t n, in, out, groups;
  };
  for (const Case& c :
       {Case{5, 3, 6, 2}, Case{70, 8, 96, 3}, Case{9, 8, 37, 1}, Case{40, 4, 64, 64},
        Case{7, 8, 520, 2}, Case{3, 8, 2056, 1}, Case{3, 4, 4100, 1}, Case{300, 4, 160, 5},
        Case{1, 2, 5, 1}, Case{2, 5, 4096, 2}}) {
    CAPTURE(c.n);
    CAPTURE(c.out);
    CAPTURE(c.groups);
    const auto op = [&](const variable_list& in) {
      return linear_bias_hardtanh_mish_group_norm(in[0], in[1], in[2], in[3], c.groups, in[4],
                                                  in[5]);
    };
    // The norm of one channel multiplies what rounding leaves of its distance from itself by 1 / sqrt(eps).
    const double cancelled = c.groups == c.out ? 316 : 0x1p-4;
    check_stage(op,
                {exact_values({c.n, c.in}, 0.25), exact_values({c.out, c.in}, 0.25),
                 exact_values({c.out}, 0.125), exact_values({c.out}, 0.125),
                 exact_values({c.out}, 0.5), exact_values({c.out}, 0.5)},
                c.out / c.groups + c.n, true, {0}, true, cancelled);
    check_stage(op,
                {exact_values({c.n, c.in}, 0.25), exact_values({c.out, c.in}, 0.25), Tensor(),
                 exact_values({c.out}, 0.125), Tensor(), Tensor()},
                c.out / c.groups + c.n, true, {0}, true, cancelled);
  }
}

TEST_CASE("cuda stages: product, logsumexp and chain") {
  if (!require_gpu()) return;
  for (const auto& [n, in, out] : {std::array<int64_t, 3>{5, 3, 7},
                                   {33, 8, 1000},
                                   {3, 8, 4104},
                                   {2, 4, 9001},
                                   {1, 1, 1},
                                   {100, 4, 40}}) {
    CAPTURE(n);
    CAPTURE(out);
    for (const double unit : {0.125, 4.0})
      check_stage(
          [](const variable_list& v) {
            return linear_logsumexp_leaky_relu2_gelu2(v[0], v[1], v[2]);
          },
          {exact_values({n, in}, unit), exact_values({out, in}, 0.25), exact_values({out}, unit)},
          out, true);
  }
  // Infinite logits.
  const Tensor weight = eye(3), x = tensor({{3e38f, 1.0f, 2.0f}, {-3e38f, -3e38f, -3e38f}}) * 10;
  const Tensor expected = linear_logsumexp_leaky_relu2_gelu2(x, weight, {});
  const Tensor got = linear_logsumexp_leaky_relu2_gelu2(x.to(kCUDA), weight.to(kCUDA), {});
  CHECK(allclose(got.cpu(), expected, 1e-6, 0, true));
}

TEST_CASE("cuda stages: products with chains, sums with norms") {
  if (!require_gpu()) return;
  for (const auto& [n, out] : {std::pair<int64_t, int64_t>{5, 7}, {33, 264}, {300, 64}}) {
    CAPTURE(n);
    CAPTURE(out);
    const Tensor x = exact_values({n, 6}, 0.25), weight = exact_values({out, 6}, 0.25);
    const Tensor bias = exact_values({out}, 0.125), scale = exact_values({out}, 0.5);
    check_stage([](const variable_list& in) { return linear_gelu(in[0], in[1], in[2]); },
                {x, weight, bias}, n, false);
    check_stage(
        [](const variable_list& in) { return linear_swish_scale(in[0], in[1], in[2], in[3]); },
        {x, weight, bias, scale}, n, true);
    const Tensor a = exact_values({n, out}, 0.25), b = exact_values({n, out}, 0.5);
    check_stage(
        [](const variable_list& in) { return residual_layer_norm(in[0], in[1], in[2], in[3]); },
        {a, b, scale, bias}, n + out, true, {0, 1});
    check_stage([](const variable_list& in) { return residual_rms_norm(in[0], in[1], in[2]); },
                {a, b, scale}, n + out, true, {0, 1});
  }
}

TEST_CASE("cuda stages: empty batches") {
  if (!require_gpu()) return;
  const auto zero = [](const Tensor& y, const variable_list& in) {
    for (const Tensor& g : grad({y}, in, {ones_like(y)}))
      if (g.numel() > 0) CHECK(g.abs().max().item<double>() == 0);
  };
  const auto leaf = [](IntArrayRef sizes) {
    return random_values(sizes, kFloat).to(kCUDA).requires_grad_();
  };
  const variable_list linear{leaf({0, 3}), leaf({6, 3}), leaf({6})};
  zero(linear_gelu(linear[0], linear[1], linear[2]), linear);
  zero(linear_logsumexp_leaky_relu2_gelu2(linear[0], linear[1], linear[2]), linear);
  const variable_list norm{linear[0], linear[1], linear[2], leaf({6}), leaf({6}), leaf({6})};
  zero(
      linear_bias_hardtanh_mish_group_norm(norm[0], norm[1], norm[2], norm[3], 2, norm[4], norm[5]),
      norm);
  const variable_list conv{leaf({0, 2, 5, 5}), leaf({3, 2, 3, 3}), leaf({3})};
  zero(conv2d_relu(conv[0], conv[1], conv[2]), conv);
  zero(conv2d_relu_max_pool2d(conv[0], conv[1], conv[2], 2), conv);
}

TEST_CASE("cuda stages: kernels of our own per pass, and the same bits in every run") {
  if (!require_gpu()) return;
  struct Launches {
    int64_t forward, backward;
  };
  // With x's gradient and without cuDNN's and cuBLASLt's kernels, but with what prepares products of few columns.
  const std::map<std::string, Launches> most{
      {"conv3d_relu_leaky_relu_gelu_sigmoid_bias", {1, 2}},
      {"conv_transpose3d_leaky_relu_scale_leaky_relu_max_pool3d", {2, 3}},
      {"linear_bias_hardtanh_mish_group_norm", {2, 4}},
      {"linear_logsumexp_leaky_relu2_gelu2", {2, 4}},
      {"conv2d_relu", {1, 2}},
      {"conv2d_relu_max_pool2d", {1, 3}},
      {"linear_gelu", {2, 3}},
      {"linear_swish_scale", {2, 3}},
      {"residual_layer_norm", {2, 3}},
      {"residual_rms_norm", {2, 3}},
      {"bias_dropout_residual", {1, 2}}};
  for (const FusedOp& op : fused_ops()) {
    const auto it = most.find(op.name);
    if (it == most.end()) continue;
    for (const variable_list& sample : op.samples()) {
      CAPTURE(op.name);
      variable_list inputs, wanted;
      for (const Tensor& t : sample) {
        inputs.push_back(t.defined() ? t.detach().to(kCUDA) : t);
        if (!t.defined() || !t.requires_grad()) continue;
        inputs.back().requires_grad_();
        wanted.push_back(inputs.back());
      }
      int64_t before = cuda::launch_count();
      const Tensor y = op.fused(inputs);
      const int64_t forward = cuda::launch_count() - before;
      const Tensor seed = ones_like(y);
      before = cuda::launch_count();
      const variable_list once = grad({y}, wanted, {seed}, true);
      const int64_t backward = cuda::launch_count() - before;
      CHECK(forward <= it->second.forward);
      CHECK(backward <= it->second.backward);
      const variable_list again = grad({op.fused(inputs)}, wanted, {seed});
      for (size_t i = 0; i < once.size(); ++i) CHECK(equal(once[i].cpu(), again[i].cpu()));
    }
  }
}
