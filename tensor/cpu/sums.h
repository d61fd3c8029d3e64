// Sums that vectorise, stay accurate over long ranges and do not depend on the number of threads: lanes
// of T within a block, doubles across blocks, always in the same order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tensor/cpu/parallel.h"

namespace fg::cpu {

/// The grain of a parallel_for whose items have `elements` elements each.
inline int64_t grain_for(int64_t elements) {
  return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, elements));
}

/// Calls body(chunk, begin, end) for fixed chunks of [0, count) in parallel. An element's place in its
/// chunk, and so whether a vector or a scalar instruction treats it, does not depend on the threads.
template <class Body>
inline void parallel_chunks(int64_t count, const Body& body) {
  parallel_for(0, (count + kGrain - 1) / kGrain, 1, [&](int64_t chunk_begin, int64_t chunk_end) {
    for (int64_t chunk = chunk_begin; chunk < chunk_end; ++chunk)
      body(chunk, chunk * kGrain, std::min(count, (chunk + 1) * kGrain));
  });
}

/// Two sums over the same range; most callers of one sum ignore the second.
struct Sums {
  double first = 0, second = 0;
  Sums& operator+=(const Sums& other) {
    first += other.first, second += other.second;
    return *this;
  }
};

/// Calls add(i, a, b) for i in [0, count); it adds its terms to `a` and, if it has two, to `b`.
template <class T, class Add>
inline Sums blocked_sums(int64_t count, Add add) {
  constexpr int64_t kBlock = 512;
  Sums total;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, count);
    T a = 0, b = 0;
#pragma omp simd reduction(+ : a, b)
    for (int64_t i = begin; i < end; ++i) add(i, a, b);
    total += {double(a), double(b)};
  }
  return total;
}

/// blocked_sums of chunks in parallel, the chunks' results added in order.
template <class T, class Add>
inline Sums parallel_sums(int64_t count, Add add) {
  std::vector<Sums> partial(size_t((count + kGrain - 1) / kGrain));
  parallel_chunks(count, [&](int64_t chunk, int64_t begin, int64_t end) {
    partial[size_t(chunk)] =
        blocked_sums<T>(end - begin, [&](int64_t i, T& a, T& b) { add(begin + i, a, b); });
  });
  Sums total;
  for (const Sums& sums : partial) total += sums;
  return total;
}

/// Sums per column of a [rows, columns] range: add(row, column, a, b). Writes `first` and `second`.
template <class T, class Add>
inline void column_sums(int64_t rows, int64_t columns, double* first, double* second, Add add) {
  constexpr int64_t kWidth = 32, kBlock = 64;
  const int64_t strips = (columns + kWidth - 1) / kWidth;
  parallel_for(0, strips, grain_for(rows * kWidth), [&](int64_t strip_begin, int64_t strip_end) {
    for (int64_t strip = strip_begin; strip < strip_end; ++strip) {
      const int64_t column = strip * kWidth, width = std::min(kWidth, columns - column);
      std::fill_n(first + column, width, 0.0);
      std::fill_n(second + column, width, 0.0);
      for (int64_t begin = 0; begin < rows; begin += kBlock) {
        T a[kWidth] = {}, b[kWidth] = {};
        for (int64_t row = begin; row < std::min(begin + kBlock, rows); ++row) {
#pragma omp simd
          for (int64_t c = 0; c < width; ++c) add(row, column + c, a[c], b[c]);
        }
        for (int64_t c = 0; c < width; ++c) first[column + c] += a[c], second[column + c] += b[c];
      }
    }
  });
}

/// Sums per channel over batch and inner of a contiguous [batch, channels, inner] range:
/// add(n, c, i, a, b), where i is the flat index.
template <class T, class Add>
inline void channel_sums(int64_t batch, int64_t channels, int64_t inner, double* first,
                         double* second, Add add) {
  if (inner == 1) {
    column_sums<T>(batch, channels, first, second,
                   [&](int64_t n, int64_t c, T& a, T& b) { add(n, c, n * channels + c, a, b); });
    return;
  }
  parallel_for(0, channels, grain_for(batch * inner), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      Sums total;
      for (int64_t n = 0; n < batch; ++n) {
        const int64_t start = (n * channels + c) * inner;
        total += blocked_sums<T>(inner, [&](int64_t s, T& a, T& b) { add(n, c, start + s, a, b); });
      }
      first[c] = total.first, second[c] = total.second;
    }
  });
}

/// Calls f(c, i) for every element i of a contiguous [channels, inner] range, inner loop vectorised.
template <class F>
inline void for_each_in_channels(int64_t channels, int64_t inner, F f) {
  if (inner == 1) {
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) f(c, c);
    return;
  }
  for (int64_t c = 0; c < channels; ++c) {
#pragma omp simd
    for (int64_t s = 0; s < inner; ++s) f(c, c * inner + s);
  }
}

}  // namespace fg::cpu
