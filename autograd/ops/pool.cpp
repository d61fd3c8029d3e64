#include "autograd/ops/pool.h"

#include "autograd/autocast_call.h"
#include "autograd/ops/checks.h"
#include "autograd/ops/linear_map.h"
#include "autograd/ops/spatial.h"
#include "tensor/factories.h"
#include "tensor/kernels/pool.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

using detail::dense;
using detail::spatial_argument;
using detail::spatial_part;
using detail::spatial_sizes_like;

struct MaxPoolBackward : Node {
  Saved indices{this};
  PoolGeometry geometry;
  int64_t rank = 0;

  std::string name() const override { return "MaxPoolBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor& grad = grads[0];
    if (!grad.defined() || !needs(0)) return {Tensor()};
    const PoolGeometry& g = geometry;
    const DimVector sizes = spatial_sizes_like(grad, g.input, rank);
    const Tensor at = indices.unpack();
    if (GradMode::is_enabled()) {
      const DimVector planes = {g.planes, numel_of(g.output)};
      return {zeros({g.planes, numel_of(g.input)}, grad.options())
                  .scatter_add(1, at.reshape(planes), grad.reshape(planes))
                  .reshape(sizes)};
    }
    const Tensor grad_input = empty(sizes, grad.options());
    ON_DEVICE(grad, max_pool_grad, grad_input, dense(grad), at, g);
    return {grad_input};
  }
};

std::tuple<Tensor, Tensor> run_max_pool(const Tensor& input, const PoolGeometry& g, int64_t rank) {
  if (const ScalarType type = kernel_type(input); type != input.dtype()) {
    const auto [values, indices] = run_max_pool(input.to(type), g, rank);
    return {values.to(input.dtype()), indices};
  }
  auto node = make_node<MaxPoolBackward>(input);
  const DimVector sizes = spatial_sizes_like(input, g.output, rank);
  const Tensor values = empty(sizes, input.options());
  const Tensor indices = empty(sizes, input.options().dtype(kLong));
  ON_DEVICE(input, max_pool, values, indices, dense(input), g);
  if (node) {
    node->indices.save(indices);
    node->geometry = g;
    node->rank = rank;
    node->attach(values);
  }
  return {values, indices};
}

struct MeanPool {
  static constexpr const char* kName = "MeanPoolBackward";
  PoolGeometry geometry;
  int64_t rank = 0;

  Tensor forward(const Tensor& x) const {
    const Tensor y = empty(spatial_sizes_like(x, geometry.output, rank), x.options());
    ON_DEVICE(x, mean_pool, y, dense(x), geometry);
    return y;
  }
  Tensor adjoint(const Tensor& y) const {
    const Tensor x = empty(spatial_sizes_like(y, geometry.input, rank), y.options());
    ON_DEVICE(y, mean_pool_grad, x, dense(y), geometry);
    return x;
  }
};

Tensor run_mean_pool(const Tensor& input, const PoolGeometry& g, int64_t rank) {
  if (const ScalarType type = kernel_type(input); type != input.dtype())
    return run_mean_pool(input.to(type), g, rank).to(input.dtype());
  return detail::apply_linear_map(MeanPool{g, rank}, input);
}

struct Arguments {
  IntArrayRef kernel_size, stride, padding, dilation;
  bool ceil_mode;
  int64_t rank;
  const char* op;
};

/// Outputs along one dim, as PyTorch counts them.
int64_t output_extent(const PoolGeometry& g, size_t d, bool ceil_mode) {
  const int64_t reach = g.dilation[d] * (g.kernel[d] - 1) + 1;
  const int64_t room = g.input[d] + 2 * g.padding[d] - reach;
  if (room < 0 && (!ceil_mode || room + g.stride[d] - 1 < 0)) return 0;
  const int64_t outputs = (room + (ceil_mode ? g.stride[d] - 1 : 0)) / g.stride[d] + 1;
  const bool last_outside = (outputs - 1) * g.stride[d] >= g.input[d] + g.padding[d];
  return ceil_mode && last_outside ? outputs - 1 : outputs;
}

PoolGeometry common_geometry(const Tensor& input, int64_t rank, const char* op) {
  detail::check_spatial_input(input, rank, op);
  detail::check_floating(input, op);
  PoolGeometry g;
  g.input = detail::spatial_extents(input.sizes(), rank);
  g.planes = input.size(-rank - 1) * (input.dim() == rank + 2 ? input.size(0) : 1);
  return g;
}

