// Launchers of pointwise chains. Templates over the chain: the CPU's are defined in tensor/cpu/chain.h, the
// GPU's in cuda/fused/chain.cuh, which only nvcc can instantiate.
#pragma once

#include "tensor/kernels/chain.h"
#include "tensor/on_device.h"

namespace fg {

#define FOR_EACH_CHAIN_NAMESPACE(X) X(cpu) X(cuda)
#define X(device)                                                                                           \
  namespace device {                                                                                        \
  /* y = chain(x), both contiguous (outer, channels, inner) of one floating dtype (the CPU: Float or \
     Double); `operands` holds one contiguous (channels) tensor per channel stage, of that dtype. On \
     CUDA operands of 16-bit x may be Float, and then y, too. y may be x. */      \
  template <class C>                                                                                        \
  void chain_forward(const Tensor& y, const Tensor& x, const std::vector<Tensor>& operands,                 \
                     const C& chain);                                                                       \
  /* Gradients of chain_forward; `grad_operands`, of the operands' dtype, are overwritten. Sums are in an \
     order that depends on the shape alone. grad_x may be g. */ \
  template <class C>                                                                                        \
  void chain_backward(const Tensor& grad_x, const std::vector<Tensor>& grad_operands,                       \
                      const Tensor& g, const Tensor& x, const std::vector<Tensor>& operands,                \
                      const C& chain);                                                                      \
  }
FOR_EACH_CHAIN_NAMESPACE(X)
#undef X

namespace cuda {
/// chain_backward that in the same pass sums grad_x over each channel: the gradient of a bias in front of the chain.
/// For 16-bit x, g, `grad_channel` and the `grad_operands` may be Float; gradients that are undefined are not written.
template <class C>
void chain_backward_summed(const Tensor& grad_x, const Tensor& grad_channel,
                           const std::vector<Tensor>& grad_operands, const Tensor& g,
                           const Tensor& x, const std::vector<Tensor>& operands, const C& chain);
}  // namespace cuda

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
