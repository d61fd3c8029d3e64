#include "tensor/cpu/gemm.h"

// GCC 12 takes the undefined operands inside its own AVX-512 intrinsics for uninitialised variables.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
// Eigen's own threading blocks k by the number of threads, and so would the rounding.
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>

#include "tensor/cpu/parallel.h"

namespace fg::cpu {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using ConstMap = Eigen::Map<const Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
using MutableMap = Eigen::Map<Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class T>
void serial_gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a,
                 int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  const ConstMap<T> left(a, trans_a ? k : m, trans_a ? m : k, Eigen::OuterStride<>(lda));
  const ConstMap<T> right(b, trans_b ? n : k, trans_b ? k : n, Eigen::OuterStride<>(ldb));
  MutableMap<T> out(c, m, n, Eigen::OuterStride<>(ldc));
  if (beta == T(0)) {
    out.setZero();
  } else if (beta != T(1)) {
    out *= beta;
  }
  if (k == 0) return;
  if (trans_a && trans_b) {
    out.noalias() += alpha * left.transpose() * right.transpose();
  } else if (trans_a) {
    out.noalias() += alpha * left.transpose() * right;
  } else if (trans_b) {
    out.noalias() += alpha * left * right.transpose();
  } else {
    out.noalias() += alpha * left * right;
  }
}

}  // namespace

template <class T>
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a,
          int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  // Pieces of the longer side of c, at most kPieces and each at least kMinPiece long: by shape only.
  constexpr int64_t kPieces = 8, kMinPiece = 48, kMinWork = 256 * 1024;
  const int64_t longer = std::max(m, n);
  const int64_t pieces =
      m * n * k < kMinWork ? 1 : std::clamp<int64_t>(longer / kMinPiece, 1, kPieces);
  const int64_t length = (longer / pieces + 15) / 16 * 16;  // whole vectors
  parallel_for(0, (longer + length - 1) / length, 1, [&](int64_t first, int64_t last) {
    // Each piece is a product of its own, whoever computes it: equal bits.
    for (int64_t piece = first; piece < last; ++piece) {
      const int64_t at = piece * length, size = std::min(length, longer - at);
      if (m >= n) {
        serial_gemm(trans_a, trans_b, size, n, k, alpha, a + at * (trans_a ? 1 : lda), lda, b, ldb,
                    beta, c + at * ldc, ldc);
      } else {
        serial_gemm(trans_a, trans_b, m, size, k, alpha, a, lda, b + at * (trans_b ? ldb : 1), ldb,
                    beta, c + at, ldc);
      }
    }
  });
}

template void gemm(bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t,
                   const float*, int64_t, float, float*, int64_t);
template void gemm(bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t,
                   const double*, int64_t, double, double*, int64_t);

}  // namespace fg::cpu
