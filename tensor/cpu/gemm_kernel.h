// The inner parts of the matrix product: packing into panels and the register-blocked kernel. Written
// with the compiler's vector types, so one source serves every instruction set; the blocking is that
// of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "tensor/host_memory.h"

namespace fg::cpu {

// Bytes of a vector, and the rows and vectors of c that one kernel call keeps in registers.
#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64, kPanelRows = 8, kPanelVectors = 3;
#else
inline constexpr int kVectorBytes = 32, kPanelRows = 4, kPanelVectors = 2;
#endif
template <class T>
inline constexpr int kLanes = kVectorBytes / int(sizeof(T));
template <class T>
inline constexpr int kPanelColumns = kLanes<T>* kPanelVectors;

/// Loads and stores at any address of a T.
template <class T, int bytes>
struct Unaligned {
  typedef T Vector __attribute__((vector_size(bytes)));
  typedef T Memory __attribute__((vector_size(bytes), aligned(alignof(T)), may_alias));
};

/// Uninitialised elements that begin on a vector's boundary. Large ones are kept for the next such array.
struct ScratchDelete {
  int64_t num_bytes = 0;
  void operator()(void* p) const { free_host_scratch(p, num_bytes); }
};
template <class T>
using AlignedArray = std::unique_ptr<T[], ScratchDelete>;
template <class T>
AlignedArray<T> aligned_array(int64_t count) {
  const int64_t num_bytes = count * int64_t(sizeof(T));
  return AlignedArray<T>(static_cast<T*>(allocate_host_scratch(num_bytes)), {num_bytes});
}

inline constexpr int kTile = kPanelRows;

/// Exchanges the off-diagonal `half` x `half` blocks of rows a and b.
template <int half, class V, int... lane>
void exchange(V& a, V& b, std::integer_sequence<int, lane...>) {
  const V low = __builtin_shufflevector(a, b, (lane & half ? kTile + lane - half : lane)...);
  b = __builtin_shufflevector(a, b, (lane & half ? kTile + lane : lane + half)...);
  a = low;
}

template <int half, class V>
void exchange_all(V (&rows)[kTile]) {
#pragma GCC unroll 8
  for (int i = 0; i < kTile; ++i)
    if (!(i & half))
      exchange<half>(rows[i], rows[i + half], std::make_integer_sequence<int, kTile>());
  if constexpr (half > 1) exchange_all<half / 2>(rows);
}

/// to[j][i] = from[i][j] for a kTile x kTile tile, of which only `count` rows exist: the rest is zero.
template <class T>
void transpose_tile(const T* from, int64_t from_stride, int64_t count, T* to, int64_t to_stride) {
  using Row = Unaligned<T, kTile* int(sizeof(T))>;
  typename Row::Vector rows[kTile] = {};
#pragma GCC unroll 8
  for (int i = 0; i < kTile; ++i)
    if (i < count) rows[i] = *reinterpret_cast<const typename Row::Memory*>(from + i * from_stride);
  exchange_all<kTile / 2>(rows);
#pragma GCC unroll 8
  for (int i = 0; i < kTile; ++i)
    *reinterpret_cast<typename Row::Memory*>(to + i * to_stride) = rows[i];
}

/// `rows` rows of `width` elements from rows `stride` apart, for each of `widths` a loop without calls.
template <class T, int... widths>
bool copy_rows(const T* from, int64_t stride, int64_t rows, int64_t width, T* to,
               std::integer_sequence<int, widths...>) {
  const auto copy = [&]<int n>(std::integral_constant<int, n>) {
    if (width != n) return false;
    for (int64_t p = 0; p < rows; ++p) std::memcpy(to + p * n, from + p * stride, n * sizeof(T));
    return true;
  };
  return (copy(std::integral_constant<int, widths>()) || ...);
}

/// panel[p][j] = element (p, j) of a k x count block for j < count, and zero for the other j < width,
/// a multiple of kTile. `along_k`: element (p, j) lies at from[j * stride + p], else at
/// from[p * stride + j].
template <class T>
void pack_panel(const T* from, int64_t stride, bool along_k, int64_t k, int64_t count, T* panel,
                int64_t width) {
  if (!along_k) {
    using Widths = std::integer_sequence<int, kTile, kLanes<T>, 2 * kLanes<T>, kPanelColumns<T>>;
    if (count == width && copy_rows(from, stride, k, width, panel, Widths())) return;
    for (int64_t p = 0; p < k; ++p) {
      T* end = std::copy_n(from + p * stride, count, panel + p * width);
      std::fill_n(end, width - count, T(0));
    }
    return;
  }
  const int64_t tiled = k / kTile * kTile;
  for (int64_t j = 0; j < width; j += kTile) {
    const int64_t rows = std::clamp<int64_t>(count - j, 0, kTile);
    for (int64_t p = 0; p < tiled; p += kTile)
      transpose_tile(from + j * stride + p, stride, rows, panel + p * width + j, width);
    for (int64_t p = tiled; p < k; ++p)
      for (int64_t i = 0; i < kTile; ++i)
        panel[p * width + j + i] = i < rows ? from[(j + i) * stride + p] : T(0);
  }
}

/// c = alpha * a * b + beta * c for a block of `rows` x `columns`; a is a packed panel of kPanelRows,
/// row p of b starts at b + p * b_stride and has `vectors` whole vectors. c is not read if beta is 0.
template <class T, int rows, int vectors>
void kernel(int64_t k, const T* a, const T* b, int64_t b_stride, T alpha, T beta, T* c, int64_t ldc,
            int64_t columns) {
  using Vector = typename Unaligned<T, kVectorBytes>::Vector;
  using Memory = typename Unaligned<T, kVectorBytes>::Memory;
  constexpr int lanes = kLanes<T>;
  Vector sum[rows][vectors] = {};
  for (int64_t p = 0; p < k; ++p) {
    Vector right[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v)
      right[v] = reinterpret_cast<const Memory*>(b + p * b_stride)[v];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const T left = a[p * kPanelRows + i];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sum[i][v] += left * right[v];
    }
  }
  const bool whole = columns == vectors * lanes;
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
    T edge[vectors * lanes] = {};
    T* row = c + i * ldc;
    if (!whole && beta != T(0)) std::copy_n(row, columns, edge);
    Memory* out = reinterpret_cast<Memory*>(whole ? row : edge);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v)
      out[v] = beta == T(0) ? alpha * sum[i][v] : alpha * sum[i][v] + beta * out[v];
    if (!whole) std::copy_n(edge, columns, row);
  }
}

