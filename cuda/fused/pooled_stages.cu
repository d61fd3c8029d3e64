// The library's own pooled stages.
#include "cuda/fused/builtin_chains.cuh"
#include "cuda/fused/pooled_tail.cuh"
#include "cuda/fused/stage.cuh"
#include "tensor/kernels/builtin_stages.h"

namespace fg::cuda {

#define X(Producer, Tail)                                                         \
  template void stage_forward(const StageTensors&, const Producer&, const Tail&); \
  template void stage_backward(const StageTensors&, const Producer&, const Tail&);
FOR_EACH_POOLED_STAGE(X)
#undef X

}  // namespace fg::cuda