PoolGeometry pool_geometry(const Tensor& input, const Arguments& a) {
  PoolGeometry g = common_geometry(input, a.rank, a.op);
  g.kernel = spatial_argument(a.kernel_size, a.rank, 1, 1, "kernel_size", a.op);
  g.stride = a.stride.empty() ? g.kernel : spatial_argument(a.stride, a.rank, 1, 1, "stride", a.op);
  g.padding = spatial_argument(a.padding, a.rank, 0, 0, "padding", a.op);
  g.dilation = spatial_argument(a.dilation, a.rank, 1, 1, "dilation", a.op);
  for (size_t d = 0; d < 3; ++d) {
    ENSURE(2 * g.padding[d] <= g.kernel[d], a.op, ": padding must be at most half of kernel_size ",
           spatial_part(g.kernel, a.rank), ", got ", spatial_part(g.padding, a.rank));
    g.output[d] = output_extent(g, d, a.ceil_mode);
    ENSURE(g.output[d] > 0, a.op, ": kernel_size ", spatial_part(g.kernel, a.rank),
           " with dilation ", spatial_part(g.dilation, a.rank),
           " must not be larger than the padded input, got input ", input.sizes(), " with padding ",
           spatial_part(g.padding, a.rank));
    // Only a dilated kernel can step over a short input from one side's padding to the other's.
    for (int64_t i = 0; g.dilation[d] > 1 && i < g.output[d]; ++i) {
      const PoolWindow window = pool_window(g, d, i);
      ENSURE(window.begin < window.end, a.op, ": window ", i, " of input ", input.sizes(),
             " reads padding only, with kernel_size ", spatial_part(g.kernel, a.rank),
             " and dilation ", spatial_part(g.dilation, a.rank));
    }
  }
  return g;
}

PoolGeometry adaptive_geometry(const Tensor& input, IntArrayRef output_size, int64_t rank,
                               const char* op) {
  PoolGeometry g = common_geometry(input, rank, op);
  g.output = spatial_argument(output_size, rank, 1, 0, "output_size", op);
  g.adaptive = true;
  return g;
}

std::tuple<Tensor, Tensor> max_pool(const Tensor& input, const Arguments& a) {
  const profiler::RecordOp recorded(a.op, input);
  return run_max_pool(input, pool_geometry(input, a), a.rank);
}

Tensor avg_pool(const Tensor& input, const Arguments& a, bool count_include_pad,
                optional<int64_t> divisor_override) {
  const profiler::RecordOp recorded(a.op, input);
  ENSURE(!divisor_override || *divisor_override != 0, a.op, ": divisor_override must not be 0");
  PoolGeometry g = pool_geometry(input, a);
  g.count_include_pad = count_include_pad;
  g.divisor_override = divisor_override.value_or(0);
  return run_mean_pool(input, g, a.rank);
}

/// As PyTorch defines it: the mean times the full window, also where ceil_mode cuts a window short.
Tensor lp_pool(const Tensor& input, double norm_type, const Arguments& a) {
  const profiler::RecordOp recorded(a.op, input);
  const Extents kernel = spatial_argument(a.kernel_size, a.rank, 1, 1, "kernel_size", a.op);
  const Tensor mean = avg_pool(input.pow(norm_type), a, true, nullopt);
  return mean.sign().mul(mean.abs().relu()).mul(numel_of(kernel)).pow(1 / norm_type);
}

Extents unpool_extents(const Tensor& input, OptionalIntArrayRef output_size, const Arguments& a) {
  const Extents in = detail::spatial_extents(input.sizes(), a.rank);
  const Extents kernel = spatial_argument(a.kernel_size, a.rank, 1, 1, "kernel_size", a.op);
  const Extents stride =
      a.stride.empty() ? kernel : spatial_argument(a.stride, a.rank, 1, 1, "stride", a.op);
  const Extents padding = spatial_argument(a.padding, a.rank, 0, 0, "padding", a.op);
  Extents result;
  for (size_t d = 0; d < 3; ++d) result[d] = (in[d] - 1) * stride[d] - 2 * padding[d] + kernel[d];
  if (!output_size) return result;

  const int64_t given = int64_t(output_size.value().size());
  ENSURE(given == a.rank || given == a.rank + 2, a.op, ": output_size must have ", a.rank, " or ",
         a.rank + 2, " values, got ", *output_size);
  const Extents wanted = detail::spatial_extents(*output_size, a.rank);
  for (size_t d = size_t(3 - a.rank); d < 3; ++d)
    ENSURE(wanted[d] > result[d] - stride[d] && wanted[d] < result[d] + stride[d], a.op,
           ": output_size must be within one stride ", spatial_part(stride, a.rank), " of ",
           spatial_part(result, a.rank), ", got ", spatial_part(wanted, a.rank));
  return wanted;
}

