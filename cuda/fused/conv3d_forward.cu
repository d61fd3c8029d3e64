// Convolution and chain in one kernel, for the library's own chains, and the choice between it and cuDNN.
#include "cuda/fused/conv3d_forward.cuh"
#include "tensor/kernels/builtin_chains.h"

namespace fg::cuda {

bool conv3d_forward_fits(const ConvGeometry& g, ScalarType type) {
  using namespace conv3d;
  if (type != kFloat && type != kHalf && type != kBFloat16) return false;
  const Extents ones{1, 1, 1};
  if (g.groups != 1 || g.stride != ones || g.dilation != ones) return false;
  if (g.kernel[0] > kSlots || g.kernel[1] != kKernelHeight || g.kernel[2] > kMostWidth)
    return false;
  // An image's offsets, padded to whole words and whole blocks of channels, are counted in int; so are positions.
  constexpr int64_t kLimit = int64_t(1) << 31;
  if ((g.in_channels + 8) * numel_of(g.input) >= kLimit ||
      (g.out_channels + kChannels) * numel_of(g.output) >= kLimit)
    return false;
  for (size_t d = 0; d < 3; ++d)
    if (g.input[d] + 2 * g.padding[d] >= kLimit / 2) return false;
  const Problem p = type == kFloat  ? make_problem<float, PlainTile>(g)
                    : type == kHalf ? make_problem<Half, PlainTile>(g)
                                    : make_problem<BFloat16, PlainTile>(g);
  return p.items <= kMaxGrid &&
         SharedLayout<PlainTile>(p, kMostOperands).words * int64_t(sizeof(uint32_t)) <=
             device_properties().max_shared_bytes_per_block;
}

bool conv3d_forward_takes(const ConvGeometry& g, ScalarType type) {
  using namespace conv3d;
  const auto up_to = [](int64_t n, int64_t size) { return (n + size - 1) / size * size; };
  return conv3d_forward_fits(g, type) && g.in_channels <= 16 && g.output[0] >= 8 &&
         2 * g.output[1] * g.output[2] >=
             up_to(g.output[1], PlainTile::kRows) * up_to(g.output[2], PlainTile::kColumns);
}

#define X(chain)                                                                                 \
  template void conv3d_chain_forward(const Tensor&, const Tensor&, const Tensor&, const Tensor&, \
                                     const Tensor&, const std::vector<Tensor>&,                  \
                                     const ConvGeometry&, const chain&);
X(functors::Conv3dTail)
X(functors::Chain<functors::Relu>)
#undef X

}  // namespace fg::cuda
