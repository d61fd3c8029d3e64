// Walking the patches of a convolution: which input elements each kernel tap meets.
#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

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
          // Output positions w with 0 <= w * stride + shift < width, of a whole line.
          const int64_t shift = kw * g.dilation[2] - g.padding[2], stride = g.stride[2];
          const int64_t low = shift >= 0 ? 0 : std::min((-shift + stride - 1) / stride, out_width);
          const int64_t high =
              width > shift ? std::clamp((width - shift + stride - 1) / stride, low, out_width)
                            : low;
          int64_t w = first_w, h = first_h, d = first_d;
          for (int64_t at = begin; at < end;) {
            const int64_t length = std::min(out_width - w, end - at);
            const int64_t in_d = d * g.stride[0] - g.padding[0] + kd * g.dilation[0];
            const int64_t in_h = h * g.stride[1] - g.padding[1] + kh * g.dilation[1];
            const bool inside =
                uint64_t(in_d) < uint64_t(depth) && uint64_t(in_h) < uint64_t(height);
            const int64_t from = std::clamp(inside ? low : w, w, w + length);
            const int64_t to = std::clamp(inside ? high : w, from, w + length);
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

/// Runs are short and of a few lengths only: fixed-size copies, the last one overlapping, beat a call.
template <class T>
inline void copy_run(const T* from, int64_t count, T* to) {
  const auto copy = [=]<int n>(std::integral_constant<int, n>) {
    int64_t i = 0;
    for (; i + n <= count; i += n) std::memcpy(to + i, from + i, n * sizeof(T));
    if (i < count) std::memcpy(to + count - n, from + count - n, n * sizeof(T));
  };
  if (count >= 16) return copy(std::integral_constant<int, 16>());
  if (count >= 4) return copy(std::integral_constant<int, 4>());
  for (int64_t i = 0; i < count; ++i) to[i] = from[i];
}

/// columns[tap][position - begin], its rows `row_stride` apart, from `channels` planes.
template <class T>
void gather_patches(const T* input, int64_t channels, const ConvGeometry& g, int64_t begin,
                    int64_t end, T* columns, int64_t row_stride) {
  const int64_t stride = g.stride[2];
  for_each_tap_run(g, channels, begin, end, [=](const TapRun& run) {
    T* out = columns + run.tap * row_stride + run.column;
    for (int64_t i = 0; i < run.before; ++i) *out++ = T(0);
    const T* in = input + run.input;
    if (stride == 1) {
      copy_run(in, run.count, out);
    } else {
      for (int64_t i = 0; i < run.count; ++i) out[i] = in[i * stride];
    }
    out += run.count;
    for (int64_t i = 0; i < run.after; ++i) *out++ = T(0);
  });
}

/// The adjoint of gather_patches: adds the columns to the planes.
template <class T>
void scatter_patches(const T* columns, int64_t row_stride, int64_t channels, const ConvGeometry& g,
                     int64_t begin, int64_t end, T* input) {
  const int64_t stride = g.stride[2];
  for_each_tap_run(g, channels, begin, end, [=](const TapRun& run) {
    const T* from = columns + run.tap * row_stride + run.column + run.before;
    T* to = input + run.input;
    if (stride == 1) {
      for (int64_t i = 0; i < run.count; ++i) to[i] += from[i];
    } else {
      for (int64_t i = 0; i < run.count; ++i) to[i * stride] += from[i];
    }
  });
}

/// conv_input_grad for any stride: a matrix product gives patches, which are added up.
template <class T>
void input_grad_by_patches(T* grad_input, const T* grad_output, const T* weight, const T* bias,
                           const ConvGeometry& g);

}  // namespace fg::cpu
