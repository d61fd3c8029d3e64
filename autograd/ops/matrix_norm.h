// PyTorch's namespace linalg, as far as it needs no decomposition: norms, and products under the names that
// they have there. All are differentiable.
#pragma once

#include <string_view>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/products.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"

namespace fg::linalg {

/// (sum |x|^ord)^(1/ord) over `dim` (all dims if absent); ord may be 0 and +-infinity. In `dtype` if given.
Tensor vector_norm(const Tensor& x, const Scalar& ord = 2, OptionalIntArrayRef dim = nullopt,
                   bool keepdim = false, optional<ScalarType> dtype = nullopt);
/// Norms of the matrices that lie in two dims: "fro" (the root of the sum of squares); 1 and -1: the largest,
/// the smallest sum of magnitudes of a column, infinity and -infinity: of a row. Not 2, -2 and "nuc", which
/// need singular values.
Tensor matrix_norm(const Tensor& x, std::string_view ord = "fro", IntArrayRef dim = {-2, -1},
                   bool keepdim = false, optional<ScalarType> dtype = nullopt);
Tensor matrix_norm(const Tensor& x, const Scalar& ord, IntArrayRef dim = {-2, -1},
                   bool keepdim = false, optional<ScalarType> dtype = nullopt);
/// A vector_norm over one dim or of a 1-d x, a matrix_norm over two dims or of a 2-d x; without `ord` the
/// vector_norm of order 2 over the given dims.
Tensor norm(const Tensor& x, const optional<Scalar>& ord = nullopt,
            OptionalIntArrayRef dim = nullopt, bool keepdim = false,
            optional<ScalarType> dtype = nullopt);
Tensor norm(const Tensor& x, std::string_view ord, OptionalIntArrayRef dim = nullopt,
            bool keepdim = false, optional<ScalarType> dtype = nullopt);

using fg::cross, fg::matmul, fg::matrix_power;
inline Tensor multi_dot(TensorList matrices) { return chain_matmul(matrices); }
/// Sums of products along `dim`, after broadcasting.
Tensor vecdot(const Tensor& x, const Tensor& y, int64_t dim = -1);
inline Tensor diagonal(const Tensor& x, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1) {
  return fg::diagonal(x, offset, dim1, dim2);
}

}  // namespace fg::linalg
