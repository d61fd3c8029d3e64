// The pointwise chains that the library brings along, as types, so that both devices' kernels can be
// instantiated for them; autograd/fused/builtin.h makes ops of them.
#pragma once

#include "tensor/kernels/chain_launchers.h"

namespace fg::functors {

using BiasGelu = Chain<AddChannel, Gelu>;
using SwishScale = Chain<Silu, MulChannel>;
using Conv3dTail = Chain<Relu, LeakyRelu, Gelu, Sigmoid, AddChannel>;
using ConvTranspose3dTail = Chain<LeakyRelu, MulChannel, LeakyRelu>;
using BiasHardtanhMish = Chain<AddChannel, Hardtanh, Mish>;
using LogsumexpTail = Chain<LeakyRelu, LeakyRelu, Gelu, Gelu>;

}  // namespace fg::functors

#define FOR_EACH_CHAIN_WITH_OPERANDS(X) \
  X(BiasGelu)                           \
  X(SwishScale)                         \
  X(Conv3dTail)                         \
  X(ConvTranspose3dTail)                \
  X(BiasHardtanhMish)
#define FOR_EACH_BUILTIN_CHAIN(X) \
  FOR_EACH_CHAIN_WITH_OPERANDS(X) \
  X(LogsumexpTail)

namespace fg {

#define X(Name) \
  template <>   \
  inline constexpr bool has_cuda_kernels<functors::Name> = kHasCuda;
FOR_EACH_BUILTIN_CHAIN(X)
#undef X

}  // namespace fg
