// The inner parts of the matrix product: packing into panels and the register-blocked kernel. Written
// with the compiler's vector types, so one source serves every instruction set; the blocking is that
// of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008).
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

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

/// panel[p][j] = element (p, j) of a k x count block for j < count, and zero for the other j < width,
/// a multiple of kTile. `along_k`: element (p, j) lies at from[j * stride + p], else at
/// from[p * stride + j].
template <class T>
void pack_panel(const T* from, int64_t stride, bool along_k, int64_t k, int64_t count, T* panel,
                int64_t width) {
  if (!along_k) {
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

template <class T>
using Kernel = void (*)(int64_t k, const T* a, const T* b, int64_t b_stride, T alpha, T beta, T* c,
                        int64_t ldc, int64_t columns);

template <class T, int vectors, int... row>
constexpr Kernel<T> kernel_for_rows(int64_t rows, std::integer_sequence<int, row...>) {
  constexpr Kernel<T> table[] = {kernel<T, row + 1, vectors>...};
  return table[rows - 1];
}

/// The kernel for 1 to kPanelRows rows and 1 to kPanelColumns columns.
template <class T>
Kernel<T> select_kernel(int64_t rows, int64_t columns) {
  constexpr auto all_rows = std::make_integer_sequence<int, kPanelRows>();
  if (columns <= kLanes<T>) return kernel_for_rows<T, 1>(rows, all_rows);
  if (columns <= 2 * kLanes<T>) return kernel_for_rows<T, 2>(rows, all_rows);
  return kernel_for_rows<T, kPanelVectors>(rows, all_rows);
}

}  // namespace fg::cpu
