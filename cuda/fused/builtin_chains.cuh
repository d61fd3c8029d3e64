// The library's own chains, whose kernels are in builtin_chains.cu: files that include this do not make them again.
#pragma once

#include "cuda/fused/chain.cuh"
#include "tensor/kernels/builtin_chains.h"

namespace fg::cuda {

#define X(Name)                                                                                 \
  extern template void chain_forward(const Tensor&, const Tensor&, const std::vector<Tensor>&,  \
                                     const functors::Name&);                                    \
  extern template void chain_backward(const Tensor&, const std::vector<Tensor>&, const Tensor&, \
                                      const Tensor&, const std::vector<Tensor>&,                \
                                      const functors::Name&);
FOR_EACH_BUILTIN_CHAIN(X)
#undef X
#define X(Name)                                                                               \
  extern template void chain_backward_summed(                                                 \
      const Tensor&, const Tensor&, const std::vector<Tensor>&, const Tensor&, const Tensor&, \
      const std::vector<Tensor>&, const functors::Name&);
FOR_EACH_CHAIN_WITH_OPERANDS(X)
#undef X

}  // namespace fg::cuda
