#include "autograd/ops/grid_sample.h"

#include "autograd/autocast_call.h"
#include "autograd/composed.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/spatial.h"
#include "tensor/factories.h"
#include "tensor/kernels/grid_sample.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

using detail::dense;

// The composed form: grid_taps in plain ops, for all points at once. Positions are [batch, points].

Tensor padded(const GridGeometry& g, size_t dim, const Tensor& position) {
  if (g.padding == GridPadding::zeros) return position;
  const double last = double(g.input[dim] - 1);
  Tensor at = position;
  if (g.padding == GridPadding::reflection) {
    const double low = g.align_corners ? 0 : -0.5, span = last - 2 * low;
    if (span == 0) return at * 0;
    const Tensor phase = fmod((at - low).abs(), 2 * span);
    at = where(phase >= span, 2 * span - phase, phase) + low;
  }
  return at.clamp(0, last);
}

struct TensorTaps {
  std::vector<Tensor> index, inside, weight;

  void add(const GridGeometry& g, size_t dim, const Tensor& at, const Tensor& w) {
    inside.push_back(at.ge(0).logical_and(at.lt(g.input[dim])));
    index.push_back(at.detach().masked_fill(inside.back().logical_not(), 0).to(kLong));
    weight.push_back(w);
  }
};

TensorTaps taps_of(const GridGeometry& g, size_t dim, const Tensor& coordinate) {
  TensorTaps taps;
  const Tensor position =
      grid_position<double>(g, dim, 0).at + grid_position<double>(g, dim, 0).slope * coordinate;
  if (g.mode == GridMode::nearest) {
    const Tensor at = padded(g, dim, position).round();
    taps.add(g, dim, at, ones_like(at));
  } else if (g.mode == GridMode::bilinear) {
    const Tensor at = padded(g, dim, position), below = at.detach().floor(), t = at - below;
    taps.add(g, dim, below, 1 - t);
    taps.add(g, dim, below + 1, t);
  } else {
    const Tensor below = position.detach().floor();
    Tensor weight[4];
    cubic_weights<Tensor>(position - below, weight);
    for (int k = 0; k < 4; ++k) taps.add(g, dim, padded(g, dim, below + (k - 1)), weight[k]);
  }
  return taps;
}

Tensor composed_grid_sample(const GridGeometry& g, const Tensor& input, const Tensor& grid) {
  const int64_t points = numel_of(g.output);
  const Tensor planes = input.reshape({g.batch, g.channels, numel_of(g.input)});
  const Tensor coordinates = grid.reshape({g.batch, points, g.rank});
  TensorTaps dims[3];
  for (int64_t dim = 0; dim < 3; ++dim) {
    const Tensor coordinate = dim < 3 - g.rank ? zeros({g.batch, points}, grid.options())
                                               : coordinates.select(2, 2 - dim);
    if (dim < 3 - g.rank)
      dims[dim].add(g, size_t(dim), coordinate, ones_like(coordinate));
    else
      dims[dim] = taps_of(g, size_t(dim), coordinate);
  }
  const auto& [d, h, w] = dims;
  Tensor sum = zeros({g.batch, g.channels, points}, input.options());
  for (size_t i = 0; i < d.index.size(); ++i) {
    for (size_t j = 0; j < h.index.size(); ++j) {
      for (size_t k = 0; k < w.index.size(); ++k) {
        const Tensor offset = (d.index[i] * g.input[1] + h.index[j]) * g.input[2] + w.index[k];
        const Tensor inside = d.inside[i].logical_and(h.inside[j]).logical_and(w.inside[k]);
        const Tensor weight = (d.weight[i] * h.weight[j] * w.weight[k]).unsqueeze(1);
        const Tensor read = planes.gather(2, offset.unsqueeze(1).expand(sum.sizes()));
        sum = sum + weight * read.masked_fill(inside.logical_not().unsqueeze(1), 0);
      }
    }
  }
  return sum;
}

struct GridSamplerBackward : Node {
  Saved input{this}, grid{this};
  GridGeometry geometry;

  std::string name() const override { return "GridSamplerBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    if (!grads[0].defined()) return {Tensor(), Tensor()};
    const Tensor x = input.unpack(), points = grid.unpack();
    if (GradMode::is_enabled()) {
      const auto forward = [&](const std::vector<Tensor>& inputs) {
        return composed_grid_sample(geometry, inputs[0], inputs[1]).reshape(grads[0].sizes());
      };
      auto result = differentiate(*this, forward, {x, points}, grads[0]);
      // Nearest neighbours do not move with the grid.
      if (needs(1) && !result[1].defined()) result[1] = zeros_like(points);
      return result;
    }
    const Tensor grad_x = needs(0) ? empty(x.sizes(), x.options()) : Tensor();
    const Tensor grad_points = needs(1) ? empty(points.sizes(), points.options()) : Tensor();
    ON_DEVICE(x, grid_sample_grad, grad_x, grad_points, dense(grads[0]), dense(x), dense(points),
              geometry);
    return {grad_x, grad_points};
  }
};

