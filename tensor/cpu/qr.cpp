#include "tensor/kernels/qr.h"

#include <Eigen/QR>

namespace fg::cpu {

void orthonormal_basis(const Tensor& q, const Tensor& a) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const int64_t rows = a.size(0), columns = a.size(1);
  const Eigen::HouseholderQR<Matrix> qr(
      Eigen::Map<const Matrix>(a.data_ptr<double>(), rows, columns));
  Eigen::Map<Matrix> result(q.data_ptr<double>(), rows, columns);
  result = qr.householderQ() * Matrix::Identity(rows, columns);
  for (int64_t j = 0; j < columns; ++j) {
    const double diagonal = qr.matrixQR()(j, j);
    result.col(j) *= double(diagonal > 0) - double(diagonal < 0);
  }
}

}  // namespace fg::cpu
