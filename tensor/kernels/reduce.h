// Reductions over the middle of a contiguous (outer, n, inner) array; declared for both devices.
#pragma once

#include "tensor/tensor.h"

namespace fg {

enum class ReduceKind { sum, prod, max, min, any, all };

/// out[o][i] = reduction of x[o][:][i]; x is (outer, n, inner), out (outer, inner), both contiguous,
/// of one dtype: Float, Double, Long, or Bool (any, all); on CUDA also 16-bit types, of which `out` may be
/// Float. Floating sums are pairwise. max and min
/// propagate NaN and need n > 0. The order of summation depends on the shape alone.
using Reduce = void(const Tensor& out, const Tensor& x, ReduceKind kind);
/// Largest (or smallest) value along the middle dim and the first index it occurs at; NaN wins.
/// `indices` is Long. x is (outer, n, inner) of dtype Float, Double or Long, on CUDA also 16-bit, n > 0.
using ArgReduce = void(const Tensor& values, const Tensor& indices, const Tensor& x, bool largest);

namespace cpu {
Reduce reduce;
ArgReduce arg_reduce;
}  // namespace cpu
namespace cuda {
Reduce reduce;
ArgReduce arg_reduce;
}  // namespace cuda

}  // namespace fg
