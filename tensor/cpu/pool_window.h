// Walking the windows of a pool.
#pragma once

#include <limits>
#include <type_traits>

#include "tensor/cpu/gemm_kernel.h"
#include "tensor/cpu/parallel.h"
#include "tensor/kernels/pool.h"

namespace fg::cpu {

/// Calls body(output offset, windows along depth, height and width) for each output of a plane.
template <class Body>
void for_each_window(const PoolGeometry& g, const Body& body) {
  int64_t at = 0;
  for (int64_t d = 0; d < g.output[0]; ++d) {
    const PoolWindow depth = pool_window(g, 0, d);
    for (int64_t h = 0; h < g.output[1]; ++h) {
      const PoolWindow height = pool_window(g, 1, h);
      for (int64_t w = 0; w < g.output[2]; ++w) body(at++, depth, height, pool_window(g, 2, w));
    }
  }
}

/// Calls body(offset within the plane) for each input of a window, in scan order.
template <class Body>
void for_each_input(const PoolGeometry& g, const PoolWindow& depth, const PoolWindow& height,
                    const PoolWindow& width, const Body& body) {
  for (int64_t d = depth.begin; d < depth.end; d += depth.step) {
    for (int64_t h = height.begin; h < height.end; h += height.step) {
      const int64_t line = (d * g.input[1] + h) * g.input[2];
      for (int64_t w = width.begin; w < width.end; w += width.step) body(line + w);
    }
  }
}

/// The largest input of a window, the first of equals or the last NaN. Returns its offset in the plane.
template <class T>
int64_t largest_of_window(const T* in, const PoolGeometry& g, const PoolWindow& depth,
                          const PoolWindow& height, const PoolWindow& width, T& best) {
  best = -std::numeric_limits<T>::infinity();
  int64_t best_at = (depth.begin * g.input[1] + height.begin) * g.input[2] + width.begin;
  for_each_input(g, depth, height, width, [&](int64_t i) {
    const T value = in[i];
    if (takes_maximum(value, best)) best = value, best_at = i;
  });
  return best_at;
}

/// Outputs that are done at once. Beyond the last one of a line that goes into space that is there for it, so that
/// short lines, too, are vectors.
inline constexpr int kPoolLanes = 8;

/// Whole vectors of windows, `stride` (1 or 2) apart from x on: the next input in scan order of each takes the
/// place of largest[i] by takes_maximum's rules, and its offset that of at[i].
template <int stride, class T, class Offset>
void take_largest_vectors(const T* x, int64_t vectors, Offset offset, T* largest, Offset* at) {
  using Values = Unaligned<T, kPoolLanes* int(sizeof(T))>;
  using Offsets = Unaligned<Offset, kPoolLanes* int(sizeof(T))>;
  typename Offsets::Vector from;
  for (int i = 0; i < kPoolLanes; ++i) from[i] = offset + Offset(i * stride);
  for (int64_t i = 0; i < vectors * kPoolLanes; i += kPoolLanes) {
    typename Values::Vector value =
        *reinterpret_cast<const typename Values::Memory*>(x + i * stride);
    if constexpr (stride == 2) {
      const typename Values::Vector next =
          *reinterpret_cast<const typename Values::Memory*>(x + i * stride + kPoolLanes);
      value = __builtin_shufflevector(value, next, 0, 2, 4, 6, 8, 10, 12, 14);
    }
    auto& best = *reinterpret_cast<typename Values::Memory*>(largest + i);
    auto& where = *reinterpret_cast<typename Offsets::Memory*>(at + i);
    const auto takes = (value > best) | (value != value);  // takes_maximum
    best = takes ? value : best;
    where = takes ? from + Offset(i * stride) : where;
  }
}

/// The same for `count` windows of any stride. `readable` elements may be read from x on, and what follows the last
/// window in largest and at may be overwritten up to a whole vector if `beyond`.
template <class T, class Offset>
void take_largest(const T* x, int64_t stride, int64_t count, int64_t readable, bool beyond,
                  Offset offset, T* largest, Offset* at) {
  int64_t vectors = 0;
  if (stride == 1 || stride == 2) {
    vectors = std::min((beyond ? count + kPoolLanes - 1 : count) / kPoolLanes,
                       readable / (stride * kPoolLanes));
    auto* const run =
        stride == 1 ? &take_largest_vectors<1, T, Offset> : &take_largest_vectors<2, T, Offset>;
    run(x, vectors, offset, largest, at);
  }
  for (int64_t i = vectors * kPoolLanes; i < count; ++i)
    if (takes_maximum(x[i * stride], largest[i]))
      largest[i] = x[i * stride], at[i] = offset + Offset(i * stride);
}

/// What largest_of_window gives for the outputs [first, first + count) of a line, all at once; not for
/// adaptive pools. Offset holds every offset of a plane. `readable` elements from `in` on are somebody's;
/// largest and at have space for kPoolLanes more.
template <class T, class Offset>
void largest_of_line(const T* in, const PoolGeometry& g, const PoolWindow& depth,
                     const PoolWindow& height, int64_t readable, int64_t first, int64_t count,
                     T* largest, Offset* at) {
  const int64_t width = g.input[2], stride = g.stride[2];
  for (int64_t i = 0; i < count; ++i) {
    largest[i] = -std::numeric_limits<T>::infinity();
    at[i] = Offset((depth.begin * g.input[1] + height.begin) * width +
                   pool_window(g, 2, first + i).begin);
  }
  for (int64_t d = depth.begin; d < depth.end; d += depth.step) {
    for (int64_t h = height.begin; h < height.end; h += height.step) {
      const int64_t line = (d * g.input[1] + h) * width;
      for (int64_t tap = 0; tap < g.kernel[2]; ++tap) {
        // Outputs o with 0 <= o * stride + shift < width.
        const int64_t shift = tap * g.dilation[2] - g.padding[2];
        const int64_t low = std::max(shift < 0 ? (stride - 1 - shift) / stride : 0, first);
        const int64_t high =
            std::min(shift < width ? (width - shift + stride - 1) / stride : 0, first + count);
        if (low >= high) continue;
        const int64_t offset = line + low * stride + shift;
        take_largest(in + offset, stride, high - low, readable - offset, high == first + count,
                     Offset(offset), largest + (low - first), at + (low - first));
      }
    }
  }
}

/// Calls body(output offset, windows along depth, height and width, largest input, its offset in the plane) for
/// each output of a plane. `readable` elements may be read from `in` on, at least the plane's own.
template <class T, class Body>
void for_each_largest(const T* in, int64_t readable, const PoolGeometry& g, const Body& body) {
  using Offset =
      std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;  // as wide as T, for the vectors
  constexpr int64_t kOutputs = 16 * kPoolLanes;
  if (g.adaptive || numel_of(g.input) > std::numeric_limits<Offset>::max()) {
    for_each_window(g, [&](int64_t at, const auto& d, const auto& h, const auto& w) {
      T largest;
      const int64_t offset = largest_of_window(in, g, d, h, w, largest);
      body(at, d, h, w, largest, offset);
    });
    return;
  }
  T largest[kOutputs + kPoolLanes] = {};
  Offset offset[kOutputs + kPoolLanes] = {};
  for (int64_t line = 0; line < g.output[0] * g.output[1]; ++line) {
    const PoolWindow depth = pool_window(g, 0, line / g.output[1]);
    const PoolWindow height = pool_window(g, 1, line % g.output[1]);
    for (int64_t first = 0; first < g.output[2]; first += kOutputs) {
      const int64_t count = std::min(kOutputs, g.output[2] - first);
      largest_of_line(in, g, depth, height, readable, first, count, largest, offset);
      for (int64_t i = 0; i < count; ++i)
        body(line * g.output[2] + first + i, depth, height, pool_window(g, 2, first + i),
             largest[i], int64_t(offset[i]));
    }
  }
}

/// body(plane) for every plane, in parallel; `work` is the number of reads per plane.
template <class Body>
void for_each_plane(const PoolGeometry& g, const Body& body) {
  const int64_t work = std::max(numel_of(g.input), numel_of(g.output));
  const int64_t grain = std::max<int64_t>(1, 8192 / std::max<int64_t>(work, 1));
  parallel_for(0, g.planes, grain, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) body(plane);
  });
}

}  // namespace fg::cpu
