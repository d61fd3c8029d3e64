// y = chain(z): the kernels of the chain (chain.cuh). Bytes: z read, y written; backward z and grad_y read, grad_z
// written.
#pragma once

#include "cuda/fused/stage_producers.cuh"
#include "tensor/kernels/chain_launchers.h"

namespace fg::cuda::stage_detail {

template <class C>
void tail_forward(const StageTensors& t, const Tensor& z, const stage::Pointwise<C>& tail) {
  if (z.numel() > 0) chain_forward(cube(t.y), cube(z), t.operands, tail.chain);
}

template <class C>
bool tail_backward(const StageTensors& t, const Tensor& grad_z, const Tensor& z,
                   const Tensor& grad_bias, const stage::Pointwise<C>& tail) {
  const Tensor out = cube(grad_z), g = cube(t.grad_y), x = cube(z);
  if (C::num_channel_operands == 0 && !grad_bias.defined())
    chain_backward(out, {}, g, x, {}, tail.chain);
  else
    chain_backward_summed(out, grad_bias, t.grad_operands, g, x, t.operands, tail.chain);
  return true;
}

}  // namespace fg::cuda::stage_detail
