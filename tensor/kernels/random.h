// Random fills, declared for both devices. The CPU's draw PyTorch's numbers (tests/fixtures/RNG.md
// says how); CUDA's draw Philox words (philox.h). They fill `out` in memory order. `out` is contiguous; the
// caller holds the lock.
#pragma once

#include <cmath>

#include "tensor/kernels/philox.h"
#include "tensor/tensor.h"

namespace fg {

/// Uniform on [0, 1) from the lowest 24 bits of a word, or 53 of two.
constexpr float unit_float(uint32_t word) { return float(word & ((1u << 24) - 1)) * 0x1p-24f; }
constexpr double unit_double(uint64_t words) {
  return double(words & ((uint64_t{1} << 53) - 1)) * 0x1p-53;
}

/// Uniform on [low, low + span) as a T, computed in W; what rounds up to `upper` becomes low.
template <class T, class W>
constexpr T uniform_between(W unit, W low, W span, T upper) {
  const T value = T(std::fma(unit, span, low));
  return W(value) == W(upper) ? T(low) : value;
}

/// An integer as a T; what a floating T cannot hold is rounded once.
template <class T>
constexpr T integer_as(int64_t value) {
  if constexpr (std::is_same_v<T, bool>)
    return value != 0;
  else if constexpr (std::is_integral_v<T>)
    return T(value);
  else if constexpr (std::is_same_v<T, double>)
    return double(value);
  else
    return T(float(value));
}

/// Whether random_() without a range needs 64 random bits for a T, and what it makes of a draw.
template <class T>
inline constexpr bool kFullRangeIsWide = std::is_same_v<T, int64_t> || std::is_same_v<T, double>;
template <class T>
constexpr T full_range_integer(uint64_t draw) {
  if constexpr (std::is_same_v<T, bool>)
    return draw & 1;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return T(draw & 0xffu);
  else if constexpr (std::is_integral_v<T>)
    return T(draw & (~uint64_t{0} >> (65 - 8 * sizeof(T))));
  else if constexpr (std::is_same_v<T, double>)
    return double(draw % ((uint64_t{1} << 53) + 1));
  else {
    constexpr uint32_t digits = std::is_same_v<T, float> ? 24 : std::is_same_v<T, Half> ? 11 : 8;
    return T(float(uint32_t(draw) % ((1u << digits) + 1)));
  }
}

/// Ranges from here on take 64 random bits.
inline constexpr uint64_t kWideRange = uint64_t{1} << 28;

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

namespace cuda {
/// y = x * keep / (1 - p), where each element's keep is 1 with probability 1 - p, else 0, and drawn anew from
/// `draw` whenever it is needed: the same call is the gradient's, and no mask is kept. Contiguous tensors of
/// one floating dtype; 0 <= p < 1. The CPU's dropout keeps PyTorch's stream and so is composed instead.
void dropout(const Tensor& y, const Tensor& x, double p, const PhiloxDraw& draw);
/// The draw for `numel` elements of dropout; the stream moves on.
PhiloxDraw draw_dropout(int64_t numel, GeneratorState& state);
/// Reports negative, infinite and NaN weights, and rows without a positive one; [rows, categories], floating.
void check_weights(const Tensor& rows);
}  // namespace cuda

}  // namespace fg
