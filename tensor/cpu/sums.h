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

/// What one element adds to two sums over the same range. Callers of one sum leave the second at 0.
/// Returned by value: accumulators that a function object could reach would not stay in registers.
template <class T>
struct Terms {
  T first, second = 0;
};

struct Sums {
  double first = 0, second = 0;
  Sums& operator+=(const Sums& other) {
    first += other.first, second += other.second;
    return *this;
  }
};

/// Sums of terms(i), a Terms<T>, for i in [0, count). The lanes are spelled out because a simd reduction
/// over inlined function objects keeps its accumulators in memory, one dependent chain of stores.
template <class T, class Function>
inline Sums blocked_sums(int64_t count, Function terms) {
  constexpr int64_t kLanes = 32, kBlock = 128 * kLanes;
  Sums total;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, count), full = end - (end - begin) % kLanes;
    T a[kLanes] = {}, b[kLanes] = {};
    const auto add = [&](int64_t i, int64_t lane) {
      const Terms<T> t = terms(i);
      a[lane] += t.first;
      b[lane] += t.second;
    };
    for (int64_t i = begin; i < full; i += kLanes) {
#pragma omp simd
      for (int64_t lane = 0; lane < kLanes; ++lane) add(i + lane, lane);
    }
#pragma omp simd
    for (int64_t i = full; i < end; ++i) add(i, i - full);
    for (int64_t half = kLanes / 2; half > 0; half /= 2)
      for (int64_t lane = 0; lane < half; ++lane)
        a[lane] += a[lane + half], b[lane] += b[lane + half];
    total += {double(a[0]), double(b[0])};
  }
  return total;
}

/// blocked_sums of chunks in parallel, the chunks' results added in order.
template <class T, class Function>
inline Sums parallel_sums(int64_t count, Function terms) {
  std::vector<Sums> partial(size_t((count + kGrain - 1) / kGrain));
  parallel_chunks(count, [&](int64_t chunk, int64_t begin, int64_t end) {
    partial[size_t(chunk)] =
        blocked_sums<T>(end - begin, [&](int64_t i) { return terms(begin + i); });
  });
  Sums total;
  for (const Sums& sums : partial) total += sums;
  return total;
}

/// Sums of terms(row, column) per column of a [rows, columns] range. Writes `first` and `second`.
template <class T, class Function>
inline void column_sums(int64_t rows, int64_t columns, double* first, double* second,
                        Function terms) {
  constexpr int64_t kWidth = 128, kBlock = 64;
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
          for (int64_t c = 0; c < width; ++c) {
            const Terms<T> t = terms(row, column + c);
            a[c] += t.first;
            b[c] += t.second;
          }
        }
        for (int64_t c = 0; c < width; ++c) first[column + c] += a[c], second[column + c] += b[c];
      }
    }
  });
}

/// Sums of terms(n, c, i), i being the flat index, per channel over batch and inner of a contiguous
/// [batch, channels, inner] range.
template <class T, class Function>
inline void channel_sums(int64_t batch, int64_t channels, int64_t inner, double* first,
                         double* second, Function terms) {
  if (inner == 1) {
    column_sums<T>(batch, channels, first, second,
                   [&](int64_t n, int64_t c) { return terms(n, c, n * channels + c); });
    return;
  }
  parallel_for(0, channels, grain_for(batch * inner), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      Sums total;
      for (int64_t n = 0; n < batch; ++n) {
        const int64_t start = (n * channels + c) * inner;
        total += blocked_sums<T>(inner, [&](int64_t s) { return terms(n, c, start + s); });
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
