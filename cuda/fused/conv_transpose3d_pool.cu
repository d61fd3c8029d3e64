// The kernels of the library's own chain behind a transposed convolution.
#include "cuda/fused/conv_transpose3d_pool.cuh"
#include "tensor/kernels/builtin_chains.h"

namespace fg::cuda {

bool conv_transpose3d_chain_pool_takes(const ConvGeometry& g, const PoolGeometry& pool,
                                       ScalarType type) {
  if (type != kFloat && type != kBFloat16 && type != kHalf) return false;
  if (g.groups != 1 || g.out_channels > 32 || g.in_channels > 64 || pool.adaptive) return false;
  for (size_t d = 0; d < 3; ++d) {
    const bool undone = g.kernel[d] == 3 && g.stride[d] == 2 && g.padding[d] == 1 &&
                        g.dilation[d] == 1 && g.input[d] == 2 * g.output[d];
    const bool pooled = pool.kernel[d] == 2 && pool.stride[d] == 2 && pool.padding[d] == 0 &&
                        pool.dilation[d] == 1 && pool.output[d] == g.output[d];
    if (!undone || !pooled) return false;
  }
  return true;
}

using functors::ConvTranspose3dTail;
template void conv_transpose3d_chain_pool_forward(const Tensor&, const Tensor&, const Tensor&,
                                                  const Tensor&, const Tensor&, const Tensor&,
                                                  const std::vector<Tensor>&, const ConvGeometry&,
                                                  const PoolGeometry&, const ConvTranspose3dTail&);
template void conv_transpose3d_chain_pool_backward(const Tensor&, const Tensor&,
                                                   const std::vector<Tensor>&, const Tensor&,
                                                   const Tensor&, const Tensor&, const Tensor&,
                                                   const std::vector<Tensor>&, const ConvGeometry&,
                                                   const PoolGeometry&, const ConvTranspose3dTail&);

}  // namespace fg::cuda
