// Products that are composed of others: bilinear forms, chains, outer and vector products. Operands
// must share one dtype. All are differentiable to any order.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// x1^T weight[k] x2 + bias[k] for each k: inputs (*, in1) and (*, in2), weight (out, in1, in2), bias
/// (out) or undefined; result (*, out).
Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const Tensor& bias = {});
/// beta * self + alpha * (n) x (m), where self broadcasts to (n, m).
Tensor addr(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta = 1,
            const Scalar& alpha = 1);
/// The sum of products beta * self + alpha * sum_i a[i] x b[i]: a (b, n, k), b (b, k, m).
Tensor addbmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta = 1,
              const Scalar& alpha = 1);
/// The product of matrices (the first and the last may be vectors), in the cheapest order.
Tensor chain_matmul(TensorList matrices);
/// Sums over dims_self of self and dims_other of other, paired in order; or over the last `dims` of
/// self and the first of other.
Tensor tensordot(const Tensor& self, const Tensor& other, IntArrayRef dims_self,
                 IntArrayRef dims_other);
Tensor tensordot(const Tensor& self, const Tensor& other, int64_t dims = 2);
/// Sum of products over the last dims of both; elementwise with a 0-d tensor.
Tensor inner(const Tensor& self, const Tensor& other);
Tensor vdot(const Tensor& self, const Tensor& other);
Tensor ger(const Tensor& self, const Tensor& other);
/// Kronecker product: extents multiply, dim by dim from the last.
Tensor kron(const Tensor& self, const Tensor& other);
/// Sum of the diagonal of a matrix.
Tensor trace(const Tensor& self);
/// The square matrices (..., n, n) multiplied n times, n >= 0.
Tensor matrix_power(const Tensor& self, int64_t n);
/// Vector product along `dim`, of extent 3 (by default the first such), after broadcasting.
Tensor cross(const Tensor& self, const Tensor& other, optional<int64_t> dim = nullopt);

}  // namespace fg
