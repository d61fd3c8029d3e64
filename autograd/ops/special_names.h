// PyTorch's namespace special: ops of elementwise math under the names that they have there.
#pragma once

#include "autograd/ops/aliases.h"
#include "autograd/ops/quantile.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/special.h"

namespace fg::special {

using fg::digamma, fg::entr, fg::erf, fg::erfc, fg::erfinv, fg::exp2, fg::expm1, fg::log1p,
    fg::log_softmax, fg::logit, fg::logsumexp, fg::ndtr, fg::polygamma, fg::sinc, fg::softmax,
    fg::xlog1py, fg::xlogy;
/// The logistic function.
inline Tensor expit(const Tensor& x) { return sigmoid(x); }
inline Tensor gammaln(const Tensor& x) { return lgamma(x); }
inline Tensor multigammaln(const Tensor& x, int64_t p) { return mvlgamma(x, p); }
inline Tensor psi(const Tensor& x) { return digamma(x); }
inline Tensor round(const Tensor& x, int64_t decimals = 0) {
  return decimals == 0 ? fg::round(x) : fg::round(x, decimals);
}

}  // namespace fg::special