/// tile[i][j] = start[i * start_stride + j] + the sum over p of a[i][offsets[p]] * b[p * b_stride + j]: a
/// product whose left operand lies wherever the offsets say. `start` may be `tile`.
template <class T, int rows, int vectors>
void gathering_kernel(int64_t k, const T* const* a, const int64_t* offsets, const T* b,
                      int64_t b_stride, const T* start, int64_t start_stride, T* tile) {
  using Vector = typename Unaligned<T, kVectorBytes>::Vector;
  using Memory = typename Unaligned<T, kVectorBytes>::Memory;
  const T* row[rows];
  Vector sum[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
    row[i] = a[i];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v)
      sum[i][v] = reinterpret_cast<const Memory*>(start + i * start_stride)[v];
  }
  for (int64_t p = 0; p < k; ++p) {
    Vector right[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v)
      right[v] = reinterpret_cast<const Memory*>(b + p * b_stride)[v];
    const int64_t offset = offsets[p];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const T left = row[i][offset];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sum[i][v] += left * right[v];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v)
      reinterpret_cast<Memory*>(tile + i * vectors * kLanes<T>)[v] = sum[i][v];
  }
}

/// make(rows, vectors), with both as integral constants, for 1 to kPanelRows rows and 1 to
/// kPanelColumns columns: picks the instance of a kernel.
template <class T, class Make>
auto select_instance(int64_t rows, int64_t columns, Make make) {
  const auto among = [=]<int vectors, int... row>(std::integral_constant<int, vectors> v,
                                                  std::integer_sequence<int, row...>) {
    const decltype(make(std::integral_constant<int, 1>(), v)) instances[] = {
        make(std::integral_constant<int, row + 1>(), v)...};
    return instances[rows - 1];
  };
  constexpr auto all_rows = std::make_integer_sequence<int, kPanelRows>();
  if (columns <= kLanes<T>) return among(std::integral_constant<int, 1>(), all_rows);
  if (columns <= 2 * kLanes<T>) return among(std::integral_constant<int, 2>(), all_rows);
  return among(std::integral_constant<int, kPanelVectors>(), all_rows);
}
template <class T>
auto select_kernel(int64_t rows, int64_t columns) {
  return select_instance<T>(rows, columns,
                            [](auto r, auto v) { return &kernel<T, r.value, v.value>; });
}
template <class T>
auto select_gathering_kernel(int64_t rows, int64_t columns) {
  return select_instance<T>(rows, columns,
                            [](auto r, auto v) { return &gathering_kernel<T, r.value, v.value>; });
}

}  // namespace fg::cpu
