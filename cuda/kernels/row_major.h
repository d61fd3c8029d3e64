// From row-major tensors to column-major cuBLASLt: the one place that knows how.
//
// A row-major (r, c) matrix with rows ld apart is, read column by column, the c x r transpose with columns ld
// apart. So out = x y becomes out^T = y^T x^T: cuBLASLt's A is y, its B is x, its m are out's columns and its n
// out's rows. It reads y as y^T already, so op(A) is N when y is row-major and T when y is stored transposed;
// likewise op(B) for x. What cuBLASLt says of D's rows (the bias, its gradient) holds for out's columns.
#pragma once

#include "cuda/cublaslt.h"
#include "tensor/kernels/matrix_stack.h"

namespace fg::cuda {

/// The cuBLASLt product for out = x y: `out` 2-d or 3-d, contiguous and not empty, of the floating dtype that x
/// and y share, or Float when that has 16 bits; x.cols > 0. Precision and reductions follow globalContext(), as of
/// now. x and y become copies in the other order where that pays (flips_that_pay); they may be copies of the operands
/// anyway and must live until the product has been started, hence no temporaries.
lt::Product row_major_product(const Tensor& out, MatrixStack& x, MatrixStack& y);

/// Which operands of a product x y to copy into the other order first.
struct OrderFlips {
  bool x = false, y = false;
};
/// For a TF32 product of (rows, k) by (k, cols) matrices on the current device: Hopper's instruction takes operands
/// that lie along k, and cuBLASLt multiplies others at 0.87 of the speed when it is one of them, at 0.53 when it is
/// both (measured on an H200, cuBLAS 13.1), so that copying one or both first can take less time.
OrderFlips flips_that_pay(int64_t rows, int64_t cols, int64_t k, int64_t batch, bool x_lies_along_k,
                          bool y_lies_along_k);

}  // namespace fg::cuda
