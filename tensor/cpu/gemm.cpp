#include "tensor/cpu/gemm.h"

#include <memory>
#include <new>
#include <utility>

#include "tensor/cpu/gemm_kernel.h"
#include "tensor/cpu/parallel.h"

namespace fg::cpu {
namespace {

// Panels of b of kBlockK rows stay in the first-level cache, a block of a and one of b in the second.
constexpr int64_t kBlockK = 256, kBlockM = 96;
template <class T>
constexpr int64_t kBlockN = 10 * kPanelColumns<T>;

/// Scratch of this thread, kept between calls: at most a block of each operand per thread.
template <class T, int slot>
T* scratch(int64_t count) {
  thread_local AlignedArray<T> memory;
  thread_local int64_t capacity = 0;
  if (count > capacity) {
    memory = aligned_array<T>(count);
    capacity = count;
  }
  return memory.get();
}

int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// A row-major operand, transposed or not: element (i, j) of op(x).
template <class T>
struct Operand {
  const T* data;
  int64_t stride;
  bool transposed;

  const T* at(int64_t i, int64_t j) const {
    return transposed ? data + j * stride + i : data + i * stride + j;
  }
};

template <class T>
struct Product {
  Operand<T> a, b;
  T alpha, beta;
  T* c;
  int64_t ldc;

  /// The part of the product that begins at row i and column j of c.
  Product part(int64_t i, int64_t j) const {
    Product result = *this;
    result.a.data = a.at(i, 0);
    result.b.data = b.at(0, j);
    result.c = c + i * ldc + j;
    return result;
  }
};

/// Columns of the narrowest kernel that does `count` columns.
template <class T>
int64_t kernel_width(int64_t count) {
  return std::min<int64_t>(round_up(count, kLanes<T>), kPanelColumns<T>);
}

/// Rows [0, m) and columns [first, first + count) of c, for k indices [k_begin, k_begin + k).
template <class T>
void multiply_block(const Product<T>& x, int64_t m, int64_t first, int64_t count, int64_t k_begin,
                    int64_t k) {
  constexpr int64_t columns = kPanelColumns<T>;
  const T beta = k_begin == 0 ? x.beta : T(1);
  // A panel of b that only one panel of a meets is not worth a copy, if it is whole.
  const bool direct = !x.b.transposed && m <= kPanelRows;
  T* b_panels = scratch<T, 0>(k * round_up(count, columns));
  for (int64_t j = direct ? count / columns * columns : 0; j < count; j += columns) {
    const int64_t width = std::min(columns, count - j);
    pack_panel(x.b.at(k_begin, first + j), x.b.stride, x.b.transposed, k, width, b_panels + j * k,
               kernel_width<T>(width));
  }
  T* a_panels = scratch<T, 1>(k * std::min(round_up(m, kPanelRows), kBlockM));
  for (int64_t i_begin = 0; i_begin < m; i_begin += kBlockM) {
    const int64_t i_end = std::min(i_begin + kBlockM, m);
    for (int64_t i = i_begin; i < i_end; i += kPanelRows) {
      pack_panel(x.a.at(i, k_begin), x.a.stride, !x.a.transposed, k,
                 std::min<int64_t>(kPanelRows, i_end - i), a_panels + (i - i_begin) * k,
                 kPanelRows);
    }
    for (int64_t j = 0; j < count; j += columns) {
      const int64_t width = std::min(columns, count - j);
      const bool in_place = direct && width == columns;
      const T* b = in_place ? x.b.at(k_begin, first + j) : b_panels + j * k;
      const int64_t b_stride = in_place ? x.b.stride : kernel_width<T>(width);
      for (int64_t i = i_begin; i < i_end; i += kPanelRows) {
        const int64_t rows = std::min<int64_t>(kPanelRows, i_end - i);
        select_kernel<T>(rows, width)(k, a_panels + (i - i_begin) * k, b, b_stride, x.alpha, beta,
                                      x.c + i * x.ldc + first + j, x.ldc, width);
      }
    }
  }
}

template <class T>
void multiply(const Product<T>& x, int64_t m, int64_t n, int64_t k) {
  if (k == 0) {
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j)
        x.c[i * x.ldc + j] = x.beta == T(0) ? T(0) : x.beta * x.c[i * x.ldc + j];
  }
  for (int64_t j = 0; j < n; j += kBlockN<T>)
    for (int64_t p = 0; p < k; p += kBlockK)
      multiply_block(x, m, j, std::min(kBlockN<T>, n - j), p, std::min(kBlockK, k - p));
}

/// One column of c from rows of a and a contiguous vector: reading a once is all there is to it.
template <class T>
void multiply_vector(const Product<T>& x, int64_t m, int64_t k) {
  for (int64_t i = 0; i < m; ++i) {
    const T* row = x.a.at(i, 0);
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t p = 0; p < k; ++p) sum += row[p] * x.b.data[p];
    T& out = x.c[i * x.ldc];
    out = x.beta == T(0) ? x.alpha * sum : x.alpha * sum + x.beta * out;
  }
}

