// Walking the patches of a convolution: which input elements each kernel tap meets.
#pragma once

#include <algorithm>

#include "tensor/kernels/conv.h"

namespace fg::cpu {

/// A run of output positions of one output line that meet one tap. The first `before` and the last
/// `after` of them read padding; the rest read `count` inputs from offset `input`, stride[2] apart.
struct TapRun {
  int64_t tap;     // channel * kernel taps + tap within the kernel
  int64_t column;  // of the first position, counted from the start of the block
  int64_t before, count, after;
  int64_t input;
};

/// Visits, for `channels` planes starting at offset 0, every tap and every output position of
/// [begin, end), tap by tap and line by line.
template <class Body>
void for_each_tap_run(const ConvGeometry& g, int64_t channels, int64_t begin, int64_t end,
                      const Body& body) {
  const auto& [depth, height, width] = g.input;
  const int64_t out_width = g.output[2];
  const int64_t first_line = begin / out_width, first_w = begin % out_width;
  const int64_t first_h = first_line % g.output[1], first_d = first_line / g.output[1];
  TapRun run;
  run.tap = 0;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t kd = 0; kd < g.kernel[0]; ++kd) {
      for (int64_t kh = 0; kh < g.kernel[1]; ++kh) {
        for (int64_t kw = 0; kw < g.kernel[2]; ++kw, ++run.tap) {
          // Output positions w with 0 <= w * stride + shift < width.
          const int64_t shift = kw * g.dilation[2] - g.padding[2], stride = g.stride[2];
          const int64_t low = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
          const int64_t high = width > shift ? (width - shift + stride - 1) / stride : 0;
          int64_t w = first_w, h = first_h, d = first_d;
          for (int64_t at = begin; at < end;) {
            const int64_t length = std::min(out_width - w, end - at);
            const int64_t in_d = d * g.stride[0] - g.padding[0] + kd * g.dilation[0];
            const int64_t in_h = h * g.stride[1] - g.padding[1] + kh * g.dilation[1];
            const bool inside = in_d >= 0 && in_d < depth && in_h >= 0 && in_h < height;
            const int64_t from = inside ? std::clamp(low, w, w + length) : w;
            const int64_t to = inside ? std::clamp(high, from, w + length) : w;
            run.column = at - begin;
            run.before = from - w;
            run.count = to - from;
            run.after = w + length - to;
            run.input = ((c * depth + in_d) * height + in_h) * width + from * stride + shift;
            if (run.count == 0) run.input = 0;
            body(run);
            at += length;
            w = 0;
            if (++h == g.output[1]) h = 0, ++d;
          }
        }
      }
    }
  }
}

/// columns[tap][position - begin], row-major, from `channels` planes.
template <class T>
void gather_patches(const T* input, int64_t channels, const ConvGeometry& g, int64_t begin,
                    int64_t end, T* columns) {
  const int64_t stride = g.stride[2];
  for_each_tap_run(g, channels, begin, end, [=](const TapRun& run) {
    T* out = std::fill_n(columns + run.tap * (end - begin) + run.column, run.before, T(0));
    const T* in = input + run.input;
    if (stride == 1) {
      std::copy_n(in, run.count, out);
    } else {
      for (int64_t i = 0; i < run.count; ++i) out[i] = in[i * stride];
    }
    std::fill_n(out + run.count, run.after, T(0));
  });
}

/// The adjoint of gather_patches: adds the columns to the planes.
template <class T>
void scatter_patches(const T* columns, int64_t channels, const ConvGeometry& g, int64_t begin,
                     int64_t end, T* input) {
  const int64_t stride = g.stride[2];
  for_each_tap_run(g, channels, begin, end, [=](const TapRun& run) {
    const T* from = columns + run.tap * (end - begin) + run.column + run.before;
    T* to = input + run.input;
    if (stride == 1) {
      for (int64_t i = 0; i < run.count; ++i) to[i] += from[i];
    } else {
      for (int64_t i = 0; i < run.count; ++i) to[i * stride] += from[i];
    }
  });
}

}  // namespace fg::cpu
