// What the indexing ops share: reads and writes through index tensors, with their nodes.
#pragma once

#include "autograd/node.h"
#include "autograd/ops/indexing.h"
#include "tensor/kernels/index.h"
#include "tensor/on_device.h"

namespace fg::detail {

/// One Long tensor per dim of the tensor that they index; undefined where a dim is taken whole.
using Indices = std::vector<Tensor>;

/// x at the indices, as a copy, recorded as `op`Backward. Negative entries count from the end, or are out of
/// range unless `negative`.
Tensor read_indices(const Tensor& x, const Indices& indices, const char* op, bool negative = true);
/// Writes `values` (broadcast; of x's dtype) into x at the indices, or adds them.
void write_indices(const Tensor& x, const Indices& indices, const Tensor& values, bool accumulate,
                   const char* op, bool negative = true);

/// out[i][j][k] = x[i][index[i][j][k]][k] for dim 1: gather without its checks, recorded as
/// `op`Backward. The differentiable half of gather, sort, topk and all that pick along a dim.
Tensor pick_along(const Tensor& x, int64_t dim, const Tensor& index, const char* op);

/// x as the scan and sort kernels take it: integers as Long, floating types as x's device computes on
/// them; contiguous, without history.
inline Tensor to_compute(const Tensor& x) {
  return x.detach().to(is_floating(x.dtype()) ? kernel_type(x) : kLong).contiguous();
}

/// Runs an indexed write or addition; access_of(target) addresses the tensor that is written, which
/// is x itself, or on the CPU a float copy of it: 16-bit types add up in float, so that many small additions
/// are not lost; the GPU's kernel does so itself. `values` may share x's memory.
template <class AccessOf>
void run_indexed_write(const Tensor& x, Tensor values, bool accumulate, AccessOf access_of) {
  if (values.is_alias_of(x)) values = values.detach().clone();
  if (!accumulate) {
    ON_DEVICE(x, indexed_write, x, values, access_of(x));
  } else if (x.is_cuda() || !is_reduced_floating(x.dtype())) {
    ON_DEVICE(x, indexed_add, x, values, access_of(x));
  } else {
    NoGradGuard no_grad;
    const Tensor sum = x.to(kFloat);
    ON_DEVICE(x, indexed_add, sum, values.to(kFloat), access_of(sum));
    x.detach().copy_(sum);
  }
}

}  // namespace fg::detail