/// Rows and columns of the grid that c is cut into, one cell per thread: the one that reads least.
std::pair<int64_t, int64_t> split_among_threads(int64_t m, int64_t n, bool serial) {
  const int64_t threads = serial ? 1 : get_num_threads();
  std::pair<int64_t, int64_t> best = {1, threads};
  for (int64_t rows = 1; rows <= threads; ++rows) {
    if (threads % rows != 0) continue;
    const std::pair<int64_t, int64_t> grid = {rows, threads / rows};
    if (m / grid.first + n / grid.second < m / best.first + n / best.second) best = grid;
  }
  return best;
}

}  // namespace

template <class T>
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a,
          int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  const Product<T> x = {{a, lda, trans_a}, {b, ldb, trans_b}, alpha, beta, c, ldc};
  if (n == 1 && !trans_a && (trans_b || ldb == 1)) {
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(k, 1));
    parallel_for(0, m, grain, [&](int64_t begin, int64_t end) {
      multiply_vector(x.part(begin, 0), end - begin, k);
    });
    return;
  }
  // How c is cut does not show in the result: each element is summed in the same order anyway.
  constexpr int64_t kMinWork = 512 * 1024;  // below it waking threads costs more than it saves
  // Clang before 16 captures no structured binding in a lambda.
  const auto split = split_among_threads(m, n, in_parallel_region() || m * n * k < kMinWork);
  const int64_t rows = split.first, columns = split.second;
  const int64_t height = round_up((m + rows - 1) / rows, kPanelRows);
  const int64_t width = round_up((n + columns - 1) / columns, kPanelColumns<T>);
  parallel_for(0, rows * columns, 1, [&](int64_t first, int64_t last) {
    for (int64_t piece = first; piece < last; ++piece) {
      const int64_t i = piece / columns * height, j = piece % columns * width;
      if (i < m && j < n)
        multiply(x.part(i, j), std::min(height, m - i), std::min(width, n - j), k);
    }
  });
}

template <class T>
int64_t PackedMatrix<T>::row_extent(int64_t n) {
  return round_up(n, kLanes<T>);
}

template <class T>
PackedMatrix<T>::PackedMatrix(bool trans_a, int64_t m, int64_t k, const T* a, int64_t lda)
    : m_(m), k_(k), panels_(size_t(round_up(m, kPanelRows) * k)) {
  const Operand<T> left = {a, lda, trans_a};
  for (int64_t i = 0; i < m; i += kPanelRows) {
    pack_panel(left.at(i, 0), lda, !trans_a, k, std::min<int64_t>(kPanelRows, m - i),
               panels_.data() + i * k, kPanelRows);
  }
}

template <class T>
void PackedMatrix<T>::multiply(int64_t n, const T* b, int64_t ldb, T beta, T* c,
                               int64_t ldc) const {
  constexpr int64_t columns = kPanelColumns<T>;
  if (k_ == 0 && beta == T(0))
    for (int64_t i = 0; i < m_; ++i) std::fill_n(c + i * ldc, n, T(0));
  for (int64_t j = 0; j < n; j += columns) {
    for (int64_t p = 0; p < k_; p += kBlockK) {
      const int64_t width = std::min(columns, n - j), k = std::min(kBlockK, k_ - p);
      for (int64_t i = 0; i < m_; i += kPanelRows) {
        const int64_t rows = std::min<int64_t>(kPanelRows, m_ - i);
        select_kernel<T>(rows, width)(k, panels_.data() + i * k_ + p * kPanelRows, b + p * ldb + j,
                                      ldb, T(1), p == 0 ? beta : T(1), c + i * ldc + j, ldc, width);
      }
    }
  }
}

template class PackedMatrix<float>;
template class PackedMatrix<double>;
template void gemm(bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t,
                   const float*, int64_t, float, float*, int64_t);
template void gemm(bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t,
                   const double*, int64_t, double, double*, int64_t);

}  // namespace fg::cpu