Tensor max_unpool(const Tensor& input, const Tensor& indices, OptionalIntArrayRef output_size,
                  const Arguments& a) {
  const profiler::RecordOp recorded(a.op, input, indices);
  const PoolGeometry g = common_geometry(input, a.rank, a.op);
  ENSURE(indices.dtype() == kLong, a.op, ": indices must be Long, got ", indices.dtype());
  ENSURE(indices.sizes() == input.sizes(), a.op, ": indices must have input's shape ",
         input.sizes(), ", got ", indices.sizes());
  const Extents extents = unpool_extents(input, output_size, a);
  const int64_t plane = numel_of(extents);
  if (indices.numel() > 0 &&
      indices.is_cpu()) {  // else scatter's kernel reports them, and nothing waits
    const int64_t low = indices.min().item<int64_t>(), high = indices.max().item<int64_t>();
    ENSURE(low >= 0 && high < plane, a.op, ": indices must lie in [0, ", plane,
           "), the output's plane ", spatial_part(extents, a.rank), ", got ", low < 0 ? low : high);
  }
  const DimVector planes = {g.planes, numel_of(g.input)};
  return zeros({g.planes, plane}, input.options())
      .scatter(1, indices.reshape(planes), input.reshape(planes))
      .reshape(spatial_sizes_like(input, extents, a.rank));
}

}  // namespace

PoolGeometry detail::pool_geometry(const Tensor& input, IntArrayRef kernel_size, int64_t rank,
                                   const char* op) {
  return fg::pool_geometry(input, {kernel_size, {}, 0, 1, false, rank, op});
}

Tensor max_pool1d(const Tensor& input, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, IntArrayRef dilation, bool ceil_mode) {
  return std::get<0>(
      max_pool(input, {kernel_size, stride, padding, dilation, ceil_mode, 1, "max_pool1d"}));
}
Tensor max_pool2d(const Tensor& input, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, IntArrayRef dilation, bool ceil_mode) {
  return std::get<0>(
      max_pool(input, {kernel_size, stride, padding, dilation, ceil_mode, 2, "max_pool2d"}));
}
Tensor max_pool3d(const Tensor& input, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, IntArrayRef dilation, bool ceil_mode) {
  if (detail::is_autocast())
    return detail::autocast_call("max_pool3d", max_pool3d, input, kernel_size, stride, padding,
                                 dilation, ceil_mode);
  return std::get<0>(
      max_pool(input, {kernel_size, stride, padding, dilation, ceil_mode, 3, "max_pool3d"}));
}
std::tuple<Tensor, Tensor> max_pool1d_with_indices(const Tensor& input, IntArrayRef kernel_size,
                                                   IntArrayRef stride, IntArrayRef padding,
                                                   IntArrayRef dilation, bool ceil_mode) {
  return max_pool(input, {kernel_size, stride, padding, dilation, ceil_mode, 1, "max_pool1d"});
}
std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& input, IntArrayRef kernel_size,
                                                   IntArrayRef stride, IntArrayRef padding,
                                                   IntArrayRef dilation, bool ceil_mode) {
  return max_pool(input, {kernel_size, stride, padding, dilation, ceil_mode, 2, "max_pool2d"});
}
std::tuple<Tensor, Tensor> max_pool3d_with_indices(const Tensor& input, IntArrayRef kernel_size,
                                                   IntArrayRef stride, IntArrayRef padding,
                                                   IntArrayRef dilation, bool ceil_mode) {
  return max_pool(input, {kernel_size, stride, padding, dilation, ceil_mode, 3, "max_pool3d"});
}

Tensor avg_pool1d(const Tensor& input, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad) {
  return avg_pool(input, {kernel_size, stride, padding, 1, ceil_mode, 1, "avg_pool1d"},
                  count_include_pad, nullopt);
}
Tensor avg_pool2d(const Tensor& input, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                  optional<int64_t> divisor_override) {
  return avg_pool(input, {kernel_size, stride, padding, 1, ceil_mode, 2, "avg_pool2d"},
                  count_include_pad, divisor_override);
}
Tensor avg_pool3d(const Tensor& input, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                  optional<int64_t> divisor_override) {
  if (detail::is_autocast())
    return detail::autocast_call("avg_pool3d", avg_pool3d, input, kernel_size, stride, padding,
                                 ceil_mode, count_include_pad, divisor_override);
  return avg_pool(input, {kernel_size, stride, padding, 1, ceil_mode, 3, "avg_pool3d"},
                  count_include_pad, divisor_override);
}

