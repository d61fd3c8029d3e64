// Reading planes at the points of a grid: which inputs a point mixes, and the kernels.
#pragma once

#include "tensor/kernels/cubic.h"
#include "tensor/kernels/spatial.h"
#include "tensor/tensor.h"

namespace fg {

enum class GridMode { bilinear, nearest, bicubic };
enum class GridPadding { zeros, border, reflection };

/// Planes [batch, channels] of extents `input`, read at numel_of(output) points for each of the batch.
/// A grid of `rank` 2 or 3 lists a point's coordinates last dim first: width, height, depth.
struct GridGeometry {
  int64_t batch = 0, channels = 0, rank = 2;
  Extents input{}, output{};
  GridMode mode = GridMode::bilinear;
  GridPadding padding = GridPadding::zeros;
  bool align_corners = false;
};

/// A position along one dim, and its derivative in the coordinate that it came from.
template <class T>
struct GridPosition {
  T at, slope;
};

/// From [-1, 1] to inputs: between the centers of the corners, or between their outer edges.
template <class T>
constexpr GridPosition<T> grid_position(const GridGeometry& g, size_t dim, T coordinate) {
  const T extent = T(g.input[dim]);
  if (g.align_corners) return {(coordinate + 1) / 2 * (extent - 1), (extent - 1) / 2};
  return {((coordinate + 1) * extent - 1) / 2, extent / 2};
}

/// Brings a position inside, for paddings other than zeros. On and beyond the border the slope is 0.
template <class T>
constexpr GridPosition<T> grid_padded(const GridGeometry& g, size_t dim, GridPosition<T> p) {
  if (g.padding == GridPadding::zeros) return p;
  const T last = T(g.input[dim] - 1);
  if (g.padding == GridPadding::reflection) {
    const T low = g.align_corners ? T(0) : T(-0.5);
    const T span = last - 2 * low;
    if (span == 0) return {0, 0};
    // A triangle wave of period 2 * span.
    const bool mirrored = p.at < low;
    const T phase = functors::fmod(functors::abs(p.at - low), 2 * span);
    const bool falling = phase >= span;
    p.at = (falling ? 2 * span - phase : phase) + low;
    p.slope = mirrored == falling ? p.slope : -p.slope;
  }
  // Written such that NaN goes to 0, as in PyTorch.
  if (!(p.at > 0)) return {0, 0};
  if (p.at >= last) return {last, 0};
  return p;
}

/// The inputs that a point mixes along one dim; index -1 means a zero outside. `slope` is the weight's
/// derivative in the coordinate.
template <class T>
struct GridTaps {
  int64_t count = 1;
  int64_t index[4] = {0, -1, -1, -1};
  T weight[4] = {1, 0, 0, 0};
  T slope[4] = {0, 0, 0, 0};
};

template <class T>
constexpr int64_t grid_index(const GridGeometry& g, size_t dim, T at) {
  // The bounds also keep NaN and what no integer can hold from being converted.
  return at >= 0 && at < T(g.input[dim]) ? int64_t(at) : -1;
}

template <class T>
constexpr GridTaps<T> grid_taps(const GridGeometry& g, size_t dim, T coordinate) {
  GridTaps<T> taps;
  GridPosition<T> p = grid_position(g, dim, coordinate);
  if (g.mode == GridMode::bicubic) {
    const T below = functors::floor(p.at);
    taps.count = 4;
    cubic_weights(p.at - below, taps.weight);
    cubic_slopes(p.at - below, taps.slope);
    for (int64_t k = 0; k < 4; ++k) {
      taps.index[k] = grid_index(g, dim, grid_padded<T>(g, dim, {below + T(k - 1), 0}).at);
      taps.slope[k] *= p.slope;
    }
    return taps;
  }
  p = grid_padded(g, dim, p);
  if (g.mode == GridMode::nearest) {
    taps.index[0] = grid_index(g, dim, functors::round(p.at));
    return taps;
  }
  const T below = functors::floor(p.at);
  taps.count = 2;
  taps.index[0] = grid_index(g, dim, below);
  taps.index[1] = grid_index(g, dim, below + 1);
  taps.weight[1] = p.at - below;
  taps.weight[0] = 1 - taps.weight[1];
  taps.slope[0] = -p.slope;
  taps.slope[1] = p.slope;
  return taps;
}

/// The tap numbers of the three dims as one number and back: their product, the last dim fastest.
template <class T>
struct GridPointTaps {
  GridTaps<T> dims[3];

  /// The taps of the point whose coordinates are `point`, of a grid of g.rank.
  constexpr GridPointTaps(const GridGeometry& g, const T* point) {
    for (int64_t dim = 3 - g.rank; dim < 3; ++dim)
      dims[dim] = grid_taps(g, size_t(dim), point[2 - dim]);
  }
  constexpr int64_t count() const { return dims[0].count * dims[1].count * dims[2].count; }
  /// The input's offset within its plane, or -1: a zero outside.
  constexpr int64_t offset(const GridGeometry& g, int64_t tap) const {
    int64_t index[3];
    split(tap, index);
    int64_t offset = 0;
    for (int d = 0; d < 3; ++d) {
      const int64_t at = dims[d].index[index[d]];
      if (at < 0) return -1;
      offset = offset * g.input[size_t(d)] + at;
    }
    return offset;
  }
  constexpr T weight(int64_t tap) const { return product(tap, 3); }
  /// The weight's derivative in the coordinate of `dim`.
  constexpr T slope(int64_t tap, int dim) const { return product(tap, dim); }

 private:
  constexpr void split(int64_t tap, int64_t (&index)[3]) const {
    index[2] = tap % dims[2].count;
    index[1] = tap / dims[2].count % dims[1].count;
    index[0] = tap / dims[2].count / dims[1].count;
  }
  constexpr T product(int64_t tap, int sloped) const {
    int64_t index[3];
    split(tap, index);
    T result = 1;
    for (int d = 0; d < 3; ++d)
      result *= d == sloped ? dims[d].slope[index[d]] : dims[d].weight[index[d]];
    return result;
  }
};

/// output [batch, channels, output...] = input [batch, channels, input...] at grid [batch, output...,
/// rank]. Contiguous tensors of one dtype, Float or Double.
using GridSample = void(const Tensor& output, const Tensor& input, const Tensor& grid,
                        const GridGeometry& geometry);
/// The gradients of both; one that is undefined is not computed.
using GridSampleGrad = void(const Tensor& grad_input, const Tensor& grad_grid,
                            const Tensor& grad_output, const Tensor& input, const Tensor& grid,
                            const GridGeometry& geometry);

namespace cpu {
GridSample grid_sample;
GridSampleGrad grid_sample_grad;
}  // namespace cpu
namespace cuda {
GridSample grid_sample;
GridSampleGrad grid_sample_grad;
}  // namespace cuda

}  // namespace fg
