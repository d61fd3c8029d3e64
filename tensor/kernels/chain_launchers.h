// Launchers of pointwise chains. Templates over the chain: the CPU's are defined in tensor/cpu/chain.h, the
// GPU's in cuda/fused/chain.cuh, which only nvcc can instantiate.
#pragma once

#include "tensor/kernels/chain.h"
#include "tensor/on_device.h"

namespace fg {

#define FOR_EACH_CHAIN_NAMESPACE(X) X(cpu) X(cuda)
#define X(device)                                                                                        \
  namespace device {                                                                                     \
  /* y = chain(x), both contiguous (outer, channels, inner) of one floating dtype (the CPU: Float or \
     Double); `operands` holds one contiguous (channels) tensor of that dtype per channel stage. */   \
  template <class C>                                                                                     \
  void chain_forward(const Tensor& y, const Tensor& x, const std::vector<Tensor>& operands,              \
                     const C& chain);                                                                    \
  /* Gradients of chain_forward; `grad_operands` are overwritten. Sums are in an order that depends on \
     the shape alone. */ \
  template <class C>                                                                                     \
  void chain_backward(const Tensor& grad_x, const std::vector<Tensor>& grad_operands,                    \
                      const Tensor& g, const Tensor& x, const std::vector<Tensor>& operands,             \
                      const C& chain);                                                                   \
  }
FOR_EACH_CHAIN_NAMESPACE(X)
#undef X

/// Whether chain C has kernels for the GPU: where nvcc compiles it, and the library's own chains. Elsewhere its
/// op is composed of plain ops on CUDA tensors. (A chain used both in files that nvcc compiles and in files that
/// it does not needs a specialisation of this that all of them see, as in builtin_chains.h.)
template <class C>
#ifdef __CUDACC__
inline constexpr bool has_cuda_kernels = kHasCuda;
#else
inline constexpr bool has_cuda_kernels = false;
#endif

}  // namespace fg
