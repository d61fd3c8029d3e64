// Products of matrices and vectors. Operands must share one dtype; 16-bit types accumulate in float.
// All are differentiable to any order.
#pragma once

#include "autograd/node.h"

namespace fg {

/// (n, k) x (k, m).
Tensor mm(const Tensor& self, const Tensor& other);
/// (b, n, k) x (b, k, m).
Tensor bmm(const Tensor& self, const Tensor& other);
/// (n, k) x (k).
Tensor mv(const Tensor& self, const Tensor& vector);
/// Sum of products of two 1-d tensors.
Tensor dot(const Tensor& self, const Tensor& other);
/// (n) x (m) -> (n, m).
Tensor outer(const Tensor& self, const Tensor& other);
/// PyTorch's rules: 1-d operands are vectors, leading dims are batches and broadcast.
Tensor matmul(const Tensor& self, const Tensor& other);
/// beta * self + alpha * a x b, where self broadcasts to the product.
Tensor addmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta = 1,
             const Scalar& alpha = 1);
Tensor baddbmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta = 1,
               const Scalar& alpha = 1);
Tensor addmv(const Tensor& self, const Tensor& matrix, const Tensor& vector, const Scalar& beta = 1,
             const Scalar& alpha = 1);
/// x weight^T + bias: x (*, in), weight (out, in), bias (out) or undefined; result (*, out).
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
/// Einstein summation over letters, with "..." for broadcast dims: einsum("bij,bjk->bik", {a, b}).
Tensor einsum(std::string_view equation, TensorList operands);

}  // namespace fg
