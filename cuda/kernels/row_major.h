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

/// The cuBLASLt product for out = x y: `out` 2-d or 3-d, contiguous and not empty, of a floating dtype that x
/// and y share; x.cols > 0. Precision and reductions follow globalContext(), as of now. x and y may be copies of
/// the operands and must live until the product has been started, hence no temporaries.
lt::Product row_major_product(const Tensor& out, MatrixStack& x, MatrixStack& y);

}  // namespace fg::cuda
