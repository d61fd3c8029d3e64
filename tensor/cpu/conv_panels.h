// How the CPU's convolutions are cut: bands of outputs, several images at once where these are small, and
// panels of channels.
#pragma once

#include "tensor/cpu/conv_window.h"
#include "tensor/cpu/gemm_kernel.h"
#include "tensor/cpu/parallel.h"

namespace fg::cpu {

inline constexpr int64_t kMinTasks = 8;  // enough to share among threads evenly
inline constexpr int64_t kWindow =
    64 * 1024;  // elements of a window's copy: leaves L2 room for the rest
inline constexpr int64_t kMaxOutputs = 1024;  // of a band

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
template <class T>
int64_t whole_vectors(int64_t count) {
  return ceil_div(count, kLanes<T>) * kLanes<T>;
}

/// Tasks that are worth a thread's waking up, if all of them together take this many products.
inline int64_t grain(const ConvGeometry& g, int64_t tasks) {
  constexpr int64_t kMinProducts = 256 * 1024;
  const int64_t products =
      g.batch * numel_of(g.output) * g.out_channels * g.group_in() * numel_of(g.kernel);
  return 1 + kMinProducts * tasks / std::max<int64_t>(products, 1);
}

/// One-channel groups do not fill a vector with channels.
inline bool is_depthwise(const ConvGeometry& g) { return g.group_in() == 1 && g.group_out() == 1; }

/// As many outputs per band as let the inputs of `channels` channels stay in the cache.
inline Bands bands_for(const ConvGeometry& g, int64_t channels) {
  const int64_t inputs = channels * g.kernel[0] * g.stride[1] * g.stride[2];
  return Bands(g, std::clamp<int64_t>(kWindow / inputs, 8, kMaxOutputs));
}

/// Images whose small planes are done together, so that a panel of weights that was fetched serves them all: at
/// most `limit`. It shows in no result.
inline int64_t images_at_once(const ConvGeometry& g, int64_t channels, const Bands& bands,
                              int64_t limit) {
  if (bands.count() > 1 || is_depthwise(g)) return 1;
  int64_t inputs = channels;
  for (size_t d = 0; d < 3; ++d) inputs *= g.input[d] + 2 * g.padding[d];
  const int64_t outputs = std::max<int64_t>(numel_of(g.output), 1);
  return std::clamp<int64_t>(std::min(2 * kWindow / inputs, kMaxOutputs / outputs), 1,
                             std::max<int64_t>(limit, 1));
}

/// Columns [0, width) in pieces that a kernel takes, as even as they can be.
template <class T, class Body>
void for_each_panel(int64_t width, const Body& body) {
  const int64_t vectors = width / kLanes<T>, panels = ceil_div(vectors, kPanelVectors);
  for (int64_t i = 0; i < panels; ++i) {
    const int64_t begin = vectors * i / panels, end = vectors * (i + 1) / panels;
    body(begin * kLanes<T>, (end - begin) * kLanes<T>);
  }
}

/// y[channel][i] = tile[i][channel] for `count` outputs and `channels` channels.
template <class T>
void store_tile(const T* tile, int64_t width, int64_t count, int64_t channels, T* y,
                int64_t y_stride) {
  for (int64_t c = 0; c < channels; c += kTile) {
    if (count == kTile && channels - c >= kTile) {
      transpose_tile(tile + c, width, count, y + c * y_stride, y_stride);
    } else {
      for (int64_t j = c; j < std::min<int64_t>(c + kTile, channels); ++j)
        for (int64_t i = 0; i < count; ++i) y[j * y_stride + i] = tile[i * width + j];
    }
  }
}

}  // namespace fg::cpu
