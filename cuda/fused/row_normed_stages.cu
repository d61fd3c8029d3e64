// The library's own row-normed stages.
#include "cuda/fused/builtin_chains.cuh"
#include "cuda/fused/row_normed_tail.cuh"
#include "cuda/fused/stage.cuh"
#include "tensor/kernels/builtin_stages.h"

namespace fg::cuda {

#define X(Producer, Tail)                                                         \
  template void stage_forward(const StageTensors&, const Producer&, const Tail&); \
  template void stage_backward(const StageTensors&, const Producer&, const Tail&);
FOR_EACH_ROW_NORMED_STAGE(X)
#undef X

}  // namespace fg::cuda
