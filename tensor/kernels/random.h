// Random fills, declared for both devices. The CPU's draw PyTorch's numbers (tests/fixtures/RNG.md
// says how); they fill `out` in memory order. `out` is contiguous; the caller holds the lock.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// [from, to), any dtype that is floating.
using FillUniform = void(const Tensor& out, double from, double to, GeneratorState& state);
/// `vectorized`: the block algorithm that PyTorch takes for 16 and more contiguous elements.
using FillNormal = void(const Tensor& out, double mean, double std, bool vectorized,
                        GeneratorState& state);
/// [from, from + range), any dtype; range 0 stands for 2^64.
using FillInteger = void(const Tensor& out, int64_t from, uint64_t range, GeneratorState& state);
/// The whole range of exactly representable non-negative integers of the dtype.
using FillIntegerFull = void(const Tensor& out, GeneratorState& state);
/// 1 with probability p, else 0; any dtype.
using FillBernoulli = void(const Tensor& out, double p, GeneratorState& state);
/// The same with one probability per element; `p` is contiguous, floating, of out's shape.
using FillBernoulliTensor = void(const Tensor& out, const Tensor& p, GeneratorState& state);
using FillExponential = void(const Tensor& out, double lambda, GeneratorState& state);
/// A permutation of 0...n-1 into a contiguous 1-d tensor of any dtype that holds n.
using FillPermutation = void(const Tensor& out, GeneratorState& state);
/// One row index per sample by inversion of the cumulated weights; out is (rows, samples) Long.
using SampleRows = void(const Tensor& out, const Tensor& weights, GeneratorState& state);

#define FOR_EACH_RANDOM_NAMESPACE(X) X(cpu) X(cuda)
#define X(device)                            \
  namespace device {                         \
  FillUniform fill_uniform;                  \
  FillNormal fill_normal;                    \
  FillInteger fill_integer;                  \
  FillIntegerFull fill_integer_full;         \
  FillBernoulli fill_bernoulli;              \
  FillBernoulliTensor fill_bernoulli_tensor; \
  FillExponential fill_exponential;          \
  FillPermutation fill_permutation;          \
  SampleRows sample_rows;                    \
  }
FOR_EACH_RANDOM_NAMESPACE(X)
#undef X

}  // namespace fg