Tensor adaptive_avg_pool1d(const Tensor& input, IntArrayRef output_size) {
  const profiler::RecordOp recorded("adaptive_avg_pool1d", input);
  return run_mean_pool(input, adaptive_geometry(input, output_size, 1, "adaptive_avg_pool1d"), 1);
}
Tensor adaptive_avg_pool2d(const Tensor& input, IntArrayRef output_size) {
  const profiler::RecordOp recorded("adaptive_avg_pool2d", input);
  return run_mean_pool(input, adaptive_geometry(input, output_size, 2, "adaptive_avg_pool2d"), 2);
}
Tensor adaptive_avg_pool3d(const Tensor& input, IntArrayRef output_size) {
  if (detail::is_autocast())
    return detail::autocast_call("adaptive_avg_pool3d", adaptive_avg_pool3d, input, output_size);
  const profiler::RecordOp recorded("adaptive_avg_pool3d", input);
  return run_mean_pool(input, adaptive_geometry(input, output_size, 3, "adaptive_avg_pool3d"), 3);
}
std::tuple<Tensor, Tensor> adaptive_max_pool1d(const Tensor& input, IntArrayRef output_size) {
  const profiler::RecordOp recorded("adaptive_max_pool1d", input);
  return run_max_pool(input, adaptive_geometry(input, output_size, 1, "adaptive_max_pool1d"), 1);
}
std::tuple<Tensor, Tensor> adaptive_max_pool2d(const Tensor& input, IntArrayRef output_size) {
  const profiler::RecordOp recorded("adaptive_max_pool2d", input);
  return run_max_pool(input, adaptive_geometry(input, output_size, 2, "adaptive_max_pool2d"), 2);
}
std::tuple<Tensor, Tensor> adaptive_max_pool3d(const Tensor& input, IntArrayRef output_size) {
  if (detail::is_autocast())
    return detail::autocast_call("adaptive_max_pool3d", adaptive_max_pool3d, input, output_size);
  const profiler::RecordOp recorded("adaptive_max_pool3d", input);
  return run_max_pool(input, adaptive_geometry(input, output_size, 3, "adaptive_max_pool3d"), 3);
}

Tensor lp_pool1d(const Tensor& input, double norm_type, IntArrayRef kernel_size, IntArrayRef stride,
                 bool ceil_mode) {
  return lp_pool(input, norm_type, {kernel_size, stride, 0, 1, ceil_mode, 1, "lp_pool1d"});
}
Tensor lp_pool2d(const Tensor& input, double norm_type, IntArrayRef kernel_size, IntArrayRef stride,
                 bool ceil_mode) {
  return lp_pool(input, norm_type, {kernel_size, stride, 0, 1, ceil_mode, 2, "lp_pool2d"});
}

Tensor max_unpool1d(const Tensor& input, const Tensor& indices, IntArrayRef kernel_size,
                    IntArrayRef stride, IntArrayRef padding, OptionalIntArrayRef output_size) {
  return max_unpool(input, indices, output_size,
                    {kernel_size, stride, padding, 1, false, 1, "max_unpool1d"});
}
Tensor max_unpool2d(const Tensor& input, const Tensor& indices, IntArrayRef kernel_size,
                    IntArrayRef stride, IntArrayRef padding, OptionalIntArrayRef output_size) {
  if (detail::is_autocast())
    return detail::autocast_call("max_unpool2d", max_unpool2d, input, indices, kernel_size, stride,
                                 padding, output_size);
  return max_unpool(input, indices, output_size,
                    {kernel_size, stride, padding, 1, false, 2, "max_unpool2d"});
}
Tensor max_unpool3d(const Tensor& input, const Tensor& indices, IntArrayRef kernel_size,
                    IntArrayRef stride, IntArrayRef padding, OptionalIntArrayRef output_size) {
  if (detail::is_autocast())
    return detail::autocast_call("max_unpool3d", max_unpool3d, input, indices, kernel_size, stride,
                                 padding, output_size);
  return max_unpool(input, indices, output_size,
                    {kernel_size, stride, padding, 1, false, 3, "max_unpool3d"});
}

}  // namespace fg
