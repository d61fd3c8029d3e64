// The weight gradient of a convolution with the library's own chain, and the choice between it and cuDNN's.
#include "cuda/fused/conv3d_weight_grad.cuh"
#include "tensor/kernels/builtin_chains.h"

namespace fg::cuda {

bool conv3d_weight_grad_takes(const ConvGeometry& g, ScalarType type) {
  if (type != kFloat && type != kHalf && type != kBFloat16) return false;
  const Extents ones{1, 1, 1};
  if (g.groups != 1 || g.stride != ones || g.dilation != ones) return false;
  // Offsets into planes, and from a channel to one 8 further on, are counted in int.
  constexpr int64_t kLimit = int64_t(1) << 27;
  if (numel_of(g.input) >= kLimit || numel_of(g.output) >= kLimit) return false;
  for (size_t d = 0; d < 3; ++d)
    if (g.kernel[d] > weight_grad::kSide || g.padding[d] >= kLimit) return false;
  return g.in_channels <= 32 && g.out_channels <= 64;
}

#define X(Chain)                                                                              \
  template void conv3d_chain_weight_grad(                                                     \
      const Tensor&, const Tensor&, const std::vector<Tensor>&, const Tensor&, const Tensor&, \
      const Tensor&, const std::vector<Tensor>&, const ConvGeometry&, const Chain&);
X(functors::Conv3dTail)
X(functors::Chain<functors::Relu>)
#undef X

}  // namespace fg::cuda