GridGeometry grid_geometry(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                           int64_t padding_mode, bool align_corners) {
  const int64_t rank = input.dim() - 2;
  ENSURE(rank == 2 || rank == 3, "grid_sampler: input must have 4 or 5 dims, got shape ",
         input.sizes());
  detail::check_spatial_input(input, rank, "grid_sampler");
  detail::check_floating(input, "grid_sampler");
  ENSURE(grid.dtype() == input.dtype(), "grid_sampler: grid must have input's dtype ",
         input.dtype(), ", got ", grid.dtype());
  ENSURE(grid.device() == input.device(), "grid_sampler: grid must be on input's device ",
         input.device(), ", got ", grid.device());
  ENSURE(grid.dim() == rank + 2 && grid.size(0) == input.size(0) && grid.size(-1) == rank,
         "grid_sampler: grid must have ", rank + 2, " dims, the first of extent ", input.size(0),
         " (input's batch) and the last of extent ", rank, ", got shape ", grid.sizes());
  ENSURE(interpolation_mode >= 0 && interpolation_mode <= 2,
         "grid_sampler: interpolation_mode must be 0 (bilinear), 1 (nearest) or 2 (bicubic), got ",
         interpolation_mode);
  ENSURE(padding_mode >= 0 && padding_mode <= 2,
         "grid_sampler: padding_mode must be 0 (zeros), 1 (border) or 2 (reflection), got ",
         padding_mode);
  ENSURE(interpolation_mode != 2 || rank == 2,
         "grid_sampler: bicubic interpolation only supports 4D input, got shape ", input.sizes());
  GridGeometry g;
  g.batch = input.size(0);
  g.channels = input.size(1);
  g.rank = rank;
  g.input = detail::spatial_extents(input.sizes(), rank);
  g.output = detail::spatial_extents(grid.sizes().slice(1, size_t(rank)), rank);
  g.mode = GridMode(interpolation_mode);
  g.padding = GridPadding(padding_mode);
  g.align_corners = align_corners;
  return g;
}

}  // namespace

Tensor grid_sampler(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                    int64_t padding_mode, bool align_corners) {
  if (detail::is_autocast())
    return detail::autocast_call("grid_sample", grid_sampler, input, grid, interpolation_mode,
                                 padding_mode, align_corners);
  const profiler::RecordOp recorded("grid_sampler", input, grid);
  const GridGeometry g =
      grid_geometry(input, grid, interpolation_mode, padding_mode, align_corners);
  if (is_reduced_floating(input.dtype()))
    return grid_sampler(input.to(kFloat), grid.to(kFloat), interpolation_mode, padding_mode,
                        align_corners)
        .to(input.dtype());
  auto node = make_node<GridSamplerBackward>(input, grid);
  const DimVector sizes = detail::spatial_sizes({g.batch, g.channels}, g.output, g.rank);
  const Tensor output = empty(sizes, input.options());
  ON_DEVICE(input, grid_sample, output, dense(input), dense(grid), g);
  if (node) {
    node->input.save(input);
    node->grid.save(grid);
    node->geometry = g;
    node->attach(output);
  }
  return output;
}

Tensor affine_grid_generator(const Tensor& theta, IntArrayRef size, bool align_corners) {
  const profiler::RecordOp recorded("affine_grid_generator", theta);
  const int64_t rank = int64_t(size.size()) - 2;
  ENSURE(rank == 2 || rank == 3, "affine_grid_generator: size must have 4 or 5 values, got ", size);
  detail::check_floating(theta, "affine_grid_generator");
  const DimVector expected{size[0], rank, rank + 1};
  ENSURE(theta.sizes() == IntArrayRef(expected), "affine_grid_generator: theta must have shape ",
         expected, " for size ", size, ", got ", theta.sizes());
  const DimVector extents(size.begin() + 2, size.end());
  std::vector<Tensor> coordinates;  // x, y(, z), 1: each over all points
  for (int64_t d = rank - 1; d >= 0; --d) {
    const int64_t extent = extents[size_t(d)];
    ENSURE(extent > 0, "affine_grid_generator: size must be positive, got ", size);
    const double end = align_corners ? 1 : double(extent - 1) / double(extent);
    const Tensor line =
        extent > 1 ? linspace(-1, 1, extent, theta.options()) * end : zeros({1}, theta.options());
    DimVector shape(size_t(rank), 1);
    shape[size_t(d)] = extent;
    coordinates.push_back(line.reshape(shape).expand(extents));
  }
  coordinates.push_back(ones(extents, theta.options()));
  const Tensor points = stack(coordinates, -1).reshape({1, -1, rank + 1});
  DimVector sizes{size[0]};
  for (const int64_t extent : extents) sizes.push_back(extent);
  sizes.push_back(rank);
  return points.expand({size[0], points.size(1), rank + 1}).bmm(theta.transpose(1, 2)).view(sizes);
}

}  // namespace fg
