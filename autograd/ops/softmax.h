// softmax and its relatives over one dim, and logsumexp over any.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// exp(x) / sum(exp(x)) over `dim`; floating `input` of any shape, converted to `dtype` first if given.
/// A slice without a finite maximum gives NaN.
Tensor softmax(const Tensor& input, int64_t dim, optional<ScalarType> dtype = nullopt);
/// log(softmax(input)), without the underflow of taking the logarithm last.
Tensor log_softmax(const Tensor& input, int64_t dim, optional<ScalarType> dtype = nullopt);
/// softmax(-input).
Tensor softmin(const Tensor& input, int64_t dim, optional<ScalarType> dtype = nullopt);
/// log(sum(exp(input))) over `dim` (every dim if empty); -inf where all are -inf or there are none.
/// Integers convert to the default dtype.
Tensor logsumexp(const Tensor& input, IntArrayRef dim, bool keepdim = false);
/// Samples of the Gumbel-softmax distribution (Jang et al., 2016) from unnormalised log-probabilities.
/// `hard`: one-hot values with the gradient of the soft sample.
Tensor gumbel_softmax(const Tensor& logits, double tau = 1, bool hard = false, int64_t dim = -1);

}  // namespace fg
