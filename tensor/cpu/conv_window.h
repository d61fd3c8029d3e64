// What a convolution reads for a band of its outputs: with every tap in reach, whether it meets the
// input or padding, so that the loops over taps and positions need no bounds.
#pragma once

#include <algorithm>
#include <vector>

#include "tensor/cpu/patches.h"

namespace fg::cpu {

/// Outputs (depth, height + i, width + j) for i < lines, j < columns: consecutive in memory.
struct Band {
  int64_t depth, height, width, lines, columns;
  int64_t count() const { return lines * columns; }
};

/// The outputs of one image cut into bands: whole lines, or pieces of one line where it is long.
struct Bands {
  Bands(const ConvGeometry& g, int64_t max_outputs)
      : output(g.output),
        columns(std::min(g.output[2], max_outputs)),
        lines(columns < output[2] ? 1 : std::clamp<int64_t>(max_outputs / columns, 1, output[1])),
        across((output[2] + columns - 1) / columns),
        down((output[1] + lines - 1) / lines) {}

  int64_t count() const { return output[0] * down * across; }
  Band at(int64_t i) const {
    const int64_t width = i % across * columns, height = i / across % down * lines;
    return {i / across / down, height, width, std::min(lines, output[1] - height),
            std::min(columns, output[2] - width)};
  }

  Extents output;
  int64_t columns, lines, across, down;
};

/// Where the inputs of a band lie, relative to the tap (0, 0, 0) of its first output: in the input
/// itself without padding, else in a copy with the padding written out.
class ConvWindow {
 public:
  /// For `channels` input channels of up to `images` images; a `flipped` kernel meets the inputs in reverse
  /// order.
  ConvWindow(const ConvGeometry& g, int64_t channels, const Bands& bands, bool flipped,
             int64_t images);

  /// Elements of the copy that load() makes; 0 if it makes none.
  int64_t scratch_size() const { return copied_ ? images_ * image_stride_ : 0; }
  /// The inputs of `band` of `images` images, of which the first one's channels begin at `x`.
  template <class T>
  const T* load(const T* x, const Band& band, int64_t images, T* scratch) const;

  /// Offset of each tap (channel * kernel taps + tap), and of each output of a band, image by image.
  const std::vector<int64_t>& taps() const { return taps_; }
  const std::vector<int64_t>& positions() const { return positions_; }

 private:
  ConvGeometry g_;
  int64_t channels_, images_;
  bool copied_;
  Extents extent_;  // of the copy
  int64_t channel_stride_, image_stride_;
  std::vector<int64_t> taps_, positions_;
};

inline ConvWindow::ConvWindow(const ConvGeometry& g, int64_t channels, const Bands& bands,
                              bool flipped, int64_t images)
    : g_(g),
      channels_(channels),
      images_(images),
      copied_(g.padding != Extents{0, 0, 0}),
      extent_(g.input) {
  if (copied_) {
    const Extents outputs = {1, bands.lines, bands.columns};
    for (size_t d = 0; d < 3; ++d)
      extent_[d] = (outputs[d] - 1) * g.stride[d] + (g.kernel[d] - 1) * g.dilation[d] + 1;
  }
  channel_stride_ = numel_of(extent_);
  image_stride_ = (copied_ ? channels : g.in_channels) * channel_stride_;
  const auto offset = [&](int64_t d, int64_t h, int64_t w) {
    return (d * extent_[1] + h) * extent_[2] + w;
  };
  const int64_t taps = numel_of(g.kernel);
  for (int64_t i = 0; i < channels * taps; ++i) {
    const int64_t tap = flipped ? taps - 1 - i % taps : i % taps;
    const int64_t w = tap % g.kernel[2], h = tap / g.kernel[2] % g.kernel[1];
    const int64_t d = tap / g.kernel[2] / g.kernel[1];
    taps_.push_back(i / taps * channel_stride_ +
                    offset(d * g.dilation[0], h * g.dilation[1], w * g.dilation[2]));
  }
  for (int64_t n = 0; n < images; ++n)
    for (int64_t h = 0; h < bands.lines; ++h)
      for (int64_t w = 0; w < bands.columns; ++w)
        positions_.push_back(n * image_stride_ + offset(0, h * g.stride[1], w * g.stride[2]));
}

template <class T>
const T* ConvWindow::load(const T* x, const Band& band, int64_t images, T* scratch) const {
  const auto& [depth, height, width] = g_.input;
  const int64_t top_d = band.depth * g_.stride[0] - g_.padding[0];
  const int64_t top_h = band.height * g_.stride[1] - g_.padding[1];
  const int64_t left = band.width * g_.stride[2] - g_.padding[2];
  if (!copied_) return x + (top_d * height + top_h) * width + left;
  const int64_t from = std::clamp<int64_t>(-left, 0, extent_[2]);
  const int64_t to = std::clamp<int64_t>(width - left, from, extent_[2]);
  T* out = scratch;
  for (int64_t i = 0; i < images * channels_; ++i) {
    const int64_t c = i / channels_ * g_.in_channels + i % channels_;
    for (int64_t d = top_d; d < top_d + extent_[0]; ++d) {
      for (int64_t h = top_h; h < top_h + extent_[1]; ++h, out += extent_[2]) {
        const bool inside = d >= 0 && d < depth && h >= 0 && h < height;
        const int64_t begin = inside ? from : 0, end = inside ? to : 0;
        std::fill_n(out, begin, T(0));
        if (end > begin)
          copy_run(x + ((c * depth + d) * height + h) * width + left + begin, end - begin,
                   out + begin);
        std::fill_n(out + end, extent_[2] - end, T(0));
      }
    }
  }
  return scratch;
}

}  // namespace fg::cpu
