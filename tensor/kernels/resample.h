// Resizing planes by interpolation: which inputs an output mixes, and the kernels.
#pragma once

#include "tensor/kernels/cubic.h"
#include "tensor/kernels/spatial.h"
#include "tensor/tensor.h"

namespace fg {

enum class ResampleMode { nearest, nearest_exact, linear, cubic };

/// `planes` independent planes of extents `input`, each resized to `output`. `scale` is the distance in
/// inputs between two neighbouring outputs.
struct ResampleGeometry {
  int64_t planes = 0;
  Extents input{}, output{};
  std::array<double, 3> scale{};
  ResampleMode mode = ResampleMode::nearest;
  bool align_corners = false;
};

/// The inputs first, ..., first + count - 1 of one output along one dim; those outside stand for the
/// nearest one inside.
template <class T>
struct ResampleTaps {
  int64_t first = 0;
  int64_t count = 1;
  T weight[4] = {1, 0, 0, 0};
};

/// What output `at` mixes along `dim`. Positions are computed in T, as in PyTorch, whose nearest
/// neighbours depend on it.
template <class T>
constexpr ResampleTaps<T> resample_taps(const ResampleGeometry& g, size_t dim, int64_t at) {
  const int64_t extent = g.input[dim];
  const T scale = T(g.scale[dim]);
  const bool is_nearest = g.mode == ResampleMode::nearest;
  const bool is_cubic = g.mode == ResampleMode::cubic;
  ResampleTaps<T> taps;
  // PyTorch, too, looks at the extents before the scale here: a scale may give them by rounding only.
  const bool keeps = extent == g.output[dim] && (is_nearest || g.mode == ResampleMode::linear);
  if (keeps || (extent == 1 && g.output[dim] == 1)) {
    taps.first = at;
    return taps;
  }
  if (is_nearest && g.output[dim] == 2 * extent) {
    taps.first = at / 2;
    return taps;
  }
  const auto clamped = [](int64_t index, int64_t high) { return index < high ? index : high; };
  if (is_nearest || g.mode == ResampleMode::nearest_exact) {
    const T shift = is_nearest ? T(0) : T(0.5);
    taps.first = clamped(int64_t(functors::floor((T(at) + shift) * scale)), extent - 1);
    return taps;
  }
  T position = g.align_corners ? scale * T(at) : scale * (T(at) + T(0.5)) - T(0.5);
  if (!is_cubic && position < 0) position = 0;
  const int64_t below = clamped(int64_t(functors::floor(position)), extent - 1);
  T t = position - T(below);
  if (t > 1) t = 1;
  if (is_cubic) {
    taps.first = below - 1;
    taps.count = 4;
    cubic_weights(t, taps.weight);
  } else {
    taps.first = below;
    taps.count = 2;
    taps.weight[0] = 1 - t;
    taps.weight[1] = t;
  }
  return taps;
}

/// The input that tap `k` reads.
template <class T>
constexpr int64_t resample_source(const ResampleTaps<T>& taps, int64_t k, int64_t extent) {
  const int64_t at = taps.first + k;
  return at < 0 ? 0 : at < extent ? at : extent - 1;
}

/// How much of input `at` output `o` holds, along `dim`.
template <class T>
constexpr T resample_weight(const ResampleGeometry& g, size_t dim, int64_t o, int64_t at) {
  const auto taps = resample_taps<T>(g, dim, o);
  T total = 0;
  for (int64_t k = 0; k < taps.count; ++k)
    if (resample_source(taps, k, g.input[dim]) == at) total += taps.weight[k];
  return total;
}

/// The outputs [begin, end) outside of which none reads input `at` along `dim`: with it, the adjoint
/// can be gathered.
struct ResampleReaders {
  int64_t begin, end;
};
template <class T>
constexpr ResampleReaders resample_readers(const ResampleGeometry& g, size_t dim, int64_t at) {
  // Taps move on with the output, so that both ends can be bisected.
  const auto first_output = [&](const auto& is_past) {
    int64_t low = 0, high = g.output[dim];
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (is_past(resample_taps<T>(g, dim, middle)))
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  };
  return {at == 0 ? 0 : first_output([at](const auto& t) { return t.first + t.count > at; }),
          at == g.input[dim] - 1 ? g.output[dim]
                                 : first_output([at](const auto& t) { return t.first > at; })};
}

/// output = input resized. Contiguous tensors, Float or Double; on CUDA also 16-bit types.
using Resample = void(const Tensor& output, const Tensor& input, const ResampleGeometry& geometry);
/// The adjoint: grad_input[i] = the sum over outputs o of weight(o, i) * grad_output[o].
using ResampleGrad = void(const Tensor& grad_input, const Tensor& grad_output,
                          const ResampleGeometry& geometry);

namespace cpu {
Resample resample;
ResampleGrad resample_grad;
}  // namespace cpu
namespace cuda {
Resample resample;
ResampleGrad resample_grad;
}  // namespace cuda

}  // namespace fg
