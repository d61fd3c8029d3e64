// Matrix product on row-major blocks.
#pragma once

#include <cstdint>
#include <vector>

namespace fg::cpu {

/// c = alpha * op(a) * op(b) + beta * c, row-major, where op(a) is m x k and op(b) is k x n; a is
/// stored m x k (k x m if trans_a) with rows `lda` apart, and so on. c is not read when beta is 0.
/// T is float or double. Uses all threads, or only the caller inside a parallel region; the result
/// does not depend on it.
template <class T>
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a,
          int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc);

/// op(a), m x k, laid out once for many products.
template <class T>
class PackedMatrix {
 public:
  PackedMatrix(bool trans_a, int64_t m, int64_t k, const T* a, int64_t lda);

  /// c = op(a) * b + beta * c in the calling thread; b is k x n. Whole vectors are read: rows of b,
  /// `ldb` apart, must be readable for row_extent(n) elements. Beta is 0 or 1.
  void multiply(int64_t n, const T* b, int64_t ldb, T beta, T* c, int64_t ldc) const;
  static int64_t row_extent(int64_t n);

 private:
  int64_t m_, k_;
  std::vector<T> panels_;
};

}  // namespace fg::cpu
