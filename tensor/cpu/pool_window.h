// Walking the windows of a pool.
#pragma once

#include <limits>

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
