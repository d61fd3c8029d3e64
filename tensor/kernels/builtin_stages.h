// The fused stages that the library brings along, as pairs of types, so that the GPU's kernels can be instantiated
// for them: each list in one file of cuda/fused/.
#pragma once

#include "tensor/kernels/builtin_chains.h"
#include "tensor/kernels/stage.h"

namespace fg::functors {

using ReluChain = Chain<Relu>;
using GeluChain = Chain<Gelu>;
using NoChain = Chain<>;

}  // namespace fg::functors

#define FOR_EACH_POINTWISE_STAGE(X)                       \
  X(stage::Conv, stage::Pointwise<functors::Conv3dTail>)  \
  X(stage::Conv, stage::Pointwise<functors::ReluChain>)   \
  X(stage::Linear, stage::Pointwise<functors::GeluChain>) \
  X(stage::Linear, stage::Pointwise<functors::SwishScale>)
#define FOR_EACH_POOLED_STAGE(X)                                  \
  X(stage::Conv, stage::MaxPooled<functors::ConvTranspose3dTail>) \
  X(stage::Conv, stage::MaxPooled<functors::ReluChain>)
#define FOR_EACH_ROW_NORMED_STAGE(X)                             \
  X(stage::Linear, stage::RowNormed<functors::BiasHardtanhMish>) \
  X(stage::Sum, stage::RowNormed<functors::NoChain>)
#define FOR_EACH_LOGSUMEXP_STAGE(X) X(stage::Linear, stage::Logsumexp<functors::LogsumexpTail>)

namespace fg {

#define X(Producer, Tail) \
  template <>             \
  inline constexpr bool has_cuda_stage<Producer, Tail> = kHasCuda;
FOR_EACH_POINTWISE_STAGE(X)
FOR_EACH_POOLED_STAGE(X)
FOR_EACH_ROW_NORMED_STAGE(X)
FOR_EACH_LOGSUMEXP_STAGE(X)
#undef X

}  // namespace fg
